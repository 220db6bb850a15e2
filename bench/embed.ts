/**
 * What embeddings cost: `node bench/embed.ts <model.onnx> <tokenizer.json> <data folder>`. The data folder holds banking77/. Exit 2 without them.
 * Times are of one process that has the machine to itself; run it twice.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openEngine } from '#adapters/embedder-onnx/engine.ts';
import { nearest, quantise, type VectorMatrix } from '#domain/similarity.ts';
import { readBanking77 } from './understand/data.ts';

const [model, tokenizer, folder, only] = process.argv.slice(2);
if (!model || !tokenizer || !folder || !existsSync(model) || !existsSync(folder)) {
  console.error('Usage: node bench/embed.ts <model.onnx> <tokenizer.json> <data folder>');
  process.exit(2);
}
const dimensions = 384;

/** One setting in a process of its own, since the runtime gives no memory back. */
async function measure(threads: number, batchTokens: number): Promise<void> {
  const texts = readBanking77(folder!)
    .train.slice(0, 600)
    .map(({ text }) => text);
  const engine = await openEngine({
    model: model!,
    tokenizer: tokenizer!,
    dimensions,
    mostTokens: 256,
    threads,
    batchTokens,
  });
  const { signal } = new AbortController();
  await engine.embed(texts.slice(0, 50), signal);
  const loaded = process.memoryUsage.rss();
  const started = performance.now();
  await engine.embed(texts, signal);
  const perText = (performance.now() - started) / texts.length;
  const long = Array.from({ length: 20 }, (_, i) => `${'a long text of many words '.repeat(60)} ${i}`);
  const longStarted = performance.now();
  await engine.embed(long, signal);
  const perLong = (performance.now() - longStarted) / long.length;
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  console.log(
    `threads ${threads}  tokens in a batch ${String(batchTokens).padStart(4)}  ${perText.toFixed(2)} ms a text  ` +
      `${perLong.toFixed(0)} ms one of 256 tokens  ${mb(loaded)} MB, at last ${mb(process.memoryUsage.rss())} MB  load ${engine.ready.loadMs} ms`,
  );
}

function search(rows: number): void {
  const values = new Int8Array(rows * dimensions).map((_, i) => ((i * 7919) % 255) - 127);
  const matrix: VectorMatrix = { dimensions, values, scales: new Float32Array(rows).fill(0.001) };
  const query = quantise(Float32Array.from({ length: dimensions }, (_, d) => Math.sin(d)));
  const times = Array.from({ length: 9 }, () => {
    const before = performance.now();
    nearest(matrix, query, 10);
    return performance.now() - before;
  }).sort((a, b) => a - b);
  console.log(`the 10 nearest of ${rows} vectors: ${times[4]!.toFixed(0)} ms (median of 9)`);
}

if (only) {
  const [threads, batchTokens] = only.split(',').map(Number);
  await measure(threads!, batchTokens!);
} else {
  for (const threads of [1, 2])
    for (const batchTokens of [1, 256, 512, 1024, 2048]) {
      const child = fork(fileURLToPath(import.meta.url), [model, tokenizer, folder, `${threads},${batchTokens}`]);
      await new Promise((resolve) => child.once('exit', resolve));
    }
  search(100_000);
}
