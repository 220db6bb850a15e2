import type { FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { networkOf } from './rate-limit.ts';

const windowMs = 60_000;

/** Responses of one address to one form within a minute; a form may allow less than the installation, never more. Errors: `rate-limited`. */
export function createFormLimit(deps: {
  cache: Pick<Cache, 'hit'>;
  clock: Clock;
  metrics: Pick<Metrics, 'count'>;
  log: Log;
  perMinute: number;
}) {
  return async (request: FastifyRequest, formId: string, own: number | undefined): Promise<void> => {
    const most = Math.min(own ?? deps.perMinute, deps.perMinute);
    const now = deps.clock.now();
    const key = `limit:responses:${formId}:${networkOf(request.ip)}`;
    const seen = await deps.cache.hit(key, windowMs, now).catch((err: unknown) => {
      // A limit protects the service, it must not end it.
      deps.log.warn({ err, limit: 'responses' }, 'rate limit not checked, the cache failed');
      return undefined;
    });
    if (!seen || seen.count <= most) return;
    deps.metrics.count('formstead_rate_limited_total', { limit: 'responses' });
    const retryAfterSeconds = Math.max(1, Math.ceil((seen.resetAt - now) / 1000));
    throw new AppError('rate-limited', {
      retryAfterSeconds,
      detail: `At most ${most} responses a minute; try again in ${retryAfterSeconds} s.`,
    });
  };
}
