/**
 * Compares settings of the classifier on texts held out of the training parts only: `node bench/understand/settings.ts <data folder>`.
 * Each number is the mean accuracy in % of two splits, each with a training seed of its own; the range of the two is the noise to keep in mind.
 */
import { createScorer } from '#adapters/classifier-ngram/head.ts';
import { seededRandom, shuffle } from '#adapters/classifier-ngram/random.ts';
import { settingsFor, type TrainingSettings } from '#adapters/classifier-ngram/settings.ts';
import { trainHead } from '#adapters/classifier-ngram/train-head.ts';
import type { LabelledText } from '#ports/text-classifier.ts';
import { firstOfEach, readBanking77, readClinc } from './data.ts';

export type Split = { learn: LabelledText[]; heldOut: LabelledText[] };
type Change = (settings: TrainingSettings) => Partial<TrainingSettings>;

const splits = [1, 2];

export function splitByLabel(examples: readonly LabelledText[], each: number, seed: number): Split {
  const order = shuffle([...examples.keys()], seededRandom(seed)).map((row) => examples[row]!);
  const learn = firstOfEach(order, each);
  const taken = new Set(learn);
  return { learn, heldOut: order.filter((row) => !taken.has(row)).slice(0, 2_500) };
}

function accuracy({ learn, heldOut }: Split, seed: number, change: Change): number {
  const settings = settingsFor(learn.length, new Set(learn.map((row) => row.label)).size);
  const changed = { ...settings, ...change(settings) };
  const head = trainHead(
    { examples: learn, none: [], allowNone: false },
    { ...changed, softmax: { ...changed.softmax, seed }, folds: { count: 2, evaluated: 0 } },
  );
  const score = createScorer(head);
  const right = heldOut.filter(({ text, label }) => {
    const { classes } = score(text);
    return head.labels[classes.indexOf(Math.max(...classes))] === label;
  });
  return (100 * right.length) / heldOut.length;
}

const softmax =
  (change: Partial<TrainingSettings['softmax']>): Change =>
  (settings) => ({ softmax: { ...settings.softmax, ...change } });
const views =
  (...of: number[]): Change =>
  ({ members }) => ({ members: members.map((member) => ({ ...member, views: of })) });

const fewChanges: Record<string, Change> = {
  'as shipped': () => ({}),
  'words as strong as characters': views(1.5, 0.7, 1, 0.5),
  'characters only': views(0, 0, 1, 1),
  'rarity by texts': ({ members }) => ({ members: members.map((member) => ({ ...member, rarity: 'texts' })) }),
  'no dropout': softmax({ dropout: 0 }),
  'every weight kept': () => ({ leastEffect: 0 }),
  'leastEffect 0.1': () => ({ leastEffect: 0.1 }),
};

const manyChanges: Record<string, Change> = {
  'as shipped': () => ({}),
  'first member alone': ({ members }) => ({ members: members.slice(0, 1) }),
  'second member alone': ({ members }) => ({ members: members.slice(1) }),
  'characters stronger': views(1, 0.3, 1.5, 0.8),
  '10 epochs at rate 8': softmax({ epochs: 10, rate: 8 }),
  'no dropout': softmax({ dropout: 0 }),
  'every weight kept': () => ({ leastEffect: 0 }),
  'leastEffect 0.2': () => ({ leastEffect: 0.2 }),
};

function compare(title: string, splitOf: (seed: number) => Split, changes: Record<string, Change>): void {
  console.log(`\n${title}`);
  for (const [name, change] of Object.entries(changes)) {
    const found = splits.map((seed) => accuracy(splitOf(seed), seed, change));
    const mean = found.reduce((sum, one) => sum + one, 0) / found.length;
    console.log(`  ${name.padEnd(32)} ${mean.toFixed(1)}   (${found.map((one) => one.toFixed(1)).join(', ')})`);
  }
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (!folder) {
    console.error('Usage: node bench/understand/settings.ts <data folder>');
    process.exit(2);
  }
  const banking = readBanking77(folder).train;
  const clinc = readClinc(folder).train;
  compare('few: Banking77, 10 texts a label', (seed) => splitByLabel(banking, 10, seed), fewChanges);
  compare('clinc: CLINC150, 38 texts a label', (seed) => splitByLabel(clinc, 38, seed), manyChanges);
  compare('banking: Banking77, at most 100 texts a label', (seed) => splitByLabel(banking, 100, seed), manyChanges);
}
