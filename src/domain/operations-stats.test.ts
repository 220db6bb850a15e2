import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deliveryStats, taskStats } from './operations-stats.ts';
import type { Task } from './task.ts';
import type { DeliveryAttempt } from './webhook/model.ts';

const task = (over: Partial<Task>): Task =>
  ({ kind: 'prune', status: 'succeeded', attempts: 1, runAt: 1_000, createdAt: 1_000, ...over }) as Task;

test('tasks by kind: how they ended, how many were tried again, how long they waited and ran', () => {
  const tasks = [
    task({ startedAt: 2_000, finishedAt: 5_000 }),
    task({ startedAt: 4_000, finishedAt: 4_500, attempts: 3, status: 'failed' }),
    task({ status: 'pending', attempts: 0 }),
    task({ kind: 'run-export', status: 'running', startedAt: 900 }),
  ];
  assert.deepEqual(taskStats(tasks), [
    {
      kind: 'prune',
      count: 3,
      byStatus: { succeeded: 1, failed: 1, pending: 1 },
      retried: 1,
      waited: { p50: 1, p95: 3, max: 3 },
      ran: { p50: 0.5, p95: 3, max: 3 },
    },
    {
      kind: 'run-export',
      count: 1,
      byStatus: { running: 1 },
      retried: 0,
      waited: { p50: 0, p95: 0, max: 0 },
      ran: undefined,
    },
  ]);
  assert.deepEqual(taskStats([]), []);
});

const attempt = (over: Partial<DeliveryAttempt>): DeliveryAttempt =>
  ({
    endpointId: 'whe_1',
    number: 1,
    milliseconds: 10,
    outcome: 'delivered',
    httpStatus: 200,
    ...over,
  }) as DeliveryAttempt;

test('attempts by endpoint: how many went well, were repeated, and how long they took', () => {
  const attempts = [
    attempt({}),
    attempt({ httpStatus: 503, outcome: 'refused', milliseconds: 30 }),
    attempt({ number: 2, milliseconds: 20, httpStatus: 204 }),
    attempt({ endpointId: 'whe_2', httpStatus: undefined, outcome: 'timeout', milliseconds: 15_000 }),
  ];
  assert.deepEqual(deliveryStats(attempts), [
    {
      endpointId: 'whe_1',
      attempts: 3,
      succeeded: 2,
      retries: 1,
      outcomes: { 200: 1, 503: 1, 204: 1 },
      took: { p50: 20, p95: 30, max: 30 },
    },
    {
      endpointId: 'whe_2',
      attempts: 1,
      succeeded: 0,
      retries: 0,
      outcomes: { timeout: 1 },
      took: { p50: 15_000, p95: 15_000, max: 15_000 },
    },
  ]);
});
