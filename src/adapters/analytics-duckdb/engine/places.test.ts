import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryError } from '#domain/query-error.ts';
import { createPlaces } from './places.ts';

const tick = () => new Promise((resolve) => setImmediate(resolve));
const isUnavailable = (err: unknown) => err instanceof QueryError && err.fault === 'engine-unavailable';
const isLate = (err: unknown) => isUnavailable(err) && /: No place was free within 0\.02 s\.$/.test(String(err));

function world(count: number, mostWaiting = 10) {
  const enter = createPlaces(count, mostWaiting);
  const order: string[] = [];
  const ask = async (name: string, over: { alone?: boolean; timeMs?: number; signal?: AbortSignal } = {}) => {
    const leave = await enter({ alone: false, timeMs: 10_000, signal: undefined, ...over });
    order.push(name);
    return leave;
  };
  return { order, ask };
}

test('as many enter as there are places, the others in the order of asking', async () => {
  const { order, ask } = world(2);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => ask(name));
  await tick();
  assert.deepEqual(order, ['a', 'b']);
  (await b!)();
  await c;
  assert.deepEqual(order, ['a', 'b', 'c']);
  (await a!)();
  await d;
  assert.deepEqual(order, ['a', 'b', 'c', 'd']);
});

test('who wants to be alone waits for all places, and nobody overtakes him', async () => {
  const { order, ask } = world(2);
  const a = await ask('a');
  const alone = ask('alone', { alone: true });
  const c = ask('c');
  await tick();
  assert.deepEqual(order, ['a']);
  a();
  const leave = await alone;
  await tick();
  assert.deepEqual(order, ['a', 'alone']);
  leave();
  await c;
  assert.deepEqual(order, ['a', 'alone', 'c']);
});

test('to leave twice frees one place', async () => {
  const { order, ask } = world(1);
  const leave = await ask('a');
  leave();
  leave();
  await ask('b');
  void ask('c', { timeMs: 50 }).catch(() => {});
  await tick();
  assert.deepEqual(order, ['a', 'b']);
});

test('who waits too long, is cancelled, or finds the line full leaves, and those behind move up', async () => {
  const { order, ask } = world(1, 2);
  const first = await ask('first');
  const stop = new AbortController();
  const late = ask('late', { timeMs: 20.000_790_7, alone: true });
  const cancelled = ask('cancelled', { signal: stop.signal });
  await assert.rejects(ask('too many'), isUnavailable);
  await assert.rejects(late, isLate);
  const last = ask('last');
  stop.abort('no longer');
  await assert.rejects(cancelled, (err) => err === 'no longer');
  await assert.rejects(ask('aborted before', { signal: AbortSignal.abort('before') }), (err) => err === 'before');
  first();
  await last;
  assert.deepEqual(order, ['first', 'last']);
});
