import { Redis } from 'ioredis';
import { type RedisAddress, tlsOf } from './connection.ts';

export type RedisSeen =
  /** What it or the network says; no password is in it. */
  | { away: string }
  /** What it does when its memory is full. */
  | { policy: string | undefined };

const withinMs = 5000;

/** Asks a Redis once, with no right but that to INFO. Errors: none. */
export async function examineRedis(address: RedisAddress): Promise<RedisSeen> {
  let redis: Redis | undefined;
  let why: Error | undefined;
  try {
    const once = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 };
    redis = new Redis(address.url, {
      ...once,
      ...tlsOf(address),
      connectTimeout: withinMs,
      commandTimeout: withinMs,
    });
    // The call only says that the connection is closed.
    redis.on('error', (err) => {
      why = err;
    });
    await redis.connect();
    return { policy: /^maxmemory_policy:(\S+)/m.exec(await redis.info('memory'))?.[1] };
  } catch (err) {
    return { away: (why ?? (err as Error)).message };
  } finally {
    redis?.disconnect();
  }
}
