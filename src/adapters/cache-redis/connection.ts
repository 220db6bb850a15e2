import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { Log } from '#ports/log.ts';

/** `url`: `redis://` or `rediss://` (TLS), with user, password and database number where there are some. `caFile`: PEM, for a `rediss:` of one's own. */
export type RedisAddress = { url: string; caFile?: string | undefined };

/** Errors: a `caFile` that cannot be read. */
export const tlsOf = ({ url, caFile }: RedisAddress) =>
  caFile !== undefined && url.startsWith('rediss:') ? { tls: { ca: readFileSync(caFile) } } : {};

/**
 * Connects, and again every second whenever the connection is gone; what cannot be done at once is refused, so that no request waits for a Redis that is
 * away. Its coming and going is one line each. Errors: a `caFile` that cannot be read.
 */
export function openConnection(address: RedisAddress, log: Log | undefined): Redis {
  const redis = new Redis(address.url, {
    ...tlsOf(address),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // Every request that is counted waits for Redis, so one that hangs costs those this much that come first. Then its connection is given up, and until
    // there is another one the others are refused at once.
    commandTimeout: 1000,
    socketTimeout: 1000,
    connectTimeout: 5000,
    retryStrategy: () => 1000,
  });
  let away = false;
  let err: unknown;
  redis.on('error', (error) => {
    err = error;
  });
  redis.on('reconnecting', () => {
    if (!away) log?.warn({ err }, 'Redis is away, trying again every second');
    away = true;
  });
  redis.on('ready', () => {
    if (away) log?.info({}, 'Redis is back');
    away = false;
    err = undefined;
  });
  return redis;
}
