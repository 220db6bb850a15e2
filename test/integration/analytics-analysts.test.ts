import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import type { Params } from '#ports/analytics-engine.ts';
import { idOf, isFault, openEngineWorld, visitColumns } from '../support/engine-world.ts';
import { readParquetRows } from '../support/hyparquet.ts';

async function world(t: TestContext, options: Parameters<typeof openEngineWorld>[1] = {}) {
  const made = await openEngineWorld(t, options);
  const files = [await made.visits('a.parquet', 0, 1000)];
  const table = { name: 'visits', columns: visitColumns, files };
  const kept = () => readdirSync(join(made.folder, 'engine')).filter((name) => name.endsWith('.duckdb'));
  const open = [{ ...table, masked: [] }];
  /** The answer in every format: rows, texts, and objects out of Parquet. */
  async function inEach(sql: string, params: Params = {}) {
    const file = async (format: 'csv' | 'ndjson' | 'parquet') => {
      const path = join(made.folder, `${randomUUID()}.${format}`);
      await made.engine.ask({ sql, params, tables: open, snapshot: '1' }, made.limits, { path, format });
      return readFileSync(path);
    };
    return {
      json: (await made.ask(sql, open, { params })).values,
      csv: (await file('csv')).toString(),
      ndjson: (await file('ndjson')).toString(),
      parquet: await readParquetRows(await file('parquet')),
    };
  }
  return {
    ...made,
    inEach,
    files,
    table,
    open,
    masked: [{ ...table, masked: ['email', 'topics'] }],
    kept,
  };
}

test('an analyst sees what the files and the fresh rows say', async (t) => {
  const { ask, ndjson, table } = await world(t);
  const fresh = await ndjson('fresh.ndjson', [
    { response_id: idOf(1), _removed: true, _changed: 1 },
    { response_id: idOf(2), label: 'mended', _changed: 2 },
    { response_id: idOf(5000), label: 'new', _changed: 3 },
  ]);
  const { values } = await ask(
    `WITH counted AS (SELECT label, count(*) AS n FROM visits GROUP BY label)
     SELECT label, n FROM counted WHERE n < $most ORDER BY label`,
    [{ ...table, fresh, masked: [] }],
    { params: { most: 10 } },
  );
  assert.deepEqual(values, [
    ['mended', 1],
    ['new', 1],
  ]);
});

test('a masked column is null whatever is asked, and is not in the snapshot', async (t) => {
  const { ask, masked, open, folder, kept } = await world(t);
  for (const [sql, values] of [
    ['SELECT email FROM visits LIMIT 1', [[null]]],
    ['SELECT count(email), count(*) FROM visits', [[0, 1000]]],
    ["SELECT count(*) FROM visits WHERE email LIKE '%'", [[0]]],
    ['SELECT max(v.email) FROM visits v', [[null]]],
    ["SELECT v FROM (SELECT COLUMNS('email|topics') FROM visits) v LIMIT 1", [[{ email: null, topics: null }]]],
    ["SELECT count(*) FROM visits v WHERE v::VARCHAR LIKE '%example.org%'", [[0]]],
    ["SELECT count(*) FROM visits WHERE to_json(visits)::VARCHAR LIKE '%example.org%'", [[0]]],
  ] as const)
    assert.deepEqual((await ask(sql, masked)).values, values, sql);
  const [file] = kept();
  const bytes = readFileSync(join(folder, 'engine', file!));
  assert.ok(bytes.length > 10_000);
  const instance = await DuckDBInstance.create(join(folder, 'engine', file!), { access_mode: 'READ_ONLY' });
  const rows = await (
    await (await instance.connect()).run('SELECT count(email), count(topics), count(label) FROM visits')
  ).getRows();
  assert.deepEqual(rows.flat().map(Number), [0, 0, 1000]);
  // Who may see it asks another snapshot, under the same key.
  assert.deepEqual((await ask('SELECT count(email) FROM visits', open)).values, [[1000]]);
  assert.equal(kept().length, 2);
  const types = (await ask('SELECT * FROM visits LIMIT 0', masked)).columns.map(({ type }) => type);
  assert.deepEqual(
    types,
    (await ask('SELECT * FROM visits LIMIT 0', open)).columns.map(({ type }) => type),
  );
});

test('a mask for a column that the table lacks is a mistake of ours that is told, not passed over', async (t) => {
  const { ask, table } = await world(t);
  await assert.rejects(ask('SELECT 1', [{ ...table, masked: ['Email'] }]), /no column Email/);
});

test('what would write, attach, read files, install, load, set or tell of the machine is refused', async (t) => {
  const { ask, open, folder, kept } = await world(t);
  await ask('SELECT 1', open);
  const snapshot = join(folder, 'engine', kept()[0]!);
  for (const sql of [
    'DROP TABLE visits',
    'INSERT INTO visits SELECT * FROM visits',
    "UPDATE visits SET label = 'x'",
    'CREATE TEMP TABLE x AS SELECT 1',
    `ATTACH '${snapshot}' AS x`,
    `COPY visits TO '${folder}/out.csv'`,
    `SELECT * FROM '${snapshot}'`,
    `SELECT * FROM read_blob('${snapshot}')`,
    "SELECT * FROM read_text('/proc/self/environ')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    'INSTALL httpfs',
    'LOAD httpfs',
    "SET memory_limit = '10GB'",
    'PRAGMA database_list',
    "SELECT getenv('HOME')",
    "SELECT current_setting('temp_directory')",
    'SELECT * FROM duckdb_databases()',
    'SELECT * FROM information_schema.tables',
    'SELECT * FROM range(1000000000000)',
    `SELECT ${'('.repeat(9_000)}1${')'.repeat(9_000)}`,
    `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`,
    `SELECT 1${' + 1'.repeat(4_000)}`,
    'SELECT 1; SELECT 2',
    '',
  ])
    await assert.rejects(ask(sql, open), isFault('query-refused'), sql.slice(0, 80));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('out')),
    [],
  );
  assert.deepEqual((await ask('SELECT count(*) FROM visits', open)).values, [[1000]]);
});

test('an unknown table is refused, an unknown column is told by DuckDB with where it stands, and no path', async (t) => {
  const { ask, open, folder } = await world(t);
  await assert.rejects(ask('SELECT * FROM vists', open), isFault('query-refused', /no table vists/));
  await assert.rejects(ask('SELECT lable FROM visits', open), isFault('query-failed', /lable.*label/s));
  await assert.rejects(ask('SELECT label + 1 FROM visits', open), isFault('query-failed', /explicit type casts/));
  await assert.rejects(ask('SELECT sum(label) FROM visits', open), isFault('query-failed'));
  await assert.rejects(ask('SELECT label FROM visits GROUP BY day', open), (err) => {
    assert.ok(!(err as Error).message.includes(folder));
    return isFault('query-failed', /GROUP BY/)(err);
  });
  await assert.rejects(
    ask('SELECT 1 FROM visits WHERE stars > $1', open, { params: ['x'] }),
    isFault('query-refused', /number/),
  );
  await assert.rejects(ask('SELECT $1 + stars FROM visits', open, { params: ['x'] }), isFault('query-failed', /'x'/));
});

test('what cannot end is stopped by time, memory and rows', async (t) => {
  const { ask, open } = await world(t, { memoryBytes: 512 * 2 ** 20, spillBytes: 32 * 2 ** 20 });
  await ask('SELECT 1', open);
  for (const [sql, over, fault] of [
    [
      'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n',
      { timeMs: 700 },
      'query-too-slow',
    ],
    [
      'SELECT count(*) FROM visits a, visits b, visits c, visits d WHERE a.stars + b.stars + c.stars = d.stars + 0.5',
      { timeMs: 700 },
      'query-too-slow',
    ],
    ["SELECT length(repeat('x', 2000000000))", {}, 'query-too-large'],
    ['SELECT list(a.email || b.email || c.email) FROM visits a, visits b, visits c', {}, 'query-too-large'],
  ] as const) {
    const from = performance.now();
    await assert.rejects(ask(sql, open, over), isFault(fault), sql);
    if ('timeMs' in over) assert.ok(performance.now() - from < over.timeMs + 2000, sql);
  }
  const many = await ask('SELECT a.label FROM visits a, visits b', open, { rows: 3000 });
  assert.deepEqual([many.rows, many.values.length, many.truncated], [3000, 3000, true]);
});

test('the example of the reference is answered', async (t) => {
  const { ask, table } = await world(t);
  const page = readFileSync(new URL('../../docs/reference/sql.md', import.meta.url), 'utf8');
  const [, sql] = /```sql\n([^`]+)```/.exec(page)!;
  const { rows } = await ask(sql!, [{ ...table, name: 'responses', masked: [] }], { params: { from: '2026-01-01' } });
  assert.equal(rows, 30);
});

test('whether the answer holds for tomorrow is told', async (t) => {
  const { ask, query, open } = await world(t);
  assert.equal((await ask('SELECT count(*) FROM visits', open)).repeatable, true);
  assert.equal((await ask('SELECT count(*) FROM visits WHERE day < current_date', open)).repeatable, false);
  assert.equal((await query('SELECT 1', [])).repeatable, undefined);
});

test('an answer of an analyst goes into a file of each format, masked as well', async (t) => {
  const { engine, limits, folder, masked } = await world(t);
  const question = { sql: 'SELECT response_id, email FROM visits ORDER BY 1 -- all;', tables: masked, snapshot: '1' };
  for (const format of ['ndjson', 'csv', 'parquet'] as const) {
    const path = join(folder, `answer.${format}`);
    const answered = await engine.ask(question, { ...limits, rows: 2 }, { path, format });
    assert.deepEqual([answered.rows, answered.truncated, answered.repeatable], [2, true, true], format);
    const text = readFileSync(path, 'latin1');
    assert.ok(text.includes(idOf(1)) && !text.includes('example.org'), format);
  }
});

test('a column whose type only a parameter knows is answered in every format', async (t) => {
  const { inEach, engine, limits, folder, open } = await world(t);
  for (const [sql, params, values] of [
    ['SELECT $x AS a', { x: 1 }, [1]],
    ['SELECT $x AS a', { x: 'text' }, ['text']],
    ['SELECT $x AS a', { x: null }, [null]],
    ['SELECT stars * $x AS a FROM visits ORDER BY response_id LIMIT 2', { x: 2 }, [2, 4]],
    ['SELECT unnest([$x, $y]) AS a', { x: '1', y: '2' }, ['1', '2']],
    ['SELECT ? AS a FROM visits LIMIT 0', [1], []],
  ] as const) {
    const { json, csv, ndjson, parquet } = await inEach(sql, params);
    const rows = values.map((a) => ({ a }));
    assert.deepEqual(
      json,
      values.map((a) => [a]),
      sql,
    );
    assert.equal(csv, ['a', ...values.map((a) => a ?? '')].map((line) => `${line}\r\n`).join(''), sql);
    assert.deepEqual(
      ndjson
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
      rows,
      sql,
    );
    assert.deepEqual(
      parquet.map(({ a }) => ({ a: typeof a === 'bigint' ? Number(a) : a })),
      rows,
      sql,
    );
  }
  const question = { sql: 'SELECT $x AS a', params: { x: 'text' }, tables: open, snapshot: '1' };
  const file = { path: join(folder, 'typed.parquet'), format: 'parquet' } as const;
  assert.deepEqual((await engine.ask(question, limits, file)).columns, [{ name: 'a', type: 'VARCHAR' }]);
});

test('a row whose parts have no names is told of, for only its last part could be answered', async (t) => {
  const { ask, inEach, open } = await world(t);
  await assert.rejects(ask('SELECT row(1, 2) AS r', open), { fault: 'query-failed', message: /no names/ });
  await assert.rejects(ask("SELECT [{'__proto__': 1}]", open), { fault: 'query-failed', message: /__proto__/ });
  const { json } = await inEach("SELECT {'a': 1, 'b': 2} AS r, (1, 2) IN ((1, 2)) AS i");
  assert.deepEqual(json, [[{ a: 1, b: 2 }, true]]);
});

test('what no JSON number can be is a text in JSON, a bare word in CSV and itself in Parquet', async (t) => {
  const { inEach } = await world(t);
  const sql = "SELECT 1e400 AS a, -1e400 AS b, 'nan'::DOUBLE AS c, [1e400, 1.5] AS d, 'Infinity' AS e, -1.5e0 AS f";
  const values = ['Infinity', '-Infinity', 'NaN', ['Infinity', 1.5], 'Infinity', -1.5];
  const { json, csv, ndjson, parquet } = await inEach(sql);
  assert.deepEqual(json, [values]);
  assert.equal(csv, 'a,b,c,d,e,f\r\nInfinity,-Infinity,NaN,"[""Infinity"",1.5]",Infinity,-1.5\r\n');
  assert.deepEqual(Object.values(JSON.parse(ndjson)), values);
  assert.deepEqual(parquet, [{ a: Infinity, b: -Infinity, c: NaN, d: [Infinity, 1.5], e: 'Infinity', f: -1.5 }]);
});

test('semicolons and comments at the end of the SQL do no harm in any format', async (t) => {
  const { inEach } = await world(t);
  for (const end of [';', '; -- x', ' -- x', '; /* a; /* b */ c */ ;\n-- d', ';\n;']) {
    const { json, csv, ndjson, parquet } = await inEach(`SELECT ';--' AS a, 1::INTEGER AS "b;"${end}`);
    assert.deepEqual(json, [[';--', 1]], end);
    assert.equal(csv, 'a,b;\r\n;--,1\r\n', end);
    assert.equal(ndjson, '{"a":";--","b;":1}\n', end);
    assert.deepEqual(parquet, [{ a: ';--', 'b;': 1 }], end);
  }
});

test('the bytes of an answer are those of its JSON: keys, escapes and the names in each line count', async (t) => {
  const { ask, engine, limits, open, folder } = await world(t);
  const long = 'k'.repeat(1000);
  for (const [sql, bytes, format] of [
    [`SELECT list_transform(range(20), x -> {'${long}': x}) FROM range(20)`, 410_000, 'json'],
    ['SELECT repeat(chr(1), 1000) FROM range(100)', 610_000, 'json'],
    [`SELECT range AS ${long} FROM range(100)`, 105_000, 'ndjson'],
    [`SELECT range AS ${long} FROM range(100)`, 1_600, 'csv'],
  ] as const) {
    const path = join(folder, randomUUID());
    const question = { sql, tables: open, snapshot: '1' };
    const asked = (most: number) => {
      const within = { bytes: most };
      if (format === 'json') return ask(sql, open, within);
      return engine.ask(question, { ...limits, ...within }, { path, format });
    };
    await assert.rejects(asked(0.9 * bytes), isFault('query-too-large', /bytes/), format);
    await asked(bytes);
  }
});

test('a message is of a few kB, whatever the question quotes', async (t) => {
  const { ask, open } = await world(t);
  await assert.rejects(ask("SELECT error(repeat('x', 10000000))", open), (err) => {
    assert.ok((err as Error).message.length < 5000);
    return isFault('query-failed', /xxx/)(err);
  });
});

test('a snapshot is made once for a key, kept, and the oldest go', async (t) => {
  const { ask, open, kept, table, folder, engine, limits, ndjson } = await world(t, { snapshots: 2 });
  const counts = await Promise.all([1, 2, 3, 4].map(() => ask('SELECT count(*) FROM visits', open, { snapshot: 'a' })));
  assert.deepEqual(
    counts.map(({ values }) => values[0]![0]),
    [1000, 1000, 1000, 1000],
  );
  assert.equal(kept().length, 1);
  // The key says that the data is the same: the files are not looked at again.
  const fresh = await ndjson('fresh.ndjson', [{ response_id: 'x', _changed: 1 }]);
  const changed = [{ ...table, fresh, masked: [] }];
  assert.deepEqual((await ask('SELECT count(*) FROM visits', changed, { snapshot: 'a' })).values, [[1000]]);
  assert.deepEqual((await ask('SELECT count(*) FROM visits', changed, { snapshot: 'b' })).values, [[1001]]);
  const [a] = kept();
  await ask('SELECT 1', open, { snapshot: 'a' });
  await ask('SELECT 1', open, { snapshot: 'c' });
  assert.equal(kept().length, 2);
  assert.ok(kept().includes(a!), 'b was not used as lately');
  assert.deepEqual((await ask('SELECT count(*) FROM visits', open, { snapshot: 'a' })).values, [[1000]]);
  await engine.close();
  // After an older store was put back the same key may mean other rows: a start trusts no snapshot that it finds.
  const second = createDuckdbEngine({ folder: join(folder, 'engine') });
  t.after(() => second.close());
  const question = { sql: 'SELECT count(*) FROM visits', tables: changed, snapshot: 'a' };
  await second.ask(question, limits, ({ rows }) => assert.deepEqual(rows, [[1001]]));
  assert.equal(kept().length, 1);
});

test('a dozen questions about different data at once are answered, though fewer snapshots are kept', async (t) => {
  const { ask, open, kept } = await world(t);
  const asked = Array.from({ length: 12 }, (_, i) =>
    ask('SELECT a.stars FROM visits a, range(50) LIMIT 40000', open, { snapshot: String(i), rows: 50_000 }),
  );
  for (const { rows } of await Promise.all(asked)) assert.equal(rows, 40_000);
  await ask('SELECT 1', open, { snapshot: 'next' });
  assert.equal(kept().length, 4);
});

test('a snapshot that is gone or torn is made again', async (t) => {
  const { ask, open, kept, folder } = await world(t);
  await ask('SELECT 1', open);
  const path = join(folder, 'engine', kept()[0]!);
  for (const harm of [
    () => rm(path),
    () => truncate(path, 5000),
    () => writeFile(path, 'no database'),
    () => truncate(path, 0),
  ]) {
    await harm();
    assert.deepEqual((await ask('SELECT count(*) FROM visits', open)).values, [[1000]], String(harm));
  }
});

test('who asks while the snapshot is made waits no longer than his time, and it is made all the same', async (t) => {
  const { ask, table, kept, visits } = await world(t);
  const tables = [{ ...table, files: [await visits('big.parquet', 0, 300_000)], masked: [] }];
  await assert.rejects(ask('SELECT 1', tables, { timeMs: 30 }), isFault('query-too-slow'));
  assert.deepEqual((await ask('SELECT count(*) FROM visits', tables)).values, [[300_000]]);
  assert.equal(kept().length, 1);
});

test('what a killed process left behind is removed by the next engine, and what is being made is not', async (t) => {
  const { ask, open, folder, kept } = await world(t);
  await ask('SELECT 1', open);
  const old = join(folder, 'engine', 'abc.duckdb.123.partial');
  await writeFile(old, '');
  await utimes(old, 1, 1);
  await writeFile(join(folder, 'engine', 'def.duckdb.123.partial'), '');
  const second = createDuckdbEngine({ folder: join(folder, 'engine') });
  t.after(() => second.close());
  await second.query({ sql: 'SELECT 1', tables: [] }, { timeMs: 20_000, rows: 1 }, () => {});
  assert.equal(existsSync(old), false);
  assert.ok(existsSync(join(folder, 'engine', 'def.duckdb.123.partial')));
  assert.deepEqual(kept(), [], 'snapshots of before the start');
  assert.deepEqual((await ask('SELECT count(*) FROM visits', open)).values, [[1000]]);
});
