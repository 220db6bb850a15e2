import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Task } from '#domain/task.ts';
import { newTask } from '#domain/task-kinds.ts';
import type { Log } from '#ports/log.ts';
import { startAttempt } from './attempt.ts';
import type { Handler, Handlers } from './registry.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };

function start(handler: Handler<'prune'>, change: Partial<Task> = {}) {
  const task: Task = {
    ...newTask('prune', { id: 'tsk_1', payload: { tick: 1 }, now: 0 }),
    status: 'running',
    attempts: 1,
    lease: { token: 'lse_1', until: 8000 },
    cancelRequested: false,
    progress: 0,
    result: undefined,
    error: undefined,
    startedAt: 0,
    finishedAt: undefined,
    ...change,
  };
  // Only the kind under test is ever looked up.
  const handlers = { prune: handler } as Partial<Handlers> as Handlers;
  return startAttempt('prune', task, { handlers, lease: { token: 'lse_1', until: 8000 }, abandonMs: 20, log });
}

test('progress takes on larger fractions up to 1 and nothing else', async () => {
  const seen: number[] = [];
  const { held, ended } = start(
    async ({ progress }) => {
      // `held` is there once the start has returned.
      await Promise.resolve();
      for (const fraction of [0.1, 0.3, 0.5, 0.4, Number.NaN, -1, 7, 0.9]) {
        progress(fraction);
        seen.push(held.progress);
      }
      return { done: undefined };
    },
    { progress: 0.2 },
  );
  await ended;
  assert.deepEqual(seen, [0.2, 0.3, 0.5, 0.5, 0.5, 0.5, 1, 1]);
});

test('of several aborts the first reason counts', async () => {
  const { held, ended } = start(
    ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
  );
  held.abort('cancelled');
  held.abort('shutdown');
  assert.deepEqual(await ended, { aborted: 'cancelled' });
});

test('a handler that throws before its first await ends the attempt like any other', async () => {
  const err = new Error('at once');
  const { ended } = start(() => {
    throw err;
  });
  assert.deepEqual(await ended, { threw: err });
});

test('an attempt whose handler never ends is over soon after its time limit', { timeout: 2000 }, async () => {
  assert.deepEqual(await start(() => new Promise(() => {}), { timeLimitMs: 10 }).ended, { aborted: 'time-limit' });
});

test('an attempt that has ended leaves no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const { held, ended } = start(async ({ signal }) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    return { done: undefined };
  });
  held.abort('shutdown');
  await ended;
  assert.equal(timers(), before);
});
