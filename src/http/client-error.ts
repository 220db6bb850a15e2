import type { Socket } from 'node:net';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import { baselineHeaders } from './baseline.ts';
import { problemDocsPath, problemType } from './problem.ts';

type Fault = { code: ErrorCode; reason: string };

/** With the reason phrases of the status lines: to import node:http for them would load undici too, 4 MB (bench/start.ts). */
const faults: Record<string, Fault> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'request-timeout', reason: 'Request Timeout' },
  HPE_HEADER_OVERFLOW: { code: 'header-too-large', reason: 'Request Header Fields Too Large' },
};
const malformed: Fault = { code: 'malformed-http', reason: 'Bad Request' };

const unanswerable: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_TLS_HANDSHAKE_TIMEOUT']);

/**
 * Answers what is not an HTTP request (or never became one) on the bare socket, and closes it. There is no request, so the problem has no path: it comes
 * without `instance`.
 */
export function answerClientError(deps: { log: Log; requestId: () => string }) {
  return (err: Error & { code?: string }, socket: Socket): void => {
    // Before TLS is agreed on nothing can be said, and the end would wait for it.
    if (unanswerable.has(err.code ?? '') || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const requestId = deps.requestId();
    const { code, reason } = faults[err.code ?? ''] ?? malformed;
    deps.log.debug({ err, requestId, code }, 'not a valid request');
    const { status, title, detail } = errorTable[code];
    const body = JSON.stringify({
      type: `${problemDocsPath}#${code}`,
      title,
      status,
      detail,
      code,
      request_id: requestId,
    });
    const headers = {
      ...baselineHeaders,
      'x-request-id': requestId,
      'content-type': problemType,
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${reason}\r\n${head.join('')}\r\n${body}`);
  };
}
