import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import type { Log } from '#ports/log.ts';
import { within } from './within.ts';

/** `url`: `redis://` or `rediss://` (TLS), with user, password and database number where there are some. `caFile`: PEM, for a `rediss:` of one's own. */
export type RedisAddress = { url: string; caFile?: string | undefined };

/**
 * A connection on which an answer stays away so long is given up for a new one. After packets were lost the old one may come to life only as long after the
 * network as the network was away: the pauses between TCP's repetitions double. Longer than the second that a worker blocks for (`worker.ts`).
 */
const silentMs = 4000;

/** For offers and counts: what cannot be done at once is refused, so that nobody waits for a Redis that is away. */
export const failsFast: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 5000,
  socketTimeout: silentMs,
};

/**
 * For workers: their commands wait until Redis is back, which is what BullMQ builds on. Not for ever: a command that a half-dead connection has swallowed
 * would hold its worker. A worker blocks for one second at most (`worker.ts`), so no healthy command comes near the limit.
 */
export const waits: RedisOptions = { maxRetriesPerRequest: null, commandTimeout: 10_000, socketTimeout: silentMs };

/** Connects, and again every second whenever the connection is gone. Errors: a `caFile` that cannot be read. */
export function openConnection(address: RedisAddress, options: RedisOptions): Redis {
  const { url, caFile } = address;
  const tls = caFile !== undefined && url.startsWith('rediss:') ? { tls: { ca: readFileSync(caFile) } } : {};
  const redis = new Redis(url, { ...tls, ...options, connectTimeout: 5000, retryStrategy: () => 1000 });
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
  if (redis.status !== 'ready') await within(ms, new Promise((resolve) => redis.once('ready', resolve)));
}
