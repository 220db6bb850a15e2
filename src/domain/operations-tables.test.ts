import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointStats, KindStats } from './operations-stats.ts';
import { operationsTable } from './operations-tables.ts';

const quantiles = (p50: number) => ({ p50, p95: 2 * p50, max: 3 * p50 });
const stats: { kinds: KindStats[]; endpoints: EndpointStats[] } = {
  kinds: [
    {
      kind: 'prune',
      count: 3,
      byStatus: { succeeded: 2, failed: 1 },
      retried: 1,
      waited: quantiles(1),
      ran: quantiles(4),
    },
    { kind: 'run-export', count: 1, byStatus: { pending: 1 }, retried: 0, waited: undefined, ran: undefined },
  ],
  endpoints: [
    {
      endpointId: 'whe_1',
      attempts: 4,
      succeeded: 3,
      retries: 1,
      outcomes: { 503: 1, 200: 2, timeout: 1 },
      took: quantiles(10),
    },
    { endpointId: 'whe_2', attempts: 1, succeeded: 0, retries: 0, outcomes: { refused: 1 }, took: undefined },
  ],
};

test('tasks are a row for each kind: every status has a column, times that nobody has are left out', () => {
  const { columns, rows } = operationsTable('tasks', stats);
  const [prune, waiting] = rows;
  assert.deepEqual([prune!.succeeded, prune!.failed, prune!.pending, prune!.retried], [2, 1, 0, 1]);
  assert.deepEqual([prune!.waited_seconds_p95, prune!.ran_seconds_max], [2, 12]);
  assert.deepEqual([waiting!.kind, waiting!.pending, waiting!.ran_seconds_p50], ['run-export', 1, undefined]);
  for (const row of rows) for (const name of Object.keys(row)) assert.ok(name in columns, name);
  assert.deepEqual(Object.keys(columns), Object.keys(prune!));
});

test('deliveries are a row for each endpoint, and what came of them for each outcome, the most frequent first', () => {
  const { columns, rows } = operationsTable('deliveries', stats);
  assert.deepEqual(Object.keys(columns), Object.keys(rows[0]!));
  assert.deepEqual(rows[0], {
    endpoint_id: 'whe_1',
    attempts: 4,
    succeeded: 3,
    retries: 1,
    milliseconds_p50: 10,
    milliseconds_p95: 20,
    milliseconds_max: 30,
  });
  const outcomes = operationsTable('outcomes', stats);
  assert.deepEqual(
    outcomes.rows.map((row) => Object.values(row)),
    [
      ['whe_1', '200', 2],
      ['whe_1', '503', 1],
      ['whe_1', 'timeout', 1],
      ['whe_2', 'refused', 1],
    ],
  );
  assert.deepEqual(Object.keys(outcomes.columns), Object.keys(outcomes.rows[0]!));
});
