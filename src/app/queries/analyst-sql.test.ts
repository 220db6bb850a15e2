import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryError, type QueryFault } from '#domain/query-error.ts';
import { createAnalystSql } from './analyst-sql.ts';

const caller = { actor: { kind: 'operator', id: 'command-line' } } as const;
const wish = { sql: 'SELECT 1', params: [], tables: { t: 'frm_1' }, fresh: true, unmasked: true };

function world(ask: () => Promise<{ columns: []; rows: number; truncated: boolean }>) {
  const outcomes: string[] = [];
  const form = { state: '1', personal: [], source: async () => ({}), mend: async () => {} };
  const sql = createAnalystSql({
    storage: { get: async () => ({ doc: { id: 'frm_1' } }), getByKey: async () => undefined } as never,
    tables: { of: async () => form } as never,
    engine: { ask, wake() {} },
    metrics: { count: (_name, labels) => void outcomes.push(Object.values(labels).join()) },
    note: async () => {},
    limits: { timeMs: 1000, rows: 2 },
  });
  return { sql, outcomes };
}

test('SQL counts once with how it ended, as JSON and as a file, and a file tells whether it has all rows', async () => {
  const { sql, outcomes } = world(async () => ({ columns: [], rows: 2, truncated: true }));
  const { signal } = new AbortController();
  await sql.answer(caller, wish, signal);
  const { rows, truncated } = await sql.toFile(caller, wish, { path: '/answer', format: 'csv' }, signal);
  assert.deepEqual([rows, truncated, outcomes], [2, true, ['miss', 'miss']]);
});

test('SQL that is refused, too slow or failed is counted as that', async () => {
  const ends: [fault: QueryFault, outcome: string][] = [
    ['query-refused', 'refused'],
    ['query-too-slow', 'timed-out'],
    ['data-damaged', 'failed'],
  ];
  for (const [fault, outcome] of ends) {
    const { sql, outcomes } = world(() => Promise.reject(new QueryError(fault)));
    await assert.rejects(sql.answer(caller, wish, new AbortController().signal), { code: fault });
    assert.deepEqual(outcomes, [outcome]);
  }
});
