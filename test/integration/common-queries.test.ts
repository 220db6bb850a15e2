import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { createAnswerCache } from '#app/queries/answer-cache.ts';
import { createCommonQueries } from '#app/queries/common-queries.ts';
import type { FormTables } from '#app/queries/tables.ts';
import { AppError } from '#domain/errors.ts';
import { QueryError } from '#domain/query-error.ts';
import type { AnalyticsEngine } from '#ports/analytics-engine.ts';
import { inEveryFormat } from '../support/answer-formats.ts';
import { openEngineWorld, visitColumns } from '../support/engine-world.ts';

/** Visits as [day of January, label, how many]. */
type Visits = [day: number, label: string, count: number][];

async function world(
  t: TestContext,
  visits: Visits,
  over: { leastGroup?: number; rows?: number; engine?: Pick<AnalyticsEngine, 'query' | 'wake'> } = {},
) {
  const { engine, parquet, folder } = await openEngineWorld(t);
  const rows = visits.flatMap(([day, label, count]) =>
    Array.from({ length: count }, (_, i) => {
      const date = `2026-01-${String(day).padStart(2, '0')}`;
      return [`rsp_${day}_${label}_${i}`, `${date}T12:00:00.000Z`, date, label, 1, 0.5, false, [], null];
    }),
  );
  const source = { name: 'responses', columns: visitColumns, files: [await parquet('visits.parquet', rows)] };
  const outcomes: unknown[] = [];
  const metrics = {
    count: (_: string, labels: object) => void outcomes.push(...Object.values(labels)),
    observe() {},
  };
  const form = { state: '1', table: { columns: visitColumns, questions: [] }, source: async () => source, mend() {} };
  const queries = createCommonQueries({
    tables: { of: async () => form } as unknown as FormTables,
    engine: over.engine ?? engine,
    answers: createAnswerCache({
      cache: { get: async () => undefined, set: async () => {} },
      metrics,
      ids: createIds({ clock: { now: () => 7 } }),
      release: '1',
    }),
    clock: { now: () => 7 },
    metrics,
    timeZone: 'UTC',
    limits: { timeMs: 20_000, rows: over.rows ?? 1000 },
    leastGroup: over.leastGroup ?? 1,
  });

  const prepared = (name: string) => queries.prepare({ name, formId: 'frm_1', params: {}, fresh: true });
  const everywhere = async (name: string) => inEveryFormat(queries, await prepared(name), folder);
  return { queries, prepared, inEveryFormat: everywhere, outcomes, folder };
}

test('by default no row is left out, in no format: a label that nobody has any more is told with its 0', async (t) => {
  const { inEveryFormat } = await world(t, [
    [1, 'gone', 2],
    [9, 'new', 1],
  ]);
  const { rows, suppressed, truncated } = await inEveryFormat('trend');
  assert.deepEqual(rows, [
    ['new', 1, 0, null],
    ['gone', 0, 2, -1],
  ]);
  assert.deepEqual([suppressed, truncated], [0, false]);
});

test('rows of small groups go before the limit of rows cuts, in the order of the query and in every format', async (t) => {
  const days: Visits = [4, 1, 5, 2, 3, 1, 6].map((count, i) => [1 + i, 'bug', count]);
  const { inEveryFormat } = await world(t, days, { leastGroup: 3, rows: 3 });
  assert.deepEqual(await inEveryFormat('responses-over-time'), {
    columns: [
      { name: 'period', type: 'VARCHAR' },
      { name: 'count', type: 'BIGINT' },
    ],
    rows: [
      ['2026-01-01', 4],
      ['2026-01-03', 5],
      ['2026-01-05', 3],
    ],
    truncated: true,
    suppressed: 3,
    asOf: 7,
  });
});

test('with a least group a row of 0 is left out too: its other columns may speak of somebody', async (t) => {
  const visits: Visits = [
    [1, 'gone', 1],
    [9, 'new', 4],
  ];
  const { inEveryFormat } = await world(t, visits, { leastGroup: 3 });
  const { rows, suppressed } = await inEveryFormat('trend');
  assert.deepEqual([rows, suppressed], [[['new', 4, 0, null]], 1]);
});

test('a question counts once with how it ended, as JSON and as a file', async (t) => {
  const { inEveryFormat, outcomes } = await world(t, [[1, 'bug', 1]]);
  await inEveryFormat('trend');
  assert.deepEqual(outcomes, ['miss', 'miss', 'miss', 'miss']);
  const ends: [err: Error, outcome: string][] = [
    [new QueryError('query-too-slow'), 'timed-out'],
    [new QueryError('query-refused'), 'refused'],
    [new QueryError('query-failed'), 'failed'],
    [new AppError('timeout'), 'abandoned'],
  ];
  for (const [err, outcome] of ends) {
    const query = () => Promise.reject(err);
    const failing = await world(t, [[1, 'bug', 1]], { engine: { query, wake() {} } });
    const question = await failing.prepared('trend');
    await assert.rejects(failing.queries.answer(question));
    const file = { path: join(failing.folder, 'a.csv'), format: 'csv' } as const;
    await assert.rejects(failing.queries.toFile(question, file, AbortSignal.timeout(1000)));
    assert.deepEqual(failing.outcomes, [outcome, outcome]);
  }
});
