import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import type { Log } from '#ports/log.ts';

/** `url`: `redis://` or `rediss://` (TLS), with user, password and database number where there are some. `caFile`: PEM, for a `rediss:` of one's own. */
export type RedisAddress = { url: string; caFile?: string | undefined };

/** Errors: a `caFile` that cannot be read. */
export const tlsOf = ({ url, caFile }: RedisAddress) =>
  caFile !== undefined && url.startsWith('rediss:') ? { tls: { ca: readFileSync(caFile) } } : {};

/** Connects, and again every second whenever the connection is gone. Errors: a `caFile` that cannot be read. */
export function openConnection(address: RedisAddress, options: RedisOptions): Redis {
  const redis = new Redis(address.url, {
    ...tlsOf(address),
    ...options,
    connectTimeout: 5000,
    retryStrategy: () => 1000,
  });
  // Without a listener ioredis writes errors to the console; what matters of them is told by `tellOf`.
  redis.on('error', () => {});
  return redis;
}

/** One line when Redis goes away and one when it is back, not one for each try. */
export function tellOf(redis: Redis, log: Log | undefined): void {
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
}

/** Until Redis answers, `ms` at most: a program starts without it too. */
export async function untilReady(redis: Redis, ms: number): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
