/**
 * Search among the vectors of a form. `node bench/similar.ts [--rows 100000]`: loading from SQLite, scanning beside a bare loop over the same numbers, memory.
 * `node bench/similar.ts --pairs <model.onnx> <tokenizer.json> <data folder>`: what the similarity of texts says; the folder holds banking77/ and clinc/.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemPause } from '#adapters/clock-system/pause.ts';
import { openSqliteStorage } from '#adapters/storage-sqlite/storage.ts';
import { createVectorIndex } from '#app/search/vector-index.ts';
import { responseVector } from '#domain/response-vector.ts';
import { quantise } from '#domain/similarity.ts';
import type { Insert } from '#ports/storage.ts';
import { aResponse } from '../test/contract/storage/documents.ts';
import { median } from './baselines.ts';
import { printPairs } from './understand/pairs.ts';

const { values, positionals } = parseArgs({
  options: { rows: { type: 'string', default: '100000' }, pairs: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const dimensions = 384;
const formId = 'frm_019a0000-0000-7000-8000-000000000000';
const modelSha256 = 'a'.repeat(64);

/** Cheap numbers that are spread well enough: a scan takes the same time whatever they are. */
function vectorOf(row: number): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, d) => Math.sin(row * 0.37 + d * (1 + (row % 97)) * 0.11));
}

const idOf = (row: number) => `rsp_019a0000-0000-7000-8000-${row.toString(16).padStart(12, '0')}`;

async function fill(storage: Awaited<ReturnType<typeof openSqliteStorage>>, rows: number): Promise<void> {
  for (let from = 0; from < rows; from += 500) {
    const also = Array.from({ length: Math.min(500, rows - from) }, (_, i): Insert => {
      const made = { modelSha256, quantised: quantise(vectorOf(from + i)), at: 1_700_000_000_000 + 1000 * (from + i) };
      return { kind: 'vector', doc: responseVector({ id: idOf(from + i), formId }, made) };
    });
    await storage.commit({ change: { op: 'none' }, also });
  }
}

/** The least that a scan can take: the same products, summed up by the plainest loop, no list kept. */
function bare(matrix: Int8Array, query: Int8Array): number {
  let largest = -Infinity;
  for (let at = 0; at < matrix.length; at += dimensions) {
    let sum = 0;
    for (let d = 0; d < dimensions; d++) sum += matrix[at + d]! * query[d]!;
    if (sum > largest) largest = sum;
  }
  return largest;
}

/** What this thread has computed so far, in ms: other programs on the same cores do not count, nor does what other threads do. */
function computed(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The most that was computed in one go while `work` ran, by a timer that wants its turn every millisecond. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = computed();
  const timer = setInterval(() => {
    const now = computed();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  await work();
  clearInterval(timer);
  return longest;
}

async function timed(work: () => unknown): Promise<{ ms: number; cpu: number }> {
  const from = performance.now();
  const before = computed();
  await work();
  return { ms: performance.now() - from, cpu: computed() - before };
}

/** What a search reads in the worst case: 500 responses, 25 at a time. */
async function readResponses(storage: Awaited<ReturnType<typeof openSqliteStorage>>): Promise<number> {
  const docs = Array.from({ length: 500 }, () =>
    aResponse({ answers: { message: 'a text of some words. '.repeat(15) } }),
  );
  for (const doc of docs) await storage.commit({ change: { op: 'insert', kind: 'response', doc } });
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { ms } = await timed(async () => {
      for (let from = 0; from < 500; from += 25)
        await Promise.all(docs.slice(from, from + 25).map(({ id }) => storage.get('response', id)));
    });
    times.push(ms);
  }
  return median(times);
}

async function measure(rows: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-similar-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  try {
    await fill(storage, rows);
    const clock = { now: Date.now };
    const index = createVectorIndex({ storage, clock, pause: systemPause, bytes: 2 ** 30 });
    const query = quantise(vectorOf(7));
    const ask = () => index.nearest({ formId, modelSha256 }, query, 10);
    globalThis.gc?.();
    const before = process.memoryUsage();
    let load = { ms: 0, cpu: 0 };
    const held = await longestHold(async () => {
      load = await timed(ask);
    });
    globalThis.gc?.();
    const after = process.memoryUsage();
    const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    const matrix = new Int8Array(rows * dimensions).map((_, i) => ((i * 7919) % 255) - 127);
    const [scans, loops]: Awaited<ReturnType<typeof timed>>[][] = [[], []];
    // Both in turn, so that whatever else the machine does slows both.
    for (let i = 0; i < 15; i++) {
      scans!.push(await timed(ask));
      loops!.push(await timed(() => bare(matrix, query.values)));
    }
    const scanHeld = await longestHold(ask);
    const of = (times: typeof scans, key: 'ms' | 'cpu') => median(times!.map((one) => one[key]));
    const line = (name: string, ...words: string[]) => console.log(name.padEnd(22) + words.join(', '));
    const ms = (number: number) => `${number.toFixed(number < 20 ? 1 : 0)} ms`;
    console.log(`${rows} vectors of ${dimensions} dimensions, SQLite; medians of 15`);
    line('load and first scan', ms(load.ms), `${ms(load.cpu)} of this thread`, `at most ${ms(held)} in one go`);
    line(
      'the 10 nearest',
      ms(of(scans, 'ms')),
      `${ms(of(scans, 'cpu'))} computed`,
      `at most ${ms(scanHeld)} in one go`,
    );
    line('a bare loop', ms(of(loops, 'ms')), `${ms(of(loops, 'cpu'))} computed`);
    line('ratio', (of(scans, 'cpu') / of(loops, 'cpu')).toFixed(2));
    const exact = globalThis.gc ? '' : ' (not exact without --expose-gc)';
    line('reading 500', ms(await readResponses(storage)));
    line(
      'memory',
      `${(used / 2 ** 20).toFixed(0)} MB${exact}`,
      `counted as ${(index.bytes() / 2 ** 20).toFixed(0)} MB`,
    );
  } finally {
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

if (values.pairs) {
  const [model, tokenizer, folder] = positionals;
  if (!model || !tokenizer || !folder) {
    console.error('Usage: node bench/similar.ts --pairs <model.onnx> <tokenizer.json> <data folder>');
    process.exit(2);
  }
  await printPairs({ model, tokenizer, folder });
} else await measure(Number(values.rows));
