import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CacheLimits, createMemoryCache } from './cache.ts';

function at(now: number, limits: Partial<CacheLimits> = {}) {
  const clock = { time: now, now: () => clock.time };
  return { clock, cache: createMemoryCache({ clock, limits }) };
}

test('a value is there until its time is up', async () => {
  const { clock, cache } = at(1000);
  await cache.set('a', '1', 500);
  clock.time = 1499;
  assert.equal(await cache.get('a'), '1');
  clock.time = 1500;
  assert.equal(await cache.get('a'), undefined);
});

test('a value that is set again replaces the first and gets a new time', async () => {
  const { clock, cache } = at(0);
  await cache.set('a', '1', 10);
  await cache.set('a', '2', 100);
  clock.time = 50;
  assert.equal(await cache.get('a'), '2');
});

test('setting a value that lives no time removes the one before', async () => {
  const { cache } = at(0);
  await cache.set('a', '1', 10);
  await cache.set('a', '2', 0);
  assert.equal(await cache.get('a'), undefined);
});

test('a deleted value is gone, and deleting it again does nothing', async () => {
  const { cache } = at(0, { bytes: 100 });
  await cache.set('a', '1', 10);
  await cache.delete('a');
  await cache.delete('a');
  assert.equal(await cache.get('a'), undefined);
  await cache.set('b', 'x'.repeat(49), 10);
  assert.equal(await cache.get('b'), 'x'.repeat(49), 'the bytes of the deleted value are free again');
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

test('hits of one key are counted in a window that begins with the first', async () => {
  const { cache } = at(0);
  assert.deepEqual(await cache.hit('k', 100, 1000), { count: 1, resetAt: 1100 });
  assert.deepEqual(await cache.hit('k', 100, 1099), { count: 2, resetAt: 1100 });
  assert.deepEqual(await cache.hit('other', 100, 1099), { count: 1, resetAt: 1199 });
  assert.deepEqual(await cache.hit('k', 100, 1100), { count: 1, resetAt: 1200 });
});

test('a clock that steps back does not hold a window open', async () => {
  const { cache } = at(0);
  await cache.hit('k', 100, 1_000_000);
  assert.deepEqual(await cache.hit('k', 100, 500), { count: 1, resetAt: 600 });
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

test('counters and values with the same key do not meet', async () => {
  const { cache } = at(0);
  await cache.set('k', 'v', 10);
  await cache.hit('k', 10, 0);
  assert.equal(await cache.get('k'), 'v');
});
