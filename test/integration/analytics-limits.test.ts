import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { QueryError } from '#domain/query-error.ts';
import { isFault, openEngineWorld, visitColumns } from '../support/engine-world.ts';
import { skipWithout } from '../support/services.ts';

/** The most memory that a process ever had, of its own counting; 0 once it is gone. */
function peakOf(pid: number): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
/** Takes minutes, and DuckDB stops it when it is told to. */
const endless = 'SELECT count(*) FROM range(1000000000000) a WHERE a.range % 7 = 3';
const MiB = 2 ** 20;

async function until(holds: () => boolean, timeMs = 10_000): Promise<void> {
  for (const from = performance.now(); !holds(); await setTimeout(20))
    assert.ok(performance.now() - from < timeMs, `not so within ${timeMs} ms: ${holds}`);
}

/** Resolves when a question is being answered, seen by a second one in the same process. */
async function busyEngine(t: TestContext, options: Parameters<typeof openEngineWorld>[1] = {}) {
  const world = await openEngineWorld(t, options);
  assert.deepEqual((await world.query('SELECT 1', [])).values, [[1]]);
  return world;
}

test('a query that never ends is answered at its deadline, and the next one at once', async (t) => {
  const { query, pids } = await busyEngine(t);
  for (const sql of [
    endless,
    'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n',
    'SELECT max(levenshtein(repeat(a.range::VARCHAR, 500), repeat(b.range::VARCHAR, 500))) FROM range(100000) a, range(100000) b',
    'SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000000) c WHERE a.range + b.range = c.range + 0.5',
    "SELECT sum(length(x)) FROM (SELECT regexp_replace(repeat('ab', 1000 + range % 2), 'a|b', 'xyz', 'g') AS x FROM range(100000000))",
  ]) {
    const from = performance.now();
    await assert.rejects(query(sql, [], { timeMs: 700 }), isFault('query-too-slow'), sql);
    const tookMs = performance.now() - from;
    assert.ok(tookMs < 2700, `${tookMs} ms: ${sql}`);
    assert.deepEqual((await query('SELECT 42', [])).values, [[42]]);
  }
  t.diagnostic(`${pids.length} processes`);
});

test('at its deadline a streamed answer is an error in every way, and never the part that was read', async (t) => {
  const { engine, folder, visits } = await busyEngine(t);
  const files = [await visits('a.parquet', 0, 1000)];
  const tables = [{ name: 'visits', columns: visitColumns, files, masked: [] }];
  const question = { sql: 'SELECT v.*, x FROM visits v, range(30000) r(x)', tables, snapshot: '1' };
  await engine.ask({ ...question, sql: 'SELECT 1' }, { timeMs: 30_000, rows: 1 }, () => {});
  for (const timeMs of [150, 400, 700, 1000]) {
    const limits = { timeMs, rows: 1e9, bytes: 2 ** 40 };
    const path = join(folder, String(timeMs));
    for (const format of ['ndjson', 'csv', 'parquet'] as const) {
      await assert.rejects(engine.ask(question, limits, { path, format }), isFault('query-too-slow'), format);
      assert.equal(existsSync(path), false);
    }
    for (const slowMs of [0, 60])
      await assert.rejects(
        engine.ask(question, limits, () => setTimeout(slowMs)),
        isFault('query-too-slow'),
      );
  }
});

test('one call of DuckDB that heeds no interrupt is ended with its process, and the next query has a new one', async (t) => {
  const { query, pids, endings } = await busyEngine(t);
  const from = performance.now();
  // One value, made by one call: nothing looks for an interrupt meanwhile.
  const deaf = "SELECT length(list_reduce(list_transform(range(3000000), lambda x: 'x'), lambda a, b: a || b))";
  await assert.rejects(query(deaf, [], { timeMs: 1000 }), (err) => err instanceof QueryError);
  assert.ok(performance.now() - from < 3000);
  assert.deepEqual((await query('SELECT 42', [])).values, [[42]]);
  t.diagnostic(`${pids.length} processes, ended: ${endings}`);
});

test('a query that asks for a gigabyte is ended at its memory, and its process never comes near twice its mark', async (t) => {
  const mark = 512 * MiB;
  const { query, pids, endings } = await busyEngine(t, { memoryBytes: mark, spillBytes: 64 * MiB });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(pids.at(-1)!));
  }, 5);
  t.after(() => clearInterval(watch));
  for (const sql of [
    "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(2000)",
    'SELECT len(list(a.range)) FROM range(200000000) a',
    "SELECT length(repeat('x', 2000000000))",
    "SELECT length(lpad('x', 2000000000, 'y'))",
    'SELECT len(list_resize([1], 400000000, 1))',
    "SELECT repeat('x', 600000000)",
    "SELECT printf('%1000000000d', 1)",
    'SELECT max(x) FROM (SELECT list(range) OVER () AS x FROM range(20000))',
  ]) {
    await assert.rejects(query(sql, [], { timeMs: 20_000 }), isFault('query-too-large'), sql);
    assert.deepEqual((await query('SELECT 42', [])).values, [[42]]);
  }
  assert.ok(endings.includes('memory') && peak > 256 * MiB && peak < 2 * mark, `${peak / MiB} MiB, ${endings}`);
  t.diagnostic(`${Math.round(peak / MiB)} of ${mark / MiB} MiB, ended: ${endings}`);
});

test('a row that is too large while it becomes JavaScript is stopped at the memory too, and its process never ends otherwise', async (t) => {
  const mark = 512 * MiB;
  const { query, pids, endings } = await busyEngine(t, { memoryBytes: mark });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakOf(pids.at(-1)!));
  }, 5);
  t.after(() => clearInterval(watch));
  for (const item of ["{'a': 1::TINYINT}", "DATE '2026-01-01'"]) {
    const cells = Array(60).fill('l').join();
    const sql = `SELECT ${cells} FROM (SELECT list_transform(range(1000000), x -> ${item}) l)`;
    await assert.rejects(query(sql, [], { bytes: 2 ** 40 }), isFault('query-too-large'), item);
    assert.deepEqual((await query('SELECT 42', [])).values, [[42]]);
  }
  assert.ok(endings.every((cause) => cause === 'memory') && peak < 1.7 * mark, `${peak / MiB} MiB, ${endings}`);
  t.diagnostic(`${Math.round(peak / MiB)} of ${mark / MiB} MiB`);
});

test('a question in a process that was beyond its mark before is not blamed for it', async (t) => {
  const { query, pids, endings } = await busyEngine(t, { memoryBytes: 450 * MiB });
  // One value is made in one go: its process grows beyond the mark, and tells the fault of the question before it tells its memory.
  const sql = "SELECT list_transform(range(1000000), x -> {'a': DATE '2026-01-01'})";
  for (let i = 0; i < 3; i++) {
    await assert.rejects(query(sql, [], { bytes: 1000 }), isFault('query-too-large'));
    assert.deepEqual((await query('SELECT 42', [])).values, [[42]]);
  }
  t.diagnostic(`${pids.length} processes, ended: ${endings}`);
});

test('a hundred questions leave the process as small as a few', async (t) => {
  const { query, pids, visits } = await busyEngine(t);
  const tables = [{ name: 'visits', columns: visitColumns, files: [await visits('a.parquet', 0, 100_000)] }];
  const heavy = 'SELECT *, hash(response_id) AS h FROM visits ORDER BY h';
  for (let i = 0; i < 100; i++) await query(heavy, tables, { rows: 10 });
  const peak = peakOf(pids[0]!);
  assert.ok(peak < 320 * MiB, `${peak / MiB} MiB`);
  assert.equal(pids.length, 1);
  t.diagnostic(`${Math.round(peak / MiB)} MiB`);
});

test('the memory of one question is its own limit', async (t) => {
  const { query } = await busyEngine(t, { spillBytes: MiB });
  const sql = 'SELECT count(DISTINCT hash(range)) FROM range(3000000)';
  assert.equal((await query(sql, [])).values[0]![0], 3_000_000);
  await assert.rejects(query(sql, [], { memoryBytes: 16 * MiB }), isFault('query-too-large'));
});

test('what does not fit into the memory goes to disk, up to its limit, and is removed', async (t) => {
  const sql = 'SELECT count(DISTINCT hash(range)) FROM range(6000000)';
  const limits = { memoryBytes: 64 * MiB };
  const { query, folder } = await busyEngine(t);
  assert.deepEqual((await query(sql, [], limits)).values, [[6_000_000]]);
  const spills = readdirSync(join(folder, 'engine')).filter((name) => name.startsWith('spill-'));
  assert.equal(spills.length, 1);
  await until(() => readdirSync(join(folder, 'engine', spills[0]!)).length === 0);
  const small = await busyEngine(t, { spillBytes: MiB });
  await assert.rejects(small.query(sql, [], limits), isFault('query-too-large'));
});

test('a file of an answer for which the disk has no room is an error, and never a part of it', async (t) => {
  const { engine, folder, pids, limits } = await busyEngine(t);
  // Whoever may make files only so long writes what fits, and is refused what is left: as on a disk that fills up.
  const limited = (bytes: number | 'unlimited') =>
    execFileSync('prlimit', ['--pid', String(pids[0]), `--fsize=${bytes}:unlimited`]);
  try {
    limited(300_000);
  } catch {
    return skipWithout(t, 'prlimit (util-linux) is not installed');
  }
  const written = (format: 'csv' | 'ndjson', name: string, sql = "SELECT repeat('x', 1000) AS a FROM range(400)") =>
    engine.query({ sql, tables: [] }, limits, { path: join(folder, name), format });
  // One batch of rows, and the names of the columns alone.
  await assert.rejects(written('csv', 'a.csv'), isFault('query-failed', /EFBIG/));
  await assert.rejects(written('ndjson', 'a.ndjson'), isFault('query-failed', /EFBIG/));
  const noRows = `SELECT 1 AS "${'x'.repeat(400_000)}" WHERE false`;
  await assert.rejects(written('csv', 'names.csv', noRows), isFault('query-failed', /EFBIG/));
  limited('unlimited');
  assert.equal((await written('csv', 'whole')).rows, 400);
  assert.equal(statSync(join(folder, 'whole')).size, 3 + 400 * 1002);
  assert.equal(pids.length, 1);
});

test('the folder of a living process stays its own when another engine removes what was left behind', async (t) => {
  const { query, folder } = await busyEngine(t);
  const sql = 'SELECT count(DISTINCT hash(range)) FROM range(6000000)';
  const [spill] = readdirSync(join(folder, 'engine'));
  const path = join(folder, 'engine', spill!);
  const second = createDuckdbEngine({ folder: join(folder, 'engine') });
  t.after(() => second.close());
  utimesSync(path, 1, 1);
  await second.query({ sql: 'SELECT 1', tables: [] }, { timeMs: 20_000, rows: 1 }, () => {});
  assert.equal(existsSync(path), false);
  assert.deepEqual((await query(sql, [], { memoryBytes: 64 * MiB })).values, [[6_000_000]]);
  utimesSync(path, 1, 1);
  await query('SELECT 1', []);
  assert.ok(Date.now() - statSync(path).mtimeMs < 60_000);
});

test('a cancelled question rejects with the reason, while it waits, runs or is read', async (t) => {
  const { engine, limits, query } = await busyEngine(t, { places: 1 });
  const cancelled = async (sql: string, when: (abort: () => void) => unknown) => {
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const from = performance.now();
    const asked = engine.query({ sql, tables: [] }, { ...limits, rows: 1e9, signal: stop.signal }, () => {
      when(() => stop.abort(reason));
    });
    const timer = setTimeout(200).then(() => stop.abort(reason));
    await assert.rejects(asked, (err) => err === reason);
    await timer;
    assert.ok(performance.now() - from < 2200);
  };
  await cancelled(endless, () => {});
  await cancelled('SELECT * FROM range(1000000000)', (abort) => abort());
  const running = query(endless, [], { timeMs: 1500 });
  running.catch(() => {});
  await cancelled('SELECT 1', () => {});
  await assert.rejects(running, isFault('query-too-slow'));
  await assert.rejects(query('SELECT 1', [], { signal: AbortSignal.abort(new Error('before')) }), /before/);
  assert.equal((await query('SELECT 1', [])).rows, 1);
});

test('a process that is killed is replaced, and its questions are asked once more', async (t) => {
  const { query, pids, endings, visits } = await openEngineWorld(t);
  const tables = [{ name: 'visits', columns: visitColumns, files: [await visits('a.parquet', 0, 1000)] }];
  const slow = 'SELECT count(*) FROM visits a, range(300000) b WHERE hash(a.stars + b.range) % 3 <> 7';
  await query('SELECT 1', []);
  const asked = [query(slow, tables), query(slow, tables)];
  await setTimeout(100);
  process.kill(pids[0]!, 'SIGKILL');
  for (const { values } of await Promise.all(asked)) assert.deepEqual(values, [[300_000_000]]);
  assert.deepEqual([pids.length, endings], [2, ['crashed']]);
});

test('a question whose process dies twice is given up, and the engine goes on', async (t) => {
  const { query, pids } = await openEngineWorld(t);
  await query('SELECT 1', []);
  const asked = query(endless, [], { timeMs: 20_000 });
  asked.catch(() => {});
  for (const life of [0, 1]) {
    await until(() => pids.length > life);
    await setTimeout(100);
    process.kill(pids[life]!, 'SIGKILL');
  }
  await assert.rejects(asked, isFault('engine-unavailable'));
  assert.equal((await query('SELECT 1', [])).rows, 1);
});

test('the process dies when a part of the answer is with the taker already: the question is not asked again', async (t) => {
  const { engine, limits, pids, query } = await openEngineWorld(t);
  let chunks = 0;
  const asked = engine.query(
    { sql: 'SELECT * FROM range(10000000)', tables: [] },
    { ...limits, rows: 1e9 },
    async () => {
      chunks += 1;
      if (chunks === 2) process.kill(pids[0]!, 'SIGKILL');
      if (chunks === 2) await setTimeout(300);
    },
  );
  await assert.rejects(asked, isFault('engine-unavailable'));
  assert.equal(chunks, 2);
  assert.equal((await query('SELECT 1', [])).rows, 1);
});

test('a neighbour that takes all memory dies alone: the other question is answered', async (t) => {
  const { query, endings } = await busyEngine(t, { memoryBytes: 512 * MiB });
  const greedy = query("SELECT length(lpad('x', 2000000000, 'y'))", [], { timeMs: 20_000 });
  const modest = query('SELECT count(*) FROM range(50000000) t(i) WHERE hash(i) % 5 <> 7', [], { timeMs: 30_000 });
  await assert.rejects(greedy, isFault('query-too-large'));
  assert.deepEqual((await modest).values, [[50_000_000]]);
  t.diagnostic(`ended: ${endings}`);
});

test('more questions than places wait in line, and give up at their deadline', async (t) => {
  const { query, pids } = await busyEngine(t, { places: 2 });
  const running = [1, 2].map(() => query(endless, [], { timeMs: 1500 }));
  for (const one of running) one.catch(() => {});
  const from = performance.now();
  await assert.rejects(query('SELECT 1', [], { timeMs: 300 }), isFault('engine-unavailable', /place/));
  assert.ok(performance.now() - from < 1000);
  const many = await Promise.all(Array.from({ length: 20 }, (_, i) => query(`SELECT ${i}`, [])));
  assert.deepEqual(
    many.map(({ values }) => values[0]![0]),
    Array.from({ length: 20 }, (_, i) => i),
  );
  for (const one of running) await assert.rejects(one, isFault('query-too-slow'));
  t.diagnostic(`${pids.length} processes`);
});

test('the process ends when nobody asked for a while, and comes again', async (t) => {
  const { query, pids } = await openEngineWorld(t, { idleMs: 200 });
  await query('SELECT 1', []);
  await until(() => !isAlive(pids[0]!));
  assert.equal((await query('SELECT 1', [])).rows, 1);
  assert.equal(pids.length, 2);
});

test('woken, the process is there before the question; it is started once, and ends when no question comes', async (t) => {
  const { engine, query, pids } = await openEngineWorld(t, { idleMs: 500 });
  engine.wake();
  engine.wake();
  await until(() => pids.length === 1);
  engine.wake();
  assert.equal((await query('SELECT 1', [])).rows, 1);
  assert.equal(pids.length, 1);
  await until(() => !isAlive(pids[0]!));
  engine.wake();
  await until(() => pids.length === 2);
  await until(() => !isAlive(pids[1]!));
  assert.equal(pids.length, 2);
});

test('a process that cannot be woken is told to the question, and a closed engine stays closed', async (t) => {
  const nowhere = await openEngineWorld(t, { folder: '/dev/null/engine' });
  nowhere.engine.wake();
  await assert.rejects(nowhere.query('SELECT 1', []), isFault('engine-unavailable', /folder/));
  const { engine, pids } = await openEngineWorld(t);
  await engine.close();
  engine.wake();
  await setTimeout(50);
  assert.deepEqual(pids, []);
});

test('a closed engine has no process and takes no question', async (t) => {
  const { engine, query, pids, folder } = await openEngineWorld(t);
  const asked = query(endless, []);
  asked.catch(() => {});
  await until(() => pids.length === 1);
  await setTimeout(100);
  await engine.close();
  await assert.rejects(asked, isFault('engine-unavailable'));
  assert.equal(isAlive(pids[0]!), false);
  await assert.rejects(query('SELECT 1', []), isFault('engine-unavailable'));
  assert.equal(pids.length, 1);
  await until(() => readdirSync(join(folder, 'engine')).length === 0);
  assert.ok(existsSync(folder));
});

test('a folder that cannot be made is the fault of the engine, not of the question', async (t) => {
  const { query } = await openEngineWorld(t, { folder: '/dev/null/engine' });
  await assert.rejects(query('SELECT 1', []), isFault('engine-unavailable', /folder/));
});
