import { isIPv6 } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '#domain/errors.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import { plainAddress } from './trusted-proxies.ts';

export type Limit = {
  /** Names the limit in metrics, log and cache keys. */
  name: string;
  /** Requests of one key in a window; the next one is refused. */
  max: number;
  windowMs: number;
};

/** A hook for `onRequest` (before the body is read) or, when the key comes from the body, `preHandler`. */
export type LimitHook = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

export type RateLimits = {
  /** Counts one request of `key`. Errors: `rate-limited` with `Retry-After`. */
  check(limit: Limit, key: string): Promise<void>;
  /** The same as a hook. `key` says whom to count (`addressKey`, or something of the body); undefined leaves a request uncounted. */
  limitPer(limit: Limit & { key: (request: FastifyRequest) => string | undefined }): LimitHook;
};

/** Fixed windows in the cache. When the cache fails, requests pass: a limit protects the service, it must not end it. */
export function createRateLimits(deps: {
  cache: Pick<Cache, 'hit'>;
  clock: Clock;
  metrics: Pick<Metrics, 'count'>;
  log: Log;
  /** Off for load tests. */
  enabled: boolean;
}): RateLimits {
  async function check({ name, max, windowMs }: Limit, key: string): Promise<void> {
    if (!deps.enabled) return;
    const now = deps.clock.now();
    const hit = await deps.cache.hit(`limit:${name}:${key}`, windowMs, now).catch((err: unknown) => {
      deps.log.warn({ err, limit: name }, 'rate limit not checked, the cache failed');
    });
    if (hit === undefined || hit.count <= max) return;
    deps.metrics.count('formstead_rate_limited_total', { limit: name });
    const retryAfterSeconds = Math.max(1, Math.ceil((hit.resetAt - now) / 1000));
    throw new AppError('rate-limited', { retryAfterSeconds, detail: `Try again in ${retryAfterSeconds} s` });
  }

  return {
    check,
    limitPer: ({ key, ...limit }) =>
      function checkLimit(request, _reply, done) {
        const counted = key(request);
        if (counted === undefined || !deps.enabled) done();
        else check(limit, counted).then(() => done(), done);
      },
  };
}

/** Who calls, by address. A household or a server holds a whole IPv6 /64, so that is what counts as one. */
export function addressKey(request: FastifyRequest): string {
  return networkOf(request.ip);
}

/** The same for the limit that routes share; undefined for a route with a limit of its own. */
export function sharedLimitKey(request: FastifyRequest): string | undefined {
  return request.routeOptions.config.ownLimit ? undefined : addressKey(request);
}

/** An IPv4 address as it is, the first 64 bits of an IPv6 address, `unknown` for neither: a connection that was reset has no address any more. */
export function networkOf(address: string | undefined): string {
  const plain = plainAddress(address ?? '');
  if (!plain.includes(':')) return plain === '' ? 'unknown' : plain;
  const [bare = ''] = plain.split('%');
  if (!isIPv6(bare)) return 'unknown';
  const [head = '', tail] = bare.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // `::` stands for as many zero groups as are missing; a dotted end (`::192.0.2.1`) is two groups, all beyond the first four.
  const width = [...before, ...after].reduce((sum, group) => sum + (group.includes('.') ? 2 : 1), 0);
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - width }, () => '0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
