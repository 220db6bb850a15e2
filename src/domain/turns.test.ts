import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from './turns.ts';

/** Work that ends when it is told, and notes its begin and its end. */
function createWork(noted: string[]) {
  return (name: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = async () => {
      noted.push(`${name} begins`);
      await promise;
      noted.push(`${name} ends`);
      return name;
    };
    return { work, end: resolve };
  };
}
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('one after the other under a key, beside each other under two', async () => {
  const noted: string[] = [];
  const workOf = createWork(noted);
  const turns = createTurns();
  const [a, b, other] = [workOf('a'), workOf('b'), workOf('other')];
  const all = [turns('k', a.work), turns('k', b.work), turns('l', other.work)];
  await settled();
  assert.deepEqual(noted, ['a begins', 'other begins']);
  b.end();
  other.end();
  await settled();
  assert.deepEqual(noted, ['a begins', 'other begins', 'other ends']);
  a.end();
  assert.deepEqual(await Promise.all(all), ['a', 'b', 'other']);
  assert.deepEqual(noted.slice(3), ['a ends', 'b begins', 'b ends']);
});

test('work that fails is told to who gave it, and the next one begins', async () => {
  const turns = createTurns();
  const failed = turns('k', () => Promise.reject(new Error('no')));
  const next = turns('k', async () => 'next');
  await assert.rejects(failed, /^Error: no$/);
  assert.equal(await next, 'next');
});

test('an abort is told at once: what waited never begins, and the next one still waits for what runs', async () => {
  const noted: string[] = [];
  const workOf = createWork(noted);
  const turns = createTurns();
  const [running, waiting, next] = [workOf('running'), workOf('waiting'), workOf('next')];
  const stop = new AbortController();
  const first = turns('k', running.work, stop.signal);
  const second = turns('k', waiting.work, stop.signal);
  next.end();
  const third = turns('k', next.work);
  await settled();
  stop.abort(new Error('stopped'));
  await assert.rejects(first, /stopped/);
  await assert.rejects(second, /stopped/);
  assert.deepEqual(noted, ['running begins']);
  running.end();
  assert.equal(await third, 'next');
  assert.deepEqual(noted, ['running begins', 'running ends', 'next begins', 'next ends']);
  await assert.rejects(
    turns('k', () => assert.fail('never begun'), AbortSignal.abort(new Error('before'))),
    /before/,
  );
});
