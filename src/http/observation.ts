import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { setBaselineHeaders } from './baseline.ts';
import { answeredCode, sendProblem } from './problem.ts';

/** The route label of requests that met no route: their paths come from outside. */
const noRoute = 'none';

/**
 * One line and two measurements for every answer: method, route pattern, status, milliseconds, request id; never the path, the query or the body.
 * Probes are logged at debug.
 */
export function installObservation(
  app: FastifyInstance,
  deps: { log: Log; metrics: Pick<Metrics, 'count' | 'observe'> },
): void {
  const observe = observer(deps);
  app.addHook('onRoute', (route) => {
    const { url } = route;
    const level = route.config?.probe === true ? 'debug' : 'info';
    // One closure for each route, made at the start: `request.routeOptions` builds an object each time it is read.
    const record = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      observe(request, reply, url, level);
      done();
    };
    route.onResponse = [record, ...(route.onResponse === undefined ? [] : [route.onResponse].flat())];
  });
  app.addHook('onResponse', (request, reply, done) => {
    if (request.is404) observe(request, reply, noRoute, 'info');
    done();
  });
}

/** A path that cannot even be decoded meets no hook: it is answered, counted and logged here. */
export function answerUnrouted(
  deps: { log: Log; metrics: Pick<Metrics, 'count' | 'observe'> },
  error: AppError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  setBaselineHeaders(request, reply);
  reply.raw.once('finish', () => observer(deps)(request, reply, noRoute, 'info'));
  sendProblem(request, reply, error);
}

function observer({ log, metrics }: { log: Log; metrics: Pick<Metrics, 'count' | 'observe'> }) {
  return (request: FastifyRequest, reply: FastifyReply, route: string, level: 'info' | 'debug'): void => {
    const { method } = request;
    const status = reply.statusCode;
    const ms = reply.elapsedTime;
    metrics.count('formstead_http_requests_total', { method, route, status: String(status) });
    metrics.observe('formstead_http_request_seconds', { method, route }, ms / 1000);
    const fields = { method, route, status, ms: Math.round(ms * 10) / 10, requestId: request.id };
    const code = status >= 400 ? answeredCode(reply) : undefined;
    log[level](code === undefined ? fields : { ...fields, code }, 'request answered');
  };
}

/** Silences the framework's own lines (ours say more, in one) but for the fault that only it sees: a stream that breaks after the headers. */
export class QuietLog extends LogController {
  readonly #log: Log;

  constructor(log: Log) {
    super({ disableRequestLogging: true });
    this.#log = log;
  }

  override streamError(err: Error & { code?: string }, request: FastifyRequest): void {
    if (err.code === 'ERR_STREAM_PREMATURE_CLOSE') {
      this.#log.debug({ requestId: request.id }, 'client went away before the end of the answer');
    } else {
      this.#log.error({ err, requestId: request.id }, 'answer broken off after its headers');
    }
  }
}
