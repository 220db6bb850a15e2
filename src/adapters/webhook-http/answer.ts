import type { IncomingMessage } from 'node:http';
import type { Result } from './exchange.ts';
import { codeOf } from './target.ts';

/** Reads an answer up to `maxAnswerBytes`, keeps the first `keepBytes`. What lies beyond is never fetched: the caller destroys the connection. */
export function readAnswer(
  response: IncomingMessage,
  limits: { maxAnswerBytes: number; keepBytes: number },
): Promise<Result> {
  return new Promise((resolve) => {
    const kept: Buffer[] = [];
    let keptBytes = 0;
    let readBytes = 0;
    const answered = (answerCut: boolean): Result => {
      const status = response.statusCode ?? 0;
      const retryAfter = response.headers['retry-after'];
      return {
        kind: 'http-status',
        status,
        ...(retryAfter !== undefined && (status < 200 || status > 299) ? { retryAfter } : {}),
        answer: plainText(Buffer.concat(kept)),
        answerCut,
      };
    };
    response.on('data', (chunk: Buffer) => {
      if (keptBytes < limits.keepBytes) {
        const part = chunk.subarray(0, limits.keepBytes - keptBytes);
        // Copied: a slice would hold on to the whole chunk.
        kept.push(Buffer.from(part));
        keptBytes += part.length;
      }
      readBytes += chunk.length;
      if (readBytes > limits.maxAnswerBytes) resolve(answered(true));
    });
    response.on('end', () => resolve(answered(false)));
    response.on('error', (error) => resolve(brokeOff(codeOf(error))));
    response.on('close', () => resolve(brokeOff('closed')));
  });

  function brokeOff(detail: string): Result {
    return { kind: 'connect', detail: `${detail} while reading the answer (status ${response.statusCode})` };
  }
}

/** The bytes as UTF-8 text without what could steer a terminal; a character cut in two at the end is left out. */
function plainText(bytes: Buffer): string {
  const text = new TextDecoder().decode(bytes, { stream: true });
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, '\ufffd');
}
