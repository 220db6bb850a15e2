/**
 * The exported files of a form (npm run bench:export -- [responses, default 1000000] [--record]): a first update that writes ten days, Parquet and JSON lines both,
 * beside DuckDB's appender alone given the same rows; an export as JSON lines beside gzip alone given the same text; the day after; and the memory of all
 * processes while they run. Exit 1 when a target is missed.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGunzip, createGzip } from 'node:zlib';
import { planForm } from '#domain/export-rows.ts';
import { openExportWorld } from '../test/support/export-world.ts';
import { createReport } from './baselines.ts';
import { timeAppender } from './export/appender.ts';
import { watchMemory } from './export/memory.ts';
import { definition, makeResponses } from './export/responses.ts';

const { values, positionals } = parseArgs({
  options: { record: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const count = Number(positionals[0] ?? 1_000_000);
const days = 10;
const dayOf = (n: number) => `2026-03-${String(n + 1).padStart(2, '0')}`;
const second = Math.ceil(count / 50);
const { say, record } = createReport('export');
const ends: (() => unknown)[] = [];
const world = await openExportWorld({ after: (end) => void ends.push(end as () => unknown) });
const form = await world.form([{ definition }], Date.parse('2026-03-01T00:00Z'));

const timed = async <T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> => {
  const from = performance.now();
  const result = await work();
  return [(performance.now() - from) / 1000, result];
};
const rate = (rows: number, seconds: number) => `${Math.round(rows / seconds).toLocaleString('en')} rows/s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const bytesIn = async (name: string) => (await stat(name)).size;
let missed = 0;
function target(what: string, value: number, good: boolean, wanted: string): void {
  if (!good) missed += 1;
  say(`  ${what.padEnd(58)} ${value.toFixed(2)}  target ${wanted}  ${good ? 'pass' : 'MISS'}`);
}

for (let day = 1; day <= days; day++) await makeResponses(world, form.id, dayOf(day), count / days);
world.clock.advance(Date.parse(`${dayOf(days + 1)}T02:00Z`) - world.clock.now());
const memory = watchMemory();
const [first] = await timed(() => world.update(form.id));
const peak = memory.stop();
const { partitions } = (await world.datasets.get(form.id))!;
const sizeOf = (file: 'parquet' | 'jsonl') => partitions.reduce((sum, partition) => sum + partition[file].bytes, 0);
say(`${count.toLocaleString('en')} responses of ${days} days: ${rate(count, first)} into both files of each`);
say(
  `  Parquet ${megabytes(sizeOf('parquet'))}, JSON lines ${megabytes(sizeOf('jsonl'))}, the store ${megabytes(await bytesIn(join(world.dir, 'formstead.sqlite')))}`,
);

const { items } = await world.storage.list('form-version', { where: { formId: form.id }, limit: 10 });
const plan = planForm(items.map(({ doc }) => doc));
const appender = await timeAppender(world.storage, form.id, plan, join(world.dir, 'appended.parquet'));
say(
  `DuckDB's appender alone, one thread: ${rate(count, appender.append)}; with its Parquet file ${rate(count, appender.append + appender.copy)}`,
);
target('rows a second, ours by the appender alone', appender.append / first, appender.append / first >= 0.4, '≥ 0.4');

const again = watchMemory();
const { exportId, taskId } = await world.exports.request(world.caller, { formId: form.id, format: 'jsonl' });
const { cause } = await world.claim(taskId);
const [lines, exported] = await timed(() =>
  world.exports.run(cause, exportId, { signal: new AbortController().signal, progress() {} }),
);
const exportPeak = again.stop();
const plain = join(world.dir, 'plain.jsonl');
const { file } = await world.exports.get(exportId);
await pipeline(createReadStream(join(world.dir, 'blobs', file!)), createGunzip(), createWriteStream(plain));
const [gzip] = await timed(() =>
  pipeline(createReadStream(plain), createGzip({ level: 3 }), createWriteStream(join(world.dir, 'plain.gz'))),
);
say(`An export as JSON lines, ${megabytes(exported.bytes)}: ${rate(count, lines)}`);
say(`gzip alone (level 3), ${megabytes(await bytesIn(plain))}: ${rate(count, gzip)}`);
target('rows a second, ours by gzip alone', gzip / lines, gzip / lines >= 0.7, '≥ 0.7');
const memoryMb = Math.max(peak, exportPeak);
target('memory of all processes above that of the start, MB', memoryMb, memoryMb < 300, '< 300');

await makeResponses(world, form.id, dayOf(days + 1), second);
const [next, report] = await timed(() => world.update(form.id));
say(
  `The day after, ${second.toLocaleString('en')} responses: ${next.toFixed(2)} s, ${report.rows.toLocaleString('en')} rows written`,
);
target(
  'time a row, the day after by the first ten',
  next / second / (first / count),
  next / second / (first / count) < 3,
  '< 3',
);
const [nothing] = await timed(() => world.update(form.id));
say(`An update without a change: ${nothing.toFixed(3)} s`);
say(missed === 0 ? 'All targets are reached.' : `${missed} targets are missed.`);
if (values.record) record();
for (const end of ends) await end();
if (missed > 0) process.exitCode = 1;
