/**
 * Compares settings of the head's part for embeddings on texts held out of the training parts only:
 * `node bench/understand/embedding-settings.ts <data folder> <model.onnx> <tokenizer.json>`. Each number is the mean accuracy in % of two splits.
 */
import { createVerdict, type Head } from '#adapters/classifier-ngram/head.ts';
import { settingsFor, type TrainingSettings } from '#adapters/classifier-ngram/settings.ts';
import { trainHead } from '#adapters/classifier-ngram/train-head.ts';
import type { LabelledText, TextEmbeddings } from '#ports/text-classifier.ts';
import { readBanking77, readClinc } from './data.ts';
import { embed, openBenchEmbedder } from './embeddings.ts';
import { type Split, splitByLabel } from './settings.ts';

type Change = Partial<TrainingSettings['dense']>;
const changes: Record<string, Change> = {
  'as shipped': {},
  'no dropout': { dropout: 0 },
  'a tenth of the decay': { decay: Number.NaN },
  'twice the rate': { rate: 10 },
  '10 epochs': { epochs: 10 },
};
const shares = [0, 0.3, 0.5, 0.7, 0.85, 1];

function accuracy(head: Head, heldOut: LabelledText[], embedded: TextEmbeddings): number {
  const verdict = createVerdict(head);
  const { modelSha256 } = embedded;
  const right = heldOut.filter(
    ({ text, label }, i) => verdict(text, { modelSha256, vector: embedded.vectors[i]! }).label === label,
  );
  return (100 * right.length) / heldOut.length;
}

function accuracies({ learn, heldOut }: Split, change: Change, vectorsOf: (rows: LabelledText[]) => TextEmbeddings) {
  const { dense, ...settings } = settingsFor(learn.length, new Set(learn.map(({ label }) => label)).size);
  const decay = Number.isNaN(change.decay) ? dense.decay / 10 : (change.decay ?? dense.decay);
  const head = trainHead(
    { examples: learn, none: [], allowNone: false, embedded: vectorsOf(learn) },
    { ...settings, dense: { ...dense, ...change, decay }, folds: { count: 2, evaluated: 0 } },
  );
  const asked = vectorsOf(heldOut);
  return shares.map((share) => accuracy({ ...head, dense: { ...head.dense!, share } }, heldOut, asked));
}

const [folder, model, tokenizer] = process.argv.slice(2);
if (!folder || !model || !tokenizer) {
  console.error('Usage: node bench/understand/embedding-settings.ts <data folder> <model.onnx> <tokenizer.json>');
  process.exit(2);
}
const embedder = openBenchEmbedder({ model, tokenizer, sha256: 'bench' });
const sets = {
  'few: Banking77, 10 texts a label': { rows: readBanking77(folder).train, each: 10 },
  'clinc: CLINC150, 38 texts a label': { rows: readClinc(folder).train, each: 38 },
};
for (const [title, { rows, each }] of Object.entries(sets)) {
  const all = await embed(
    embedder,
    rows.map(({ text }) => text),
  );
  const byText = new Map(rows.map(({ text }, i) => [text, all.vectors[i]!]));
  const vectorsOf = (of: LabelledText[]) => ({ ...all, vectors: of.map(({ text }) => byText.get(text)!) });
  console.log(`\n${title}; share of the embedding ${shares.join(', ')}`);
  for (const [name, change] of Object.entries(changes)) {
    const found = [1, 2].map((seed) => accuracies(splitByLabel(rows, each, seed), change, vectorsOf));
    const means = shares.map((_, i) => ((found[0]![i]! + found[1]![i]!) / 2).toFixed(1));
    console.log(`  ${name.padEnd(24)} ${means.join('  ')}`);
  }
}
await embedder.close();
