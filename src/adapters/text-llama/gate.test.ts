import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from './gate.ts';

const slow = { tookMs: 9_000, aloneMs: 1_000 };
const quick = { tookMs: 1_000, aloneMs: 500 };

async function full(places: number) {
  const gate = createGate({ mostWaiting: 3 });
  gate.open(places);
  for (let i = 0; i < places; i++) await gate.enter(1_000);
  return gate;
}
const limit = (gate: Awaited<ReturnType<typeof full>>) => gate.state().limit;

test('calls wait for a place in the order of coming, so long and so many', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const gate = await full(2);
  const order: number[] = [];
  const waiting = [0, 1, 2].map((n) => gate.enter(500 * (n + 1)).then(() => order.push(n)));
  await assert.rejects(gate.enter(500), { fault: 'model-busy', message: /^3 calls are waiting/ });
  gate.leave(quick);
  await waiting[0];
  assert.deepEqual(gate.state(), { running: 2, waiting: 2, limit: 2 });
  t.mock.timers.tick(1_000);
  await assert.rejects(waiting[1]!, { fault: 'model-busy', message: 'No place was free within 1 s.' });
  gate.leave(quick);
  await waiting[2];
  assert.deepEqual(order, [0, 2]);
});

test('who gives up waiting leaves no gap', async () => {
  const gate = await full(1);
  const stop = new AbortController();
  const [first, second] = [gate.enter(1_000, stop.signal), gate.enter(1_000)];
  stop.abort(new Error('enough'));
  await assert.rejects(first, /enough/);
  gate.leave();
  await second;
  assert.deepEqual(gate.state(), { running: 1, waiting: 0, limit: 1 });
  await assert.rejects(gate.enter(1_000, stop.signal), /enough/);
});

test('a slow call halves the limit once for all that had begun beside it', async () => {
  const gate = await full(8);
  gate.leave(slow);
  assert.equal(limit(gate), 4);
  for (let i = 0; i < 7; i++) gate.leave(i % 2 ? slow : undefined);
  assert.equal(limit(gate), 4);
  for (const expected of [2, 1, 1]) {
    await gate.enter(1_000);
    gate.leave(slow);
    assert.equal(limit(gate), expected);
  }
});

test('a call that would be slow alone does not narrow the limit', async () => {
  const gate = await full(4);
  gate.leave({ tookMs: 30_000, aloneMs: 20_000 });
  assert.equal(limit(gate), 4);
});

test('quick calls widen the limit again, one place at a time, and only where all were taken', async () => {
  const gate = await full(4);
  gate.leave(slow);
  for (let i = 0; i < 3; i++) gate.leave();
  for (let i = 0; i < 10; i++) {
    await gate.enter(1_000);
    gate.leave(quick);
  }
  assert.equal(limit(gate), 2, 'one at a time does not tell how two would do');
  const busy = async (times: number) => {
    for (let i = 0; i < times; i++) {
      while (gate.state().running < limit(gate)) await gate.enter(1_000);
      gate.leave(quick);
    }
    while (gate.state().running > 0) gate.leave();
  };
  await busy(2);
  assert.equal(limit(gate), 3);
  await busy(20);
  assert.equal(limit(gate), 4, 'and never beyond what there is room for');
});
