import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ExportColumn } from '#domain/export-rows.ts';
import type { QueryError } from '#domain/query-error.ts';
import type { FreshLines, TableSource } from '#ports/analytics-engine.ts';
import { idOf, isFault, openEngineWorld, visit, visitColumns } from '../support/engine-world.ts';

async function world(t: TestContext) {
  const made = await openEngineWorld(t);
  const table = (files: TableSource['files'], fresh?: FreshLines): TableSource[] => [
    { name: 'visits', columns: visitColumns, files, ...(fresh ? { fresh } : {}) },
  ];
  const one = async (sql: string, tables: readonly TableSource[]) => (await made.query(sql, tables)).values[0]![0];
  return { ...made, table, one };
}

test('a table is the rows of all its files, with the types of their columns', async (t) => {
  const { visits, table, query } = await world(t);
  const tables = table([await visits('a.parquet', 0, 1500), await visits('b.parquet', 1500, 2000)]);
  const { values, columns } = await query('SELECT day, count(*) AS n FROM visits GROUP BY ALL ORDER BY ALL', tables);
  assert.deepEqual(values, [
    ['2026-01-01', 1000],
    ['2026-01-02', 1000],
  ]);
  assert.deepEqual(columns, [
    { name: 'day', type: 'DATE' },
    { name: 'n', type: 'BIGINT' },
  ]);
  const all = await query('SELECT * FROM visits ORDER BY response_id LIMIT 1', tables);
  assert.deepEqual(all.values[0], visit(0));
  assert.deepEqual(
    all.columns.map(({ type }) => type),
    ['VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'DATE', 'VARCHAR', 'BIGINT', 'DOUBLE', 'BOOLEAN', 'VARCHAR[]', 'VARCHAR'],
  );
});

test('a table without files and without fresh rows has its columns and no rows', async (t) => {
  const { query, table, ndjson } = await world(t);
  for (const tables of [table([]), table([], await ndjson('empty.ndjson', []))]) {
    const { values, columns, rows } = await query('SELECT * FROM visits', tables);
    assert.deepEqual([values, rows, columns.length], [[], 0, visitColumns.length]);
  }
});

test('a fresh row takes the place of the one in a file, the newest of several counts, and a removed one takes it away', async (t) => {
  const { visits, table, ndjson, query, one } = await world(t);
  const files = [await visits('a.parquet', 0, 1000), await visits('b.parquet', 1000, 2000)];
  const fresh = await ndjson('fresh.ndjson', [
    { response_id: idOf(5), label: 'older', stars: 1, _changed: 10 },
    {
      response_id: idOf(5),
      label: 'newest',
      stars: 2,
      submitted_at: '2026-03-01T00:00:00.000Z',
      topics: ['x'],
      _changed: 12,
    },
    { response_id: idOf(5), label: 'middle', stars: 3, _changed: 11 },
    { response_id: idOf(1500), _removed: true, _changed: 20 },
    { response_id: idOf(1501), label: 'was removed, then restored', _removed: true, _changed: 21 },
    { response_id: idOf(1501), label: 'back', _changed: 22 },
    { response_id: idOf(1502), label: 'gone', _changed: 23 },
    { response_id: idOf(1502), _removed: true, _changed: 24 },
    { response_id: idOf(9000), label: 'new', stars: 4, day: '2026-02-01', _changed: 30 },
    { response_id: idOf(9001), _removed: true, _changed: 31 },
  ]);
  const tables = table(files, fresh);
  assert.equal(await one('SELECT count(*) FROM visits', tables), 2000 - 2 + 1);
  assert.equal(await one('SELECT count(DISTINCT response_id) FROM visits', tables), 1999);
  const { values } = await query(
    `SELECT response_id, label, stars, submitted_at, topics FROM visits WHERE label NOT IN ('bug', 'praise', 'question') ORDER BY 1`,
    tables,
  );
  assert.deepEqual(values, [
    [idOf(5), 'newest', 2, '2026-03-01T00:00:00.000Z', ['x']],
    [idOf(1501), 'back', null, null, null],
    [idOf(9000), 'new', 4, null, null],
  ]);
  assert.equal(
    await one(`SELECT count(*) FROM visits WHERE response_id IN ('${idOf(1500)}', '${idOf(1502)}')`, tables),
    0,
  );
});

test('fresh rows alone are a table', async (t) => {
  const { table, ndjson, query } = await world(t);
  const fresh = await ndjson('fresh.ndjson', [
    { response_id: 'a', day: '2026-01-01', needs_review: true, confidence: 0.5, _changed: 1 },
  ]);
  const { values } = await query(
    'SELECT response_id, day, needs_review, confidence, label FROM visits',
    table([], fresh),
  );
  assert.deepEqual(values, [['a', '2026-01-01', true, 0.5, null]]);
});

test('ids that do not ascend with time are found in every file', async (t) => {
  const { parquet, table, ndjson, one } = await world(t);
  const rows = Array.from({ length: 300 }, (_, n) => visit((n * 7919) % 1000));
  const files = [
    await parquet('a.parquet', rows.slice(0, 100)),
    await parquet('b.parquet', rows.slice(100, 200)),
    await parquet('c.parquet', rows.slice(200)),
  ];
  const removed = rows
    .filter((_, n) => n % 10 === 0)
    .map(([id], i) => ({ response_id: id as string, _removed: true, _changed: i }));
  assert.equal(await one('SELECT count(*) FROM visits', table(files, await ndjson('fresh.ndjson', removed))), 270);
});

test('an older file lacks later columns: they are null there, and others of its columns are not seen', async (t) => {
  const { parquet, visits, query, ndjson } = await world(t);
  const older: ExportColumn[] = [
    { name: 'response_id', type: 'string' },
    { name: 'stars', type: 'integer' },
    { name: 'dropped', type: 'string' },
  ];
  const files = [await parquet('old.parquet', [['old', 3, 'x']], older), await visits('new.parquet', 0, 1)];
  const columns = [...visitColumns, { name: 'later', type: 'string[]' } as const];
  const tables = [{ name: 'visits', columns, files }];
  const { values } = await query('SELECT response_id, stars, label, later FROM visits ORDER BY 1', tables);
  assert.deepEqual(values, [
    ['old', 3, null, null],
    [idOf(0), 1, 'bug', null],
  ]);
  await assert.rejects(query('SELECT dropped FROM visits', tables), isFault('query-failed', /dropped/));
  const fresh = await ndjson('fresh.ndjson', [{ response_id: 'old', stars: 4, later: ['y'], _changed: 1 }]);
  const merged = await query('SELECT response_id, stars, later FROM visits ORDER BY 1', [{ ...tables[0]!, fresh }]);
  assert.deepEqual(merged.values, [
    ['old', 4, ['y']],
    [idOf(0), 1, null],
  ]);
});

test('a file whose column has another type than the table is read as the type of the table', async (t) => {
  const { parquet, query } = await world(t);
  const asNumber: ExportColumn[] = [
    { name: 'response_id', type: 'string' },
    { name: 'stars', type: 'number' },
  ];
  const columns: ExportColumn[] = [
    { name: 'response_id', type: 'string' },
    { name: 'stars', type: 'integer' },
  ];
  const files = [await parquet('a.parquet', [['a', 2]], asNumber)];
  const answer = await query('SELECT stars FROM t', [{ name: 't', columns, files }]);
  assert.deepEqual([answer.columns[0]!.type, answer.values], ['BIGINT', [[2]]]);
});

test('a file that is torn, missing, no Parquet or has another count of rows is named', async (t) => {
  const { visits, table, query, folder, ask } = await world(t);
  const good = await visits('good.parquet', 0, 100);
  const bad = await visits('2026-01-02.parquet', 100, 5000);
  const tables = table([good, bad]);
  const names = (err: unknown) =>
    isFault('data-damaged', /2026-01-02\.parquet/)(err) &&
    (err as QueryError).file === bad.path &&
    !(err as QueryError).message.includes(folder);
  const masked = tables.map((one) => ({ ...one, masked: [] }));
  const each = async (what: string) => {
    for (const run of [
      () => query('SELECT max(email), count(*) FROM visits', tables),
      () => ask('SELECT 1', masked, { snapshot: what }),
    ])
      await assert.rejects(run(), names, what);
  };

  await assert.rejects(query('SELECT 1', table([good, { ...bad, rows: 4899 }])), names, 'count');
  const { size } = await stat(bad.path);
  const whole = await readFile(bad.path);
  await truncate(bad.path, size - 1000);
  await each('torn at its end');
  // The footer is whole, and the pages are not.
  await writeFile(
    bad.path,
    whole.map((byte, i) => (i > 100 && i < size * 0.7 ? 0xa5 : byte)),
  );
  await each('torn in the middle');
  await writeFile(bad.path, 'no parquet');
  await each('no Parquet');
  await truncate(bad.path, 0);
  await each('empty');
  await writeFile(bad.path, whole);
  assert.equal((await query('SELECT 1', tables)).rows, 1);
  await assert.rejects(
    query('SELECT count(*) FROM visits', table([good, { path: join(folder, '2026-01-02.parquet.gone'), rows: 1 }])),
    isFault('data-damaged', /gone/),
  );
});

test('fresh rows that are torn are named as well', async (t) => {
  const { table, query, folder } = await world(t);
  const path = join(folder, 'fresh.ndjson');
  await writeFile(path, `${JSON.stringify({ response_id: 'a', _changed: 1 })}\n{"response_id": "b", "lab`);
  await assert.rejects(
    query('SELECT count(*) FROM visits', table([], { paths: [path], longestLine: 100 })),
    isFault('data-damaged', /fresh\.ndjson/),
  );
  await assert.rejects(
    query('SELECT count(*) FROM visits', table([], { paths: [`${path}.gone`], longestLine: 100 })),
    isFault('data-damaged', /gone/),
  );
});

test('a wrong question is no damage, and its error names no path', async (t) => {
  const { visits, table, query, folder } = await world(t);
  const tables = table([await visits('a.parquet', 0, 10)]);
  for (const [sql, words] of [
    ['SELECT nothing FROM visits', /nothing/],
    ['SELECT * FROM nowhere', /nowhere/],
    ['SELECT FROM visits', /Parser/],
    ["SELECT error('on purpose') FROM visits", /on purpose/],
    ['SELECT label::INTEGER FROM visits', /Conversion/],
    ["SELECT * FROM read_text('/etc/hostname')", /Permission/],
    [`SELECT * FROM read_text('${folder}/engine')`, /Permission/],
  ] as const) {
    await assert.rejects(query(sql, tables), (err) => {
      isFault('query-failed', words)(err);
      assert.doesNotMatch((err as Error).message, /\/etc|formstead-engine/);
      return true;
    });
  }
});

test('our own SQL reads its files and no others, writes nothing and changes no setting', async (t) => {
  const { visits, table, query, folder } = await world(t);
  const [mine, other] = [await visits('mine.parquet', 0, 10), await visits('other.parquet', 0, 10)];
  const tables = table([mine]);
  for (const sql of [
    `SELECT * FROM read_parquet('${other.path}')`,
    `COPY visits TO '${folder}/out.csv'`,
    `ATTACH '${folder}/x.db' AS x`,
    `SELECT * FROM glob('${folder}/*')`,
    `SELECT * FROM sniff_csv('/etc/passwd')`,
    'SET enable_external_access = true',
    "SET allowed_directories = ['/']",
    'SET memory_limit = 1000000000000',
    'INSTALL httpfs',
    'LOAD httpfs',
  ])
    await assert.rejects(query(sql, tables), isFault('query-failed'), sql);
  assert.equal(existsSync(join(folder, 'out.csv')), false);
  assert.equal(existsSync(join(folder, 'x.db')), false);
});

test('parameters are bound by name or in order, as values and never as SQL', async (t) => {
  const { visits, table, query } = await world(t);
  const tables = table([await visits('a.parquet', 0, 3000)]);
  const count = async (sql: string, params: Parameters<typeof query>[2]) =>
    (await query(`SELECT count(*) FROM visits WHERE ${sql}`, tables, params)).values[0]![0];
  assert.equal(await count('label = $label AND day >= $from', { params: { label: 'bug', from: '2026-01-02' } }), 666);
  assert.equal(await count('stars = ? AND needs_review = ?', { params: [1, true] }), 300);
  assert.equal(await count('stars >= $2 AND confidence < $1', { params: [0.5, 5] }), 300);
  assert.equal(await count('label = $x', { params: { x: "bug' OR true --" } }), 0);
  assert.equal(await count('label IS NOT DISTINCT FROM $x', { params: { x: null } }), 0);
  assert.equal(await count('submitted_at < $x', { params: { x: '2026-01-02T00:00:00Z' } }), 1000);
});

test('a parameter that is missing, too many or of another type is refused by its name', async (t) => {
  const { visits, table, query } = await world(t);
  const tables = table([await visits('a.parquet', 0, 10)]);
  const where = (condition: string, params: unknown) =>
    query(`SELECT 1 FROM visits WHERE ${condition}`, tables, { params: params as never });
  for (const [condition, params, words] of [
    ['stars > $min', {}, /\$min has no value/],
    ['stars > ?', [], /\$1 has no value/],
    ['stars > ?', [1, 2], /no parameter \$2/],
    ['stars > $min', { min: 1, max: 2 }, /no parameter \$max/],
    ['stars > $min', { min: '1' }, /\$min is a string.*needs a number/],
    ['stars > $min', { min: true }, /\$min is a boolean/],
    ['label = $x', { x: 1 }, /\$x is a number.*needs a string/],
    ['needs_review = $x', { x: 'true' }, /needs a boolean/],
    ['day > $x', { x: 5 }, /needs a string/],
    ['$x IS NULL', { x: [1] }, /\$x is neither/],
    ['$x IS NULL', { x: { a: 1 } }, /\$x is neither/],
    ['$x IS NULL', { x: Number.NaN }, /\$x is neither/],
  ] as const)
    await assert.rejects(where(condition, params), isFault('query-refused', words), condition);
  await assert.rejects(where('day > $x', { x: 'soon' }), isFault('query-failed', /soon/));
});

test('values become JSON as the reference says', async (t) => {
  const { query } = await world(t);
  for (const [sql, value] of [
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740992', '9007199254740992'],
    ['-9007199254740993', '-9007199254740993'],
    ['170141183460469231731687303715884105727', '170141183460469231731687303715884105727'],
    ['sum(5::BIGINT)', 5],
    ['1.50::DECIMAL(15, 2)', 1.5],
    ['1.50::DECIMAL(16, 2)', '1.50'],
    ["'NaN'::DOUBLE", 'NaN'],
    ["'-inf'::DOUBLE", '-Infinity'],
    ['1e300', 1e300],
    ['NULL', null],
    ['true', true],
    ["DATE '2026-02-28'", '2026-02-28'],
    ["TIMESTAMP '2026-02-28 10:00:00.5'", '2026-02-28T10:00:00.5'],
    ["TIMESTAMPTZ '2026-02-28 10:00:00+02'", '2026-02-28T08:00:00.000Z'],
    ["TIMESTAMPTZ '2026-02-28 10:00:00.123456Z'", '2026-02-28T10:00:00.123456Z'],
    ["TIMESTAMPTZ 'infinity'", 'infinity'],
    ["TIME '10:00:00'", '10:00:00'],
    ["[DATE 'infinity', DATE '-infinity']", ['infinity', '-infinity']],
    ["INTERVAL '1 month 2 days'", '1 month 2 days'],
    ["'b'::BLOB", 'Yg=='],
    ["'6f4fd1b6-3d14-4b6b-9bc6-6a1b3c9ddc01'::UUID", '6f4fd1b6-3d14-4b6b-9bc6-6a1b3c9ddc01'],
    ['[1, NULL, 9007199254740993]', [1, null, '9007199254740993']],
    ["{'a': 1, 'b': [DATE '2026-01-01']}", { a: 1, b: ['2026-01-01'] }],
    [
      "MAP {'k': 1, 'l': NULL}",
      [
        ['k', 1],
        ['l', null],
      ],
    ],
    ['\'{"a": 1}\'::JSON', '{"a": 1}'],
    ["'\u00e4\u{1F600}'", '\u00e4\u{1F600}'],
    ["'\ufeffa\ufeff'", 'a\ufeff'],
  ] as const)
    assert.deepEqual((await query(`SELECT ${sql}`, [])).values, [[value]], sql);
});

test('100,000 rows arrive in chunks, each row once and in order', async (t) => {
  const { visits, table, engine, limits } = await world(t);
  const files = [await visits('a.parquet', 0, 50_000), await visits('b.parquet', 50_000, 100_000)];
  const sizes: number[] = [];
  let next = 0;
  const question = { sql: 'SELECT * FROM visits ORDER BY response_id', tables: table(files) };
  const answered = await engine.query(question, { ...limits, rows: 100_000 }, async ({ rows, columns }) => {
    assert.equal(columns.length, visitColumns.length);
    sizes.push(rows.length);
    for (const row of rows) assert.equal(row[0], idOf(next++));
  });
  assert.deepEqual([answered.rows, answered.truncated, next], [100_000, false, 100_000]);
  assert.ok(sizes.length > 40 && Math.max(...sizes) <= 2048, String(sizes));
});

test('rows beyond the limit are left out, and the answer says so', async (t) => {
  const { visits, table, query } = await world(t);
  const tables = table([await visits('a.parquet', 0, 5000)]);
  for (const [rows, sql, expected] of [
    [4999, 'SELECT stars FROM visits', [4999, true]],
    [5000, 'SELECT stars FROM visits', [5000, false]],
    [1, 'SELECT * FROM range(1000000000)', [1, true]],
    [0, 'SELECT 1', [0, true]],
    [10, 'SELECT 1 WHERE false', [0, false]],
  ] as const) {
    const answer = await query(sql, tables, { rows });
    assert.deepEqual([answer.rows, answer.truncated], expected, sql);
    assert.equal(answer.values.length, answer.rows);
  }
});

test('what the taker throws ends the question, and the next one is answered', async (t) => {
  const { engine, limits, query, pids } = await world(t);
  const stop = new Error('enough');
  let chunks = 0;
  const question = { sql: 'SELECT * FROM range(1000000)', tables: [] };
  await assert.rejects(
    engine.query(question, { ...limits, rows: 1_000_000 }, () => {
      chunks += 1;
      if (chunks === 3) throw stop;
    }),
    (err) => err === stop,
  );
  assert.equal(chunks, 3);
  assert.deepEqual((await query('SELECT 1', [])).values, [[1]]);
  assert.equal(pids.length, 1);
});

test('an answer goes into a file as NDJSON or CSV, with cells that are no formulas', async (t) => {
  const { engine, limits, folder } = await world(t);
  const sql = `SELECT * FROM (VALUES (1, '=1+1', [1, 2], -9007199254740993::BIGINT, -1.5::DECIMAL(30, 1)),
    (2, 'a "b", c', NULL, -1, NULL), (3, '-x', [], NULL, 0)) AS t(n, "=text", l, big, d) ORDER BY 1`;
  const [csv, ndjson] = [join(folder, 'a.csv'), join(folder, 'a.ndjson')];
  const answered = await engine.query({ sql, tables: [] }, limits, { path: csv, format: 'csv' });
  assert.deepEqual([answered.rows, answered.truncated], [3, false]);
  assert.deepEqual((await readFile(csv, 'utf8')).split('\r\n'), [
    `n,'=text,l,big,d`,
    `1,'=1+1,"[1,2]",-9007199254740993,-1.5`,
    `2,"a ""b"", c",,-1,`,
    `3,'-x,[],,0.0`,
    '',
  ]);
  await engine.query({ sql, tables: [] }, { ...limits, rows: 2 }, { path: ndjson, format: 'ndjson' });
  assert.deepEqual((await readFile(ndjson, 'utf8')).split('\n'), [
    '{"n":1,"=text":"=1+1","l":[1,2],"big":"-9007199254740993","d":"-1.5"}',
    '{"n":2,"=text":"a \\"b\\", c","l":null,"big":-1,"d":null}',
    '',
  ]);
  assert.equal((await stat(csv)).mode & 0o777, 0o600);
});

test('an answer goes into a Parquet file, cut at the limit of rows and in order', async (t) => {
  const { engine, limits, folder, visits, table } = await world(t);
  const tables = table([await visits('a.parquet', 0, 5000)]);
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const read = async (path: string) =>
    (
      await (
        await connection.run(`SELECT count(*)::INTEGER, min(stars)::INTEGER, first(response_id) FROM '${path}'`)
      ).getRows()
    )[0];
  const sql =
    'SELECT response_id, stars, submitted_at, topics FROM visits WHERE stars > $min ORDER BY response_id DESC -- by id';
  for (const [name, rows, count] of [
    ['whole', 10_000, 4000],
    ['exact', 4000, 4000],
    ['cut', 3999, 3999],
  ] as const) {
    const path = join(folder, `${name}.answer.parquet`);
    const question = { sql, tables, params: { min: 1 } };
    const answered = await engine.query(question, { ...limits, rows }, { path, format: 'parquet' });
    assert.deepEqual([answered.rows, answered.truncated], [count, count < 4000], name);
    assert.deepEqual(answered.columns[3], { name: 'topics', type: 'VARCHAR[]' });
    assert.deepEqual(await read(path), [count, 2, idOf(4999)], name);
    assert.equal(existsSync(`${path}.cut`), false);
  }
});

test('a file of an answer that failed is not left behind', async (t) => {
  const { engine, limits, folder } = await world(t);
  const late = "SELECT CASE WHEN range < 100000 THEN 1 ELSE error('late')::INTEGER END FROM range(100001)";
  for (const format of ['ndjson', 'csv', 'parquet'] as const) {
    const path = join(folder, `out.${format}`);
    for (const [question, over, fault] of [
      [{ sql: late, tables: [] }, {}, 'query-failed'],
      [{ sql: 'SELECT nothing', tables: [] }, {}, 'query-failed'],
      [{ sql: 'SELECT range, hash(range) FROM range(100000)', tables: [] }, { bytes: 10_000 }, 'query-too-large'],
      [{ sql: 'SELECT count(*) FROM range(1000000000000)', tables: [] }, { timeMs: 500 }, 'query-too-slow'],
    ] as const) {
      const many = { ...limits, rows: 1_000_000, ...over };
      await assert.rejects(engine.query(question, many, { path, format }), isFault(fault), `${format} ${question.sql}`);
      assert.equal(existsSync(path), false, `${format} ${question.sql}`);
    }
  }
});

test('an answer of more bytes than it may have is refused', async (t) => {
  const { query } = await world(t);
  await assert.rejects(
    query("SELECT repeat('x', 1000) FROM range(1000)", [], { bytes: 500_000 }),
    isFault('query-too-large', /500000 bytes/),
  );
  assert.equal((await query("SELECT repeat('x', 1000) FROM range(400)", [], { bytes: 500_000 })).rows, 400);
});
