import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError, type ErrorCode } from '#domain/errors.ts';
import { problemForUnknown } from './methods.ts';

/**
 * What every answer carries; a route may say otherwise by setting a header again (pages set their own policy, files their own caching).
 * No framing, no sniffing, no referrer, nothing kept by a cache.
 */
export const baselineHeaders: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function setBaselineHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(baselineHeaders);
  reply.header('x-request-id', request.id);
}

/** What Node would refuse without a body: HTTP/1.1 without Host (RFC 9112, 3.2), and an expectation other than 100-continue (RFC 9110, 10.1.1). */
function faultOf({ headers, raw }: FastifyRequest): ErrorCode | undefined {
  if (raw.httpVersion === '1.0') return undefined;
  if (headers.host === undefined) return 'malformed-http';
  const { expect } = headers;
  return expect === undefined || expect.toLowerCase() === '100-continue' ? undefined : 'expectation-failed';
}

/** Runs before anything else: headers, the request id, and the refusals that need no body. */
export function installBaseline(
  app: FastifyInstance,
  /** `draining`: every request is answered as ever, and its connection ended. */
  deps: { shuttingDown: () => boolean; draining: () => boolean },
): void {
  let closing = false;
  app.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    setBaselineHeaders(request, reply);
    const fault = faultOf(request);
    if ((closing || deps.shuttingDown()) && request.routeOptions.config.probe !== true) {
      reply.header('connection', 'close');
      done(new AppError('shutting-down', { retryAfterSeconds: 2 }));
    } else if (fault !== undefined) {
      // The connection may be out of step with what the client believes: no second request on it.
      reply.header('connection', 'close');
      done(new AppError(fault));
    } else if (request.is404) {
      done(problemForUnknown(app, request, reply));
    } else {
      done();
    }
  });
  // What was under way when the stop began: a client that kept its connection would hold the stop up for the keep-alive time.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing || deps.draining() || deps.shuttingDown()) reply.header('connection', 'close');
    done(null, payload);
  });
}
