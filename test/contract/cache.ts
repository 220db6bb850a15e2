import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cache } from '#ports/cache.ts';

export type CacheUnderTest = {
  cache: Cache;
  /** Lets time go by for the lives of values. */
  pass(ms: number): Promise<void>;
};

/** What every cache must do. `make` returns a fresh, empty cache. */
export function cacheContract(name: string, make: () => Promise<CacheUnderTest>): void {
  const rule = (title: string, check: (under: CacheUnderTest) => Promise<void>) =>
    test(`${name}: ${title}`, { timeout: 20_000 }, async () => check(await make()));

  rule('a value is there until its time is up', async ({ cache, pass }) => {
    await cache.set('short', '1', 50);
    await cache.set('long', '{"a":"Größe"}', 60_000);
    await pass(60);
    assert.equal(await cache.get('short'), undefined);
    assert.equal(await cache.get('long'), '{"a":"Größe"}');
    assert.equal(await cache.get('never set'), undefined);
  });

  rule('a value that is set again replaces the first and gets a new time', async ({ cache, pass }) => {
    await cache.set('a', '1', 50);
    await cache.set('a', '2', 60_000);
    await pass(60);
    assert.equal(await cache.get('a'), '2');
  });

  rule('setting a value that lives no time removes the one before', async ({ cache }) => {
    await cache.set('a', '1', 60_000);
    await cache.set('a', '2', 0);
    assert.equal(await cache.get('a'), undefined);
  });

  rule('a time that is no whole number of milliseconds will do', async ({ cache }) => {
    await cache.set('a', '1', 60_000.5);
    assert.equal(await cache.get('a'), '1');
    assert.deepEqual(await cache.hit('a', 1000.5, 1), { count: 1, resetAt: 1001.5 });
  });

  rule('a deleted value is gone, and deleting it again does nothing', async ({ cache }) => {
    await cache.set('a', '1', 60_000);
    await cache.delete('a');
    await cache.delete('a');
    assert.equal(await cache.get('a'), undefined);
  });

  rule('hits of one key are counted in a window that begins with the first', async ({ cache }) => {
    const start = 1_790_000_000_000;
    assert.deepEqual(await cache.hit('k', 100, start), { count: 1, resetAt: start + 100 });
    assert.deepEqual(await cache.hit('k', 100, start + 99), { count: 2, resetAt: start + 100 });
    assert.deepEqual(await cache.hit('other', 100, start + 99), { count: 1, resetAt: start + 199 });
    assert.deepEqual(await cache.hit('k', 100, start + 100), { count: 1, resetAt: start + 200 });
    assert.deepEqual(await cache.hit('k', 100, start + 101), { count: 2, resetAt: start + 200 });
  });

  rule('a clock that steps back does not hold a window open', async ({ cache }) => {
    await cache.hit('k', 100, 1_000_000);
    assert.deepEqual(await cache.hit('k', 100, 500), { count: 1, resetAt: 600 });
  });

  rule('hits at the same time are all counted', async ({ cache }) => {
    const hits = await Promise.all(Array.from({ length: 100 }, () => cache.hit('k', 1000, 5)));
    assert.deepEqual(
      hits.map(({ count }) => count).toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
  });

  rule('counters and values with the same key do not meet', async ({ cache }) => {
    await cache.set('k', 'v', 60_000);
    await cache.hit('k', 60_000, 0);
    assert.equal(await cache.get('k'), 'v');
    await cache.delete('k');
    assert.equal((await cache.hit('k', 60_000, 1)).count, 2);
  });
}
