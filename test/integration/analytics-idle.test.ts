import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import type { QueryError } from '#domain/query-error.ts';
import type { FreshLines, TableSource } from '#ports/analytics-engine.ts';
import { idOf, isFault, openEngineWorld, visitColumns } from '../support/engine-world.ts';

/* What a question leaves is used by the next one about the same tables. */

test('a question has the rows of its own tables, whatever the one before it was and however it ended', async (t) => {
  const { visits, ndjson, engine, query } = await openEngineWorld(t);
  const table = (files: TableSource['files'], fresh?: FreshLines): TableSource[] => [
    { name: 'visits', columns: visitColumns, files, ...(fresh ? { fresh } : {}) },
  ];
  const one = async (sql: string, tables: readonly TableSource[]) => (await query(sql, tables)).values[0]![0];
  const files = [await visits('a.parquet', 0, 1000)];
  const few = await ndjson('few.ndjson', [{ response_id: idOf(2000), label: 'new', _changed: 1 }]);
  const more = await ndjson('more.ndjson', [{ response_id: idOf(2001), label: 'newer', _changed: 2 }]);
  const both = { ...few, paths: [...few.paths, ...more.paths] };
  const count = 'SELECT count(*) FROM visits';
  const limits = { timeMs: 20_000, rows: 10 };
  const before: [what: string, ask: () => Promise<unknown>][] = [
    ['another question', () => one('SELECT max(label) FROM visits', table(files, few))],
    ['one about fewer rows', () => one(count, table(files))],
    ['one about more', () => one(count, table(files, both))],
    ['one that is wrong', () => assert.rejects(one('SELECT nothing FROM visits', table(files, few)))],
    ['one that was cut', () => engine.query({ sql: 'FROM visits', tables: table(files, few) }, limits, () => {})],
    [
      'one that was given up at its first rows',
      () =>
        assert.rejects(
          engine.query({ sql: 'FROM visits, range(1000)', tables: table(files, few) }, { ...limits, rows: 1e6 }, () => {
            throw new Error('enough');
          }),
          /enough/,
        ),
    ],
    [
      'one that took too long',
      () =>
        assert.rejects(
          engine.query(
            {
              sql: 'SELECT sum(a.range * b.range) FROM visits, range(1000000) a, range(1000000) b',
              tables: table(files, few),
            },
            { ...limits, timeMs: 200 },
            () => {},
          ),
          isFault('query-too-slow'),
        ),
    ],
    ['several at once', () => Promise.all(Array.from({ length: 5 }, () => one(count, table(files, few))))],
  ];
  for (const [what, ask] of before) {
    await one(count, table(files, few));
    await ask();
    assert.equal(await one(count, table(files, few)), 1001, what);
    const { values } = await query("SELECT label FROM visits WHERE label LIKE 'new%' ORDER BY 1", table(files, few));
    assert.deepEqual(values, [['new']], what);
    assert.equal(await one(count, table(files)), 1000, what);
    assert.equal(await one(count, table(files, both)), 1002, what);
  }
});

test('a file that goes between two questions about the same tables is damage, and what a question may not read is not', async (t) => {
  const { visits, query } = await openEngineWorld(t);
  const [kept, gone] = [await visits('kept.parquet', 0, 10), await visits('gone.parquet', 10, 20)];
  const tables = [{ name: 'visits', columns: visitColumns, files: [kept, gone] }];
  assert.deepEqual((await query('SELECT count(*) FROM visits', tables)).values, [[20]]);
  await assert.rejects(query("SELECT * FROM visits, read_text('/etc/hostname')", tables), isFault('query-failed'));
  assert.deepEqual((await query('SELECT count(*) FROM visits', tables)).values, [[20]]);
  await rm(gone.path);
  await assert.rejects(query('SELECT max(stars) FROM visits', tables), (err) => {
    isFault('data-damaged', /gone\.parquet/)(err);
    return (err as QueryError).file === gone.path;
  });
});
