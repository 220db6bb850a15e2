import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '#domain/errors.ts';
import type { Task } from '#domain/task.ts';
import { newTask } from '#domain/task-kinds.ts';
import { type Ended, errorOf, outcomeOf, settlementOf } from './settlement.ts';

const now = 1_800_000_000_000;

function claimed(attempts: number): Task {
  return {
    ...newTask('train-head', { id: 'tsk_1', payload: { form_id: 'frm_1' }, now }),
    status: 'running',
    attempts,
    lease: { token: 'lse_1', until: now + 8000 },
    cancelRequested: false,
    progress: 0,
    result: undefined,
    error: undefined,
    startedAt: now,
    finishedAt: undefined,
  };
}

const error = { code: 'busy', detail: '' };
const timeLimit = { code: 'time-limit', detail: 'The attempt was stopped after 600000 ms.' };

const table: [string, Ended, attempts: number, settled: unknown, outcome: string | undefined][] = [
  ['done with nothing', { outcome: { done: undefined } }, 1, { status: 'succeeded' }, 'succeeded'],
  ['done with null', { outcome: { done: null } }, 4, { status: 'succeeded', result: null }, 'succeeded'],
  ['a retry', { outcome: { retryAt: 5, error } }, 3, { status: 'retrying', runAt: 5, error }, 'retrying'],
  ['a retry of the last attempt', { outcome: { retryAt: 5, error } }, 4, { status: 'failed', error }, 'failed'],
  ['dead', { outcome: { dead: error } }, 1, { status: 'failed', error }, 'failed'],
  [
    'a release of the last attempt',
    { outcome: { release: { until: 9 } } },
    4,
    { status: 'retrying', runAt: 9, giveBack: true },
    'handed-back',
  ],
  [
    'a release that says what it waits for',
    { outcome: { release: { until: 9, error } } },
    1,
    { status: 'retrying', runAt: 9, giveBack: true, error },
    'handed-back',
  ],
  ['cancelled', { aborted: 'cancelled' }, 4, { status: 'cancelled' }, 'cancelled'],
  ['shutdown', { aborted: 'shutdown' }, 4, { status: 'retrying', runAt: now, giveBack: true }, 'handed-back'],
  // 10 s · 2^(attempt − 1), and the jitter of chance 0.5 is none.
  [
    'time limit',
    { aborted: 'time-limit' },
    2,
    { status: 'retrying', runAt: now + 20_000, error: timeLimit },
    'retrying',
  ],
  ['time limit of the last attempt', { aborted: 'time-limit' }, 4, { status: 'failed', error: timeLimit }, 'failed'],
  ['lease lost', { aborted: 'lease-lost' }, 1, undefined, undefined],
];

for (const [title, ended, attempts, settled, outcome] of table) {
  test(`how an attempt is settled: ${title}`, () => {
    const settlement = settlementOf(claimed(attempts), ended, now, 0.5);
    assert.deepEqual(settlement, settled);
    assert.equal(settlement && outcomeOf(settlement), outcome);
  });
}

test('a thrown error backs off by the kind, doubling with every attempt, and fails the last', () => {
  const threw = { threw: new Error('no') };
  const waits = [1, 2, 3].map((attempts) => {
    const settlement = settlementOf(claimed(attempts), threw, now, 0.5);
    return settlement?.status === 'retrying' ? settlement.runAt - now : undefined;
  });
  assert.deepEqual(waits, [10_000, 20_000, 40_000]);
  assert.equal(settlementOf(claimed(4), threw, now, 0.5)?.status, 'failed');
});

test('an error keeps its code, anything else its first 300 characters', () => {
  assert.deepEqual(errorOf(new AppError('not-found', { detail: 'No form frm_1.' })), {
    code: 'not-found',
    detail: 'No form frm_1.',
  });
  assert.deepEqual(errorOf(new TypeError('x is not a function')), {
    code: 'handler-failed',
    detail: 'TypeError: x is not a function',
  });
  assert.deepEqual(errorOf('only text'), { code: 'handler-failed', detail: 'only text' });
  assert.deepEqual(errorOf(undefined), { code: 'handler-failed', detail: 'undefined' });
  assert.equal(errorOf(new Error('y'.repeat(5000))).detail.length, 300);
});
