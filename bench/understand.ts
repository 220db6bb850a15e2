/**
 * How well texts are understood: `node bench/understand.ts <data folder> [--record] [--embedding-model <model.onnx> --tokenizer <tokenizer.json>]`; with a model
 * what embeddings add is measured too, with `--embeddings-only` nothing else. Exit 1 when a target is missed, 2 without a folder.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createReport } from './baselines.ts';
import { type Measure, measureClassification } from './understand/classification.ts';
import { type EmbeddingFiles, measureEmbeddings } from './understand/embeddings.ts';
import { reportExtraction } from './understand/extraction.ts';
import { reportTagging } from './understand/tagging.ts';

function line({ name, value, least, most, unit = '%' }: Measure): string {
  const target =
    least !== undefined ? `  target ≥ ${least} ${unit}` : most !== undefined ? `  target < ${most} ${unit}` : '';
  const verdict = target ? (reached({ name, value, least, most }) ? '  pass' : '  MISS') : '';
  return `  ${name.padEnd(48)} ${value.toFixed(2)} ${unit}${target}${verdict}`;
}

function reached({ value, least, most }: Measure): boolean {
  return (least === undefined || value >= least) && (most === undefined || value < most);
}

const { values, positionals } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    'embedding-model': { type: 'string' },
    tokenizer: { type: 'string' },
    'embeddings-only': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const { say, record } = createReport('understand');
const [folder] = positionals;
if (!folder || !existsSync(folder)) {
  console.error(
    'Usage: node bench/understand.ts <data folder> [--record] [--embedding-model <file> --tokenizer <file> [--embeddings-only]]\nThe folder holds banking77/, clinc/, snips/ and restaurant8k/.',
  );
  process.exit(2);
}

let missed = 0;
async function report(parts: AsyncIterable<{ title: string; measures: Measure[] }>): Promise<void> {
  for await (const { title, measures } of parts) {
    say(`\n${title}`);
    for (const measure of measures) {
      say(line(measure));
      if (!reached(measure)) missed++;
    }
  }
}

function embeddingFiles(): EmbeddingFiles | undefined {
  const { 'embedding-model': model, tokenizer } = values;
  if (!model || !tokenizer) return undefined;
  return { model, tokenizer, sha256: createHash('sha256').update(readFileSync(model)).digest('hex') };
}

const files = embeddingFiles();
if (!values['embeddings-only']) await report(measureClassification(folder));
if (files) await report(measureEmbeddings(folder, files));
if (!values['embeddings-only']) {
  await reportExtraction(folder, { say });
  const joined = reportTagging(folder, say);
  const fields: Measure = { name: 'restaurant8k: rules and tagger, exact F1', value: joined * 100, least: 85 };
  say(`\n${line(fields)}`);
  if (!reached(fields)) missed++;
}
say(missed === 0 ? '\nAll targets are reached.' : `\n${missed} targets are missed.`);
if (values.record) record();
if (missed > 0) process.exitCode = 1;
