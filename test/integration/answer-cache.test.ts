import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryCache } from '#adapters/cache-memory/cache.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { createAnswerCache } from '#app/queries/answer-cache.ts';
import type { Cache } from '#ports/cache.ts';

const clock = { now: () => 5 };
const ids = createIds({ clock });
const open = (cache: Pick<Cache, 'get' | 'set'>, release = '1') =>
  createAnswerCache({ cache, metrics: { count() {} }, ids, release });

test('what another release has kept, and what nobody can read, is counted again', async () => {
  const cache = createMemoryCache({ clock });
  const one = open(cache);
  assert.deepEqual(await one.answer('q', async () => ({ n: 1 })), { value: { n: 1 }, cached: false });
  assert.deepEqual(await open(cache).answer('q', async () => ({ n: 2 })), { value: { n: 1 }, cached: true });
  assert.deepEqual(await open(cache, '2').answer('q', async () => [3]), { value: [3], cached: false });
  await cache.set('1:q', 'no JSON', 1000);
  assert.deepEqual(await one.answer('q', async () => ({ n: 4 })), { value: { n: 4 }, cached: false });
  assert.deepEqual(await one.answer('q', async () => ({ n: 5 })), { value: { n: 4 }, cached: true });
});

test('an epoch is shared, and ends when the cache is emptied', async () => {
  const cache = createMemoryCache({ clock });
  const [one, other] = [open(cache), open(cache)];
  const first = await one.epoch();
  assert.equal(await other.epoch(), first);
  const emptied = createMemoryCache({ clock });
  const [third, fourth] = [open(emptied), open(emptied)];
  assert.notEqual(await third.epoch(), first);
  assert.equal(await fourth.epoch(), await third.epoch());
});

test('without a cache a process has an epoch of its own', async () => {
  const away = () => Promise.reject(new Error('away'));
  const [one, other] = [open({ get: away, set: away }), open({ get: away, set: away })];
  assert.equal(await one.epoch(), await one.epoch());
  assert.notEqual(await one.epoch(), await other.epoch());
});
