import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Offer } from '#ports/task-queue.ts';
import { createHeap } from './heap.ts';
import { createMemoryQueue } from './memory-queue.ts';

const offer = (id: string, rest: Partial<Offer> = {}): Offer => ({
  id,
  attempts: 0,
  queue: 'default',
  priority: 4,
  ...rest,
});

test('the heap gives its items in order, whatever the order they came in', () => {
  const heap = createHeap<number>((a, b) => a < b);
  // A fixed pseudo-random sequence (a linear congruential generator), with pops in between.
  let state = 1;
  const held: number[] = [];
  for (let i = 0; i < 5000; i++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    if (state % 3 === 0 && held.length > 0) {
      held.sort((a, b) => a - b);
      assert.equal(heap.pop(), held.shift());
    } else {
      heap.push(state % 100);
      held.push(state % 100);
    }
    assert.equal(heap.size(), held.length);
  }
  held.sort((a, b) => a - b);
  for (const item of held) assert.equal(heap.pop(), item);
  assert.equal(heap.pop(), undefined);
});

test('work starts in the step of its offer: no turn of the event loop goes by', async () => {
  const queue = createMemoryQueue();
  const ran: string[] = [];
  queue.consume('default', 1, async (o) => void ran.push(o.id));
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  queue.offer(['a', 'b', 'c'].map((id) => offer(id)));
  assert.deepEqual(ran, [], 'not inside the call either');
  for (let i = 0; i < 50; i++) await Promise.resolve();
  assert.deepEqual(ran, ['a', 'b', 'c']);
  assert.equal(turned, false);
});

test('offers of one step are sorted before the first of them starts', async () => {
  const queue = createMemoryQueue();
  const ran: string[] = [];
  queue.consume('default', 1, async (o) => void ran.push(o.id));
  queue.offer([offer('late', { priority: 9 })]);
  queue.offer([offer('first', { priority: 0 })]);
  await queue.depths();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(ran, ['first', 'late']);
});

test('a waiting task takes over the higher count of attempts of a later offer', async () => {
  const queue = createMemoryQueue();
  const ran: Offer[] = [];
  queue.offer([offer('a', { attempts: 0 })]);
  queue.offer([offer('a', { attempts: 2 })]);
  queue.offer([offer('a', { attempts: 1 })]);
  queue.consume('default', 1, async (o) => void ran.push(o));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    ran.map((o) => o.attempts),
    [2],
  );
});

test('a queue that is consumed already refuses a second consumer', () => {
  const queue = createMemoryQueue();
  queue.consume('default', 1, async () => {});
  assert.throws(() => queue.consume('default', 1, async () => {}), /consumed already/);
});

test('an error that work lets out is logged with the task it belongs to', async () => {
  const lines: Record<string, unknown>[] = [];
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: object) => void lines.push({ ...fields }),
    child: () => log,
  };
  const queue = createMemoryQueue({ log });
  const err = new Error('no');
  queue.consume('default', 1, () => Promise.reject(err));
  queue.offer([offer('a')]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(lines, [{ err, taskId: 'a' }]);
});
