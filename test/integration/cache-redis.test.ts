import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRedisCache } from '../../src/adapters/cache-redis/cache.ts';
import { ownRedis } from '../support/redis.ts';

const limit = { timeout: 30_000 };

test('two processes count in one window, and see each other’s values', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const [a, b] = [await openRedisCache({ url: redis.url }), await openRedisCache({ url: redis.url })];
  const other = await openRedisCache({ url: redis.url, prefix: 'other' });
  redis.beforeEnd(() => Promise.all([a.close(), b.close(), other.close()]));
  await a.hit('k', 1000, 1);
  assert.deepEqual(await b.hit('k', 1000, 500), { count: 2, resetAt: 1001 });
  await a.set('v', '1', 60_000);
  assert.equal(await b.get('v'), '1');
  assert.equal(await other.get('v'), undefined);
  assert.equal((await other.hit('k', 1000, 2)).count, 1);
});

test('while Redis is away every call is refused at once, and afterwards it goes on', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const cache = await openRedisCache({ url: redis.url });
  redis.beforeEnd(() => cache.close());
  await cache.set('a', '1', 60_000);
  await redis.kill();
  const asked = performance.now();
  await assert.rejects(cache.get('a'));
  await assert.rejects(cache.set('a', '1', 1000));
  await assert.rejects(cache.delete('a'));
  await assert.rejects(cache.hit('a', 1000, 1));
  assert.ok(performance.now() - asked < 1000);
  await redis.start();
  while ((await cache.get('a').catch(() => 'away')) === 'away') await sleep(10);
  assert.deepEqual(await cache.hit('a', 1000, 1), { count: 1, resetAt: 1001 });
});

const isTimeOut = (err: Error) => /timed out/.test(err.message);

test('a Redis that hangs costs one second, once', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const cache = await openRedisCache({ url: redis.url });
  redis.beforeEnd(() => cache.close());
  redis.freeze();
  const asked = performance.now();
  await assert.rejects(cache.hit('a', 1000, 1), /timed out/);
  assert.ok(performance.now() - asked < 5000);
  // Nobody waits for the next second: the connection was given up.
  while (await cache.hit('a', 1000, 1).then(() => true, isTimeOut)) await sleep(10);
  redis.thaw();
  while ((await cache.get('a').catch(() => 'away')) === 'away') await sleep(10);
});

test('a cache without Redis opens after a while, and refuses', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  await redis.kill();
  const cache = await openRedisCache({ url: redis.url });
  redis.beforeEnd(() => cache.close());
  await assert.rejects(cache.get('a'));
});
