import type { Socket } from 'node:net';
import type { Log } from '#ports/log.ts';
import { baselineHeaders } from './baseline.ts';

const answers: Record<string, { status: string; detail: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: '408 Request Timeout', detail: 'The request took too long to arrive' },
  HPE_HEADER_OVERFLOW: { status: '431 Request Header Fields Too Large', detail: 'The header is too large' },
};

/**
 * Answers what is not an HTTP request (or never became one) on the bare socket, and closes it. There is no request, so there is neither path nor code:
 * the status says it all (RFC 9457: `about:blank`).
 */
export function answerClientError(deps: { log: Log; requestId: () => string }) {
  return (err: Error & { code?: string }, socket: Socket): void => {
    if (err.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const requestId = deps.requestId();
    deps.log.debug({ err, requestId }, 'not a valid request');
    const { status, detail } = answers[err.code ?? ''] ?? {
      status: '400 Bad Request',
      detail: 'This is not a valid HTTP request',
    };
    const body = JSON.stringify({
      type: 'about:blank',
      title: status.slice(4),
      status: Number(status.slice(0, 3)),
      detail,
      request_id: requestId,
    });
    const headers = {
      ...baselineHeaders,
      'x-request-id': requestId,
      'content-type': 'application/problem+json',
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status}\r\n${head.join('')}\r\n${body}`);
  };
}
