import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisCache, type RedisCache } from '../../src/adapters/cache-redis/cache.ts';
import { noRedis, removeKeys, suiteRedis } from '../support/redis.ts';
import { skipWithout } from '../support/services.ts';
import { cacheContract } from './cache.ts';

const redis = await suiteRedis();

if (redis === undefined) {
  test('cache-redis: the contract of caches', (t) => skipWithout(t, noRedis));
} else {
  const { url, stop } = redis;
  const run = `test-${randomUUID()}`;
  const caches: RedisCache[] = [];
  after(async () => {
    for (const cache of caches) await cache.close();
    await removeKeys(url, run);
    await stop();
  });
  cacheContract('cache-redis', async () => {
    const cache = await openRedisCache({ url, prefix: `${run}-${caches.length}` });
    caches.push(cache);
    return { cache, pass: (ms) => sleep(ms) };
  });
}
