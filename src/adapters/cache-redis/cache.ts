import type { RedisOptions } from 'ioredis';
import { openConnection, type RedisAddress, tellOf, untilReady } from '#adapters/redis/connection.ts';
import type { Cache } from '#ports/cache.ts';
import type { Log } from '#ports/log.ts';
import { hitScript } from './hit-script.ts';

/** Every call rejects at once while Redis is away, and after a second when it hangs. */
export interface RedisCache extends Cache {
  close(): Promise<void>;
}

export type RedisCacheOptions = RedisAddress & {
  /** Begins every key. */
  prefix?: string;
  log?: Log;
};

/** A start waits this long for Redis, and then goes on without it. */
const firstConnectionMs = 3000;
/**
 * A window ends when the caller's clock says so. Redis only clears away what nobody asks for any more, by its own clock, and so much later that the two
 * clocks need not agree.
 */
const keptAfterWindowMs = 60_000;

/**
 * What cannot be done at once is refused, so that no request waits for a Redis that is away. Every request that is counted waits for Redis, so one that hangs costs
 * those this much that come first. Then its connection is given up, and until there is another one the others are refused at once.
 */
const refusing: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 1000,
  socketTimeout: 1000,
};

/** A cache that several processes share. */
export async function openRedisCache(options: RedisCacheOptions): Promise<RedisCache> {
  const { prefix = 'formstead:cache' } = options;
  const redis = openConnection(options, refusing);
  tellOf(redis, options.log);
  const valueKey = (key: string) => `${prefix}:value:${key}`;
  const countKey = (key: string) => `${prefix}:count:${key}`;
  redis.defineCommand('hit', { numberOfKeys: 1, lua: hitScript });

  await untilReady(redis, firstConnectionMs);
  return {
    get: async (key) => (await redis.get(valueKey(key))) ?? undefined,

    async set(key, value, ttlMs) {
      if (ttlMs > 0) await redis.set(valueKey(key), value, 'PX', Math.ceil(ttlMs));
      else await redis.unlink(valueKey(key));
    },

    async delete(key) {
      await redis.unlink(valueKey(key));
    },

    async hit(key, windowMs, now) {
      const keepMs = Math.ceil(windowMs) + keptAfterWindowMs;
      const [count, resetAt] = await redis.hit(countKey(key), now, now + windowMs, keepMs);
      return { count, resetAt: Number(resetAt) };
    },

    async close() {
      redis.disconnect();
    },
  };
}
