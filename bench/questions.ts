/**
 * What a question costs beside bare DuckDB that is opened for it, over the same 5 Parquet files of 200,000 rows. Run: node bench/questions.ts [--record]
 * The engine's process is niced: on a busy machine start this under `nice -n 10`, so that both are.
 */
import { DuckDBInstance } from '@duckdb/node-api';
import type { TableSource } from '#ports/analytics-engine.ts';
import { idOf, openEngineWorld, visitColumns } from '../test/support/engine-world.ts';
import { createReport, median } from './baselines.ts';

const [fileCount, rowsOfFile, changes, rounds] = [5, 200_000, 1000, 11];
const total = fileCount * rowsOfFile;
const report = createReport('questions');
const ends: (() => Promise<void>)[] = [];
const world = await openEngineWorld({ after: (end) => void ends.push(end) });

const files: TableSource['files'][number][] = [];
for (let i = 0; i < fileCount; i++)
  files.push(await world.visits(`${i}.parquet`, i * rowsOfFile, (i + 1) * rowsOfFile));
const changed = (idAt: (i: number) => number) =>
  Array.from({ length: changes }, (_, i) => ({
    response_id: idOf(idAt(i)),
    submitted_at: '2026-11-01T00:00:00.000Z',
    day: '2026-11-01',
    label: 'bug',
    stars: 5,
    email: `changed${i}@example.org`,
    _changed: i,
  }));
const table = { name: 'visits', columns: visitColumns, files };
const newRows = {
  ...table,
  fresh: await world.ndjson(
    'new.ndjson',
    changed((i) => total + i),
  ),
};
const oldRows = {
  ...table,
  fresh: await world.ndjson(
    'old.ndjson',
    changed((i) => i * (total / changes)),
  ),
};

const allPaths = files.map(({ path }) => `'${path}'`).join(', ');
async function bare(sql: string, paths = allPaths): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  await (await connection.run(sql.replace('FROM visits', `FROM read_parquet([${paths}])`))).getRows();
  connection.closeSync();
  instance.closeSync();
}

const means: Record<string, (sql: string) => Promise<unknown>> = {
  bare: (sql) => bare(sql),
  'the engine': (sql) => world.query(sql, [table]),
  'with 1,000 new responses': (sql) => world.query(sql, [newRows]),
  'with 1,000 changed ones, in every file': (sql) => world.query(sql, [oldRows]),
  'asked by an analyst, snapshot there': (sql) => world.ask(sql, [{ ...table, masked: [] }]),
};
const questions = {
  'count of all': 'SELECT count(*) FROM visits',
  'count and average by label': 'SELECT label, count(*), avg(stars) FROM visits GROUP BY ALL ORDER BY ALL',
  'count by day': 'SELECT day, count(*) FROM visits GROUP BY ALL ORDER BY ALL',
  'distinct addresses': 'SELECT count(DISTINCT email) FROM visits',
};

async function took(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}
/** A year of daily files: how long their footers take, and how long a question does without them. */
async function year(): Promise<{ bare: number; first: number; again: number }> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const daily: TableSource['files'][number][] = [];
  for (let day = 0; day < 365; day++) {
    const path = `${world.folder}/day-${day}.parquet`;
    const rows = `SELECT * FROM '${files[0]!.path}' LIMIT 500 OFFSET ${500 * day}`;
    await connection.run(`COPY (${rows}) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
    daily.push({ path, rows: 500 });
  }
  const sql = questions['count and average by label'];
  const paths = daily.map(({ path }) => `'${path}'`).join(', ');
  const tables = [{ ...table, files: daily }];
  const first = await took(() => world.query(sql, tables));
  const all = { bare: [] as number[], again: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    all.bare.push(await took(() => bare(sql, paths)));
    all.again.push(await took(() => world.query(sql, tables)));
  }
  return { bare: median(all.bare), first, again: median(all.again) };
}

const first = await took(() => world.query('SELECT 1', []));
const snapshot = await took(() => world.ask('SELECT 1', [{ ...table, masked: [] }]));

report.say(
  `${fileCount} files of ${rowsOfFile.toLocaleString('en')} rows, ${rounds} rounds in turn, medians; in brackets: to bare DuckDB`,
);
for (const [name, sql] of Object.entries(questions)) {
  const times = new Map(Object.keys(means).map((key) => [key, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [key, run] of Object.entries(means)) times.get(key)!.push(await took(() => run(sql)));
  }
  const base = median(times.get('bare')!);
  report.say(name);
  for (const [key, all] of times) {
    const ratio = key === 'bare' ? '' : ` (${(median(all) / base).toFixed(2)})`;
    report.say(`  ${key.padEnd(40)}${median(all).toFixed(0).padStart(4)} ms${ratio}`);
  }
}
report.say(
  `the first question, with the start of the process: ${first.toFixed(0)} ms; a snapshot: ${(snapshot / 1000).toFixed(1)} s`,
);
const daily = await year();
report.say(
  `365 files of 500 rows, count and average by label: bare ${daily.bare.toFixed(0)} ms, the engine ${daily.again.toFixed(0)} ms, when their footers are new to it ${daily.first.toFixed(0)} ms`,
);
if (process.argv.includes('--record')) report.record();
for (const end of ends) await end();
