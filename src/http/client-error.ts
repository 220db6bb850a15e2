import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import { baselineHeaders } from './baseline.ts';
import { problemDocsPath, problemType } from './problem.ts';

const codes: Record<string, ErrorCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
  HPE_HEADER_OVERFLOW: 'header-too-large',
};

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
    const code = codes[err.code ?? ''] ?? 'malformed-http';
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
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`);
  };
}
