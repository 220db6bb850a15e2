import type { RedisOptions } from 'ioredis';

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
