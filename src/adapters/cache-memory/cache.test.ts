import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CacheLimits, createMemoryCache } from './cache.ts';

function at(now: number, limits: Partial<CacheLimits> = {}) {
  const clock = { time: now, now: () => clock.time };
  return { clock, cache: createMemoryCache({ clock, limits }) };
}

test('a value is there until the very millisecond its time is up', async () => {
  const { clock, cache } = at(1000);
  await cache.set('a', '1', 500);
  clock.time = 1499;
  assert.equal(await cache.get('a'), '1');
  clock.time = 1500;
  assert.equal(await cache.get('a'), undefined);
});

test('the bytes of a deleted value are free again', async () => {
  const { cache } = at(0, { bytes: 100 });
  await cache.set('a', '1', 10);
  await cache.delete('a');
  await cache.delete('a');
  await cache.set('b', 'x'.repeat(49), 10);
  assert.equal(await cache.get('b'), 'x'.repeat(49));
});

test('what was used least recently goes first', async () => {
  const { cache } = at(0, { entries: 2 });
  await cache.set('a', '1', 10);
  await cache.set('b', '2', 10);
  await cache.get('a');
  await cache.set('c', '3', 10);
  assert.deepEqual([await cache.get('a'), await cache.get('b'), await cache.get('c')], ['1', undefined, '3']);
});

test('values never take more than the bytes allowed, and one that is larger alone is not kept', async () => {
  const { cache } = at(0, { bytes: 100 });
  await cache.set('a', 'x'.repeat(20), 10);
  await cache.set('b', 'x'.repeat(20), 10);
  await cache.set('c', 'x'.repeat(20), 10);
  assert.equal(await cache.get('a'), undefined);
  assert.equal(await cache.get('c'), 'x'.repeat(20));
  await cache.set('c', 'x'.repeat(60), 10);
  assert.equal(await cache.get('c'), undefined);
  assert.equal(await cache.get('b'), 'x'.repeat(20), 'the others did not make room for it');
});

test('of too many windows the oldest are forgotten', async () => {
  const { cache } = at(0, { counters: 2 });
  await cache.hit('a', 100, 1);
  await cache.hit('b', 100, 2);
  await cache.hit('c', 100, 3);
  assert.equal((await cache.hit('c', 100, 4)).count, 2);
  assert.equal((await cache.hit('b', 100, 4)).count, 2);
  assert.equal((await cache.hit('a', 100, 4)).count, 1);
});
