/**
 * Rows per second of an export of each format, from the store to the durable file, beside a bare tool that makes the same file from a prepared one.
 * Run: node bench/export-formats.ts [rows, default 50000]
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import type { ExportFormat } from '#domain/export.ts';
import { openExportWorld } from '../test/support/export-world.ts';

const count = Number(process.argv[2] ?? 50_000);
const ends: (() => unknown)[] = [];
const world = await openExportWorld({ after: (end) => void ends.push(end as () => unknown) });

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'text', name: 'email', inputType: 'email' },
    { type: 'text', name: 'order', inputType: 'number' },
    { type: 'text', name: 'date', inputType: 'date' },
    { type: 'rating', name: 'stars' },
    { type: 'checkbox', name: 'topics', choices: ['billing', 'delivery', 'other'] },
  ],
};
/** Made-up words, the first ones far more often than the last, as in a language. */
let seed = 1;
const random = () => {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647;
};
const letters = 'etaoinshrdlucmfwypvbgkqjxz';
const word = () =>
  Array.from({ length: 2 + Math.floor(random() * 8) }, () => letters[Math.floor(26 * random() ** 2)]).join('');
const words = Array.from({ length: 5000 }, word);
const sentence = () => Array.from({ length: 60 }, () => words[Math.floor(5000 * random() ** 3)]).join(' ');

const form = await world.form([{ definition }]);
for (let i = 0; i < count; i += 1000) {
  await Promise.all(
    Array.from({ length: Math.min(1000, count - i) }, (_, k) =>
      world.respond(form.id, {
        message: `${i + k} ${sentence()}`,
        email: `person${i + k}@example.org`,
        order: i + k,
        date: '2026-11-02',
        stars: 1 + ((i + k) % 5),
        topics: ['billing', 'other'],
      }),
    ),
  );
}
world.clock.advance(10);

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function best(work: () => Promise<unknown>): Promise<number> {
  return Math.min(await seconds(work), await seconds(work), await seconds(work));
}

const paths: Partial<Record<ExportFormat, string>> = {};
const ours: Partial<Record<ExportFormat, number>> = {};
for (const format of ['jsonl', 'csv', 'parquet'] as const) {
  ours[format] = await best(async () => {
    paths[format] = (await world.make({ formId: form.id, format })).path;
  });
}

const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
const connection = await instance.connect();
const prepared = join(world.dir, 'prepared.ndjson');
const target = (name: string) => join(world.dir, name);
await connection.run(`COPY (SELECT * FROM read_parquet('${paths.parquet}')) TO '${prepared}' (FORMAT json)`);
const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${paths.parquet}')`);
const columns = described.getRowObjectsJson().map((row) => `${row.column_name}: '${row.column_type}'`);
const source = `read_json('${prepared}', columns = {${columns.join(', ')}}, format = 'newline_delimited')`;
const copy = (options: string, name: string) =>
  connection.run(`COPY (SELECT * FROM ${source}) TO '${target(name)}' (${options})`);

const plain = target('plain.jsonl');
await pipeline(createReadStream(paths.jsonl!), createGunzip(), createWriteStream(plain));
const gzipped = (level: number) => () =>
  pipeline(createReadStream(plain), createGzip({ level }), createWriteStream(target(`bare-${level}.gz`)));

const bare: Record<ExportFormat, { name: string; seconds: number }> = {
  jsonl: { name: 'zlib level 3', seconds: await best(gzipped(3)) },
  csv: { name: 'DuckDB, 1 thread', seconds: await best(() => copy('FORMAT csv, HEADER', 'bare.csv')) },
  parquet: {
    name: 'DuckDB, 1 thread',
    seconds: await best(() => copy('FORMAT parquet, COMPRESSION zstd', 'bare.parquet')),
  },
};

const rate = (time: number) => `${Math.round(count / time).toLocaleString('en')}/s`.padStart(11);
const megabytes = async (path: string) => `${((await stat(path)).size / 1e6).toFixed(1)} MB`.padStart(9);
console.log(`${count.toLocaleString('en')} responses, best of three`);
for (const format of ['jsonl', 'csv', 'parquet'] as const) {
  const { name, seconds: time } = bare[format];
  const ratio = `${((100 * time) / ours[format]!).toFixed(0)} %`;
  console.log(
    `${format.padEnd(8)}${rate(ours[format]!)} ${await megabytes(paths[format]!)}   ${name} ${rate(time)}   ratio ${ratio}`,
  );
}
const level6 = await best(gzipped(6));
console.log(
  `gzip level 3 ${rate(bare.jsonl.seconds)} ${await megabytes(target('bare-3.gz'))}, level 6 ${rate(level6)} ${await megabytes(target('bare-6.gz'))}`,
);

// Where the time goes: reading pages out of the store, without writing anything.
const reading = await best(async () => {
  let after: string | undefined;
  do {
    after = (await world.storage.list('response', { where: { formId: form.id }, limit: 200, after })).next;
  } while (after !== undefined);
});
console.log(`reading the pages alone ${rate(reading)}`);
connection.closeSync();
for (const end of ends) await end();
