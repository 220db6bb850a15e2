import assert from 'node:assert/strict';
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { idOf, openEngineWorld, visitColumns } from '../support/engine-world.ts';

/* Many fresh rows: made Parquet once, and read by every question about them. */

const fields = (n: number) => ({
  response_id: idOf(n),
  submitted_at: '2026-11-01T12:00:00.000Z',
  day: '2026-11-01',
  label: 'bug',
  stars: 5,
  topics: ['ä', 'b'],
  email: `a rather long address to come beyond the size from which it is worth it ${n}@example.org`,
});

/** 1,000 visits in a file; of them 0–99 are removed and 100–999 changed, some twice, and 1,000 are new: 400 kB of lines. */
async function changedVisits(t: Parameters<typeof openEngineWorld>[0], name = 'fresh.ndjson') {
  const world = await openEngineWorld(t);
  const files = [await world.visits('a.parquet', 0, 1000)];
  const lines = [
    ...Array.from({ length: 100 }, (_, n) => ({ response_id: idOf(n), _removed: true, _changed: n })),
    ...Array.from({ length: 900 }, (_, i) => ({ ...fields(100 + i), stars: 1, _changed: 100 + i })),
    ...Array.from({ length: 500 }, (_, i) => ({ ...fields(100 + i), stars: 2, _changed: 2000 + i })),
    ...Array.from({ length: 1000 }, (_, i) => ({ ...fields(1000 + i), _changed: 3000 + i })),
  ];
  const fresh = await world.ndjson(name, lines);
  const table = { name: 'visits', columns: visitColumns, files, fresh };
  const made = async () => {
    const folders = await readdir(join(world.folder, 'engine'), { recursive: true });
    return folders.filter((path) => /fresh-\d+\.parquet$/.test(path)).length;
  };
  return { ...world, table, made };
}

const sql = 'SELECT stars, count(*), min(day), max(len(topics)) FROM visits GROUP BY stars ORDER BY stars';
const expected = [
  [1, 400],
  [2, 500],
  [5, 1000],
];

test('questions at the same time about many fresh rows share one Parquet file of them', async (t) => {
  const { query, table, made } = await changedVisits(t);
  const answers = await Promise.all(Array.from({ length: 4 }, () => query(sql, [table])));
  for (const { values } of answers) {
    assert.deepEqual(
      values.map(([stars, count]) => [stars, count]),
      expected,
    );
    assert.deepEqual(values[2]!.slice(2), ['2026-11-01', 2]);
  }
  assert.equal(await made(), 1);
  await query(sql, [table]);
  assert.equal(await made(), 1);
});

test('only the newest of these files are kept', async (t) => {
  const { query, table, made, ndjson } = await changedVisits(t);
  for (let i = 0; i < 8; i++) {
    const rows = Array.from({ length: 1500 }, (_, n) => ({ ...fields(5000 + n), _changed: n }));
    const fresh = await ndjson(`fresh-${i}.ndjson`, rows);
    const { values } = await query('SELECT count(*) FROM visits', [{ ...table, fresh }]);
    assert.deepEqual(values, [[2500]]);
  }
  assert.ok((await made()) <= 5, `${await made()} files`);
});

test('what comes later is added to what was made, and the newest row of each response counts', async (t) => {
  const { query, table, made, ndjson, visits } = await changedVisits(t);
  const count = (paths: readonly string[]) => query(sql, [{ ...table, fresh: { ...table.fresh, paths } }]);
  const paths = [...table.fresh.paths];
  await count(paths);
  const later = [
    // Changed again, removed, removed and back, and new.
    [{ ...fields(100), stars: 5, _changed: 5000 }],
    [{ response_id: idOf(101), _removed: true, _changed: 5001 }],
    [{ response_id: idOf(1000), _removed: true, _changed: 5002 }],
    [
      { ...fields(1000), stars: 2, _changed: 5003 },
      { ...fields(9000), stars: 1, _changed: 5004 },
    ],
  ];
  const counts: unknown[][] = [];
  for (const [i, lines] of later.entries()) {
    paths.push((await ndjson(`later-${i}.ndjson`, lines)).path);
    const { values } = await count(paths);
    counts.push(values.map(([, n]) => n));
  }
  // A dozen more: what has come since is put to the rest meanwhile.
  for (let i = 0; i < 12; i++) {
    const lines = [
      { ...fields(i), stars: 5, _changed: 6000 + 2 * i },
      { ...fields(9001 + i), stars: 1, _changed: 6001 + 2 * i },
    ];
    paths.push((await ndjson(`last-${i}.ndjson`, lines)).path);
    const { values } = await count(paths);
    counts.push(values.map(([, n]) => n));
  }
  const dozen = Array.from({ length: 12 }, (_, i) => [402 + i, 499, 1001 + i]);
  assert.deepEqual(counts, [[400, 499, 1001], [400, 498, 1001], [400, 498, 1000], [401, 499, 1000], ...dozen]);
  assert.ok((await made()) <= 8, `${await made()} files`);
  // In an engine that knows nothing of before, all at once.
  const other = await openEngineWorld(t);
  const { values } = await other.query(sql, [
    { ...table, files: [await visits('same.parquet', 0, 1000)], fresh: { ...table.fresh, paths } },
  ]);
  assert.deepEqual(
    values.map(([, n]) => n),
    counts.at(-1),
  );
});

test('a question that is stopped while the file is made takes nothing from the others', async (t) => {
  const { query, table } = await changedVisits(t);
  await query('SELECT 1', []);
  const stop = new AbortController();
  const stopped = query(sql, [table], { signal: stop.signal });
  const other = query(sql, [table]);
  setTimeout(() => stop.abort(new Error('gone')), 5);
  await stopped.catch((err) => assert.equal(err.message, 'gone'));
  assert.deepEqual(
    (await other).values.map(([stars, count]) => [stars, count]),
    expected,
  );
});

test('many fresh rows that are torn are named', async (t) => {
  const { query, table } = await changedVisits(t);
  await truncate(table.fresh.paths[0]!, 300_001);
  await assert.rejects(query(sql, [table]), { fault: 'data-damaged', message: /fresh\.ndjson/ });
});

test('as many fresh rows as a question has memory are counted', async (t) => {
  const places = 2;
  const { query, ndjson } = await openEngineWorld(t, { places, memoryBytes: (256 + places * 224) * 2 ** 20 });
  const rows = Array.from({ length: 200_000 }, (_, n) => ({
    response_id: idOf(n >> 1),
    stars: 1 + (n % 2),
    email: `${n} ${'a text of a kilobyte that is not the same in each row '.repeat(20)}`,
    _changed: n,
  }));
  const fresh = await ndjson('many.ndjson', rows);
  const { values } = await query('SELECT stars, count(*), min(length(email)) > 1000 FROM visits GROUP BY stars', [
    { name: 'visits', columns: visitColumns, files: [], fresh },
  ]);
  assert.deepEqual(values, [[2, 100_000, true]]);
});

for (const [what, questions, memoryBytes] of [
  ['500 questions within the default memory', 500, 768e6],
  ['100 questions within the least', 100, 384e6],
] as const)
  test(`one new response of a form of ${what}`, async (t) => {
    // As many threads as a larger machine would give.
    const { query, ndjson } = await openEngineWorld(t, { memoryBytes, threads: 3 });
    const names = Array.from({ length: questions }, (_, i) => `q${i}`);
    const columns = [
      { name: 'response_id', type: 'string' } as const,
      ...names.map((name) => ({ name, type: 'string[]' }) as const),
    ];
    const fresh = await ndjson('fresh.ndjson', [
      { response_id: idOf(1), q0: ['before'], _changed: 1 },
      { response_id: idOf(1), q0: ['ä', 'b'], _changed: 2 },
      { response_id: idOf(2), q1: ['gone'], _changed: 3 },
      { response_id: idOf(2), _removed: true, _changed: 4 },
    ]);
    const table = { name: 'wide', columns, files: [], fresh };
    const counts = await query(`SELECT ${names.map((name) => `count(${name})`).join(', ')} FROM wide`, [table]);
    assert.deepEqual(counts.values, [[1, ...Array.from({ length: questions - 1 }, () => 0)]]);
    const all = await query('SELECT * FROM wide', [table]);
    assert.deepEqual(all.values, [[idOf(1), ['ä', 'b'], ...Array.from({ length: questions - 1 }, () => null)]]);
  });
