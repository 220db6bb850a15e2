import type { Outcome } from '#adapters/classifier-ngram/calibration.ts';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import { decodeHead } from '#adapters/classifier-ngram/codec.ts';
import { createScorer, createVerdict, type Head, signsOf } from '#adapters/classifier-ngram/head.ts';
import { balancedAccuracy, bestThreshold, noneProbability } from '#adapters/classifier-ngram/scope.ts';
import { calibrationError } from '#domain/evaluation.ts';
import type { Classification, ExamplePage, LabelledText, TrainedHead } from '#ports/text-classifier.ts';
import { type Clinc, firstOfEach, halves, readBanking77, readClinc } from './data.ts';

/** A measured number beside the one wanted; `least` for what must be reached, `most` for what must not be passed. */
export type Measure = { name: string; value: number; least?: number; most?: number; unit?: '%' | 's' | 'µs' | 'kB' };

export const percent = (share: number) => share * 100;

/** Trains and classifies through the adapter itself, threads and bytes included. */
async function withClassifier<T>(
  work: (classifier: ReturnType<typeof createNgramClassifier>) => Promise<T>,
): Promise<T> {
  const classifier = createNgramClassifier();
  try {
    return await work(classifier);
  } finally {
    await classifier.close();
  }
}

/** As the server trains, in one page. */
async function trainOn(
  classifier: ReturnType<typeof createNgramClassifier>,
  { examples, none, allowNone }: { examples: LabelledText[]; none: string[]; allowNone: boolean },
): Promise<TrainedHead> {
  async function* pages(): AsyncGenerator<ExamplePage> {
    yield { examples: [...examples, ...none.map((text) => ({ text, label: null }))] };
  }
  const labels = [...new Set(examples.map(({ label }) => label))];
  const training = await classifier.train({ pages: pages(), labels, allowNone });
  if (training.outcome !== 'trained') throw new Error(`not trained: ${training.outcome}`);
  return training;
}

export const refOf = (head: TrainedHead) => ({ sha256: head.sha256, read: () => Promise.resolve(head.bytes) });

export function outcomes(
  rows: readonly LabelledText[],
  said: readonly Pick<Classification, 'label' | 'confidence'>[],
): Outcome[] {
  return rows.map((row, i) => ({ confidence: said[i]!.confidence, right: said[i]!.label === row.label }));
}

export const shareRight = (of: readonly Outcome[]) => of.filter((outcome) => outcome.right).length / of.length;

function mostConfident(of: readonly Outcome[], share: number): Outcome[] {
  return [...of].sort((a, b) => b.confidence - a.confidence).slice(0, Math.round(of.length * share));
}

/**
 * Microseconds a text on one thread, without loading: processor time of the thread, since other programs on the machine would only be
 * measured along; the median of five rounds after one to warm up.
 */
export function microseconds(count: number, classify: (at: number) => unknown): number {
  const rounds: number[] = [];
  for (let round = 0; round < 6; round++) {
    const before = process.threadCpuUsage();
    for (let at = 0; at < count; at++) classify(at);
    const { user, system } = process.threadCpuUsage(before);
    if (round > 0) rounds.push((user + system) / count);
  }
  return rounds.sort((a, b) => a - b)[2]!;
}

function common(head: TrainedHead, rows: readonly LabelledText[], said: readonly Classification[]): Measure[] {
  const verdict = createVerdict(decodeHead(head.bytes));
  return [
    ...verdictMeasures(head, rows, said),
    {
      name: 'classification of a text, processor time',
      value: microseconds(rows.length, (at) => verdict(rows[at]!.text)),
      most: 100,
      unit: 'µs',
    },
  ];
}

export function verdictMeasures(
  head: TrainedHead,
  rows: readonly LabelledText[],
  said: readonly Pick<Classification, 'label' | 'confidence' | 'abstained'>[],
): Measure[] {
  const of = outcomes(rows, said);
  const kept = said.map((verdict, i) => ({ verdict, right: of[i]!.right })).filter(({ verdict }) => !verdict.abstained);
  return [
    { name: 'expected calibration error, 15 bins', value: percent(calibrationError(of)), unit: '%' },
    { name: 'accuracy of the most confident 80 %', value: percent(shareRight(mostConfident(of, 0.8))), unit: '%' },
    { name: 'not abstained', value: percent(kept.length / said.length), unit: '%' },
    { name: 'accuracy of those', value: percent(kept.filter(({ right }) => right).length / kept.length), unit: '%' },
    { name: 'accuracy by cross-validation', value: percent(head.report.accuracy ?? 0), unit: '%' },
    { name: 'training', value: head.report.milliseconds / 1000, unit: 's' },
    { name: 'size of the head', value: head.bytes.length / 1024, unit: 'kB' },
  ];
}

async function banking(train: LabelledText[], dev: LabelledText[], least: number): Promise<Measure[]> {
  return withClassifier(async (classifier) => {
    const head = await trainOn(classifier, { examples: train, none: [], allowNone: false });
    const said = await classifier.classify({ head: refOf(head), texts: dev.map((row) => row.text) });
    return [
      { name: 'accuracy', value: percent(shareRight(outcomes(dev, said))), least, unit: '%' },
      ...common(head, dev, said),
    ];
  });
}

async function clincScope(data: Clinc): Promise<Measure[]> {
  return withClassifier(async (classifier) => {
    const { train: examples, noneTrain: none, validation } = data;
    const trained = await trainOn(classifier, { examples, none, allowNone: true });
    const texts = validation.map((row) => row.text);
    const said = await classifier.classify({ head: refOf(trained), texts });
    const outside = await classifier.classify({ head: refOf(trained), texts: data.noneValidation });
    const head = decodeHead(trained.bytes);
    const best = said.map((verdict) => verdict.label ?? verdict.alternatives[0]?.label);
    const named = validation.map((row, i) => ({ confidence: 0, right: best[i] === row.label }));
    const [insideA, insideB] = halves(noneProbabilities(head, texts));
    const [outsideA, outsideB] = halves(noneProbabilities(head, data.noneValidation));
    const kept = said.filter((verdict) => verdict.label !== undefined).length / said.length;
    const refused = outside.filter((verdict) => verdict.label === undefined).length / outside.length;
    return [
      { name: 'accuracy in scope, best label', value: percent(shareRight(named)), least: 92, unit: '%' },
      {
        name: 'accuracy in scope, "none" counted as wrong',
        value: percent(shareRight(outcomes(validation, said))),
        unit: '%',
      },
      {
        name: 'out of scope, balanced accuracy, threshold of one half of the validation part, on the other',
        value: percent(balancedAccuracy(insideB, outsideB, bestThreshold(insideA, outsideA))),
        least: 85,
        unit: '%',
      },
      {
        name: 'out of scope, balanced accuracy, threshold of the head itself, on all',
        value: percent((kept + refused) / 2),
        unit: '%',
      },
      { name: 'in scope kept by it', value: percent(kept), unit: '%' },
      { name: 'out of scope refused by it', value: percent(refused), unit: '%' },
      ...common(trained, validation, said),
    ];
  });
}

/** The same without any `none` text to learn from. */
async function clincBlind(data: Clinc): Promise<Measure[]> {
  return withClassifier(async (classifier) => {
    const trained = await trainOn(classifier, { examples: data.train, none: [], allowNone: true });
    const texts = data.validation.map((row) => row.text);
    const said = await classifier.classify({ head: refOf(trained), texts });
    const outside = await classifier.classify({ head: refOf(trained), texts: data.noneValidation });
    const kept = said.filter((verdict) => verdict.label !== undefined).length / said.length;
    const refused = outside.filter((verdict) => verdict.label === undefined).length / outside.length;
    return [
      { name: 'out of scope, balanced accuracy', value: percent((kept + refused) / 2), unit: '%' },
      { name: 'in scope kept', value: percent(kept), unit: '%' },
      { name: 'out of scope refused', value: percent(refused), unit: '%' },
    ];
  });
}

function noneProbabilities(head: Head, texts: readonly string[]): number[] {
  const score = createScorer(head);
  return texts.map((text) => noneProbability(head.scope!, signsOf(score(text), head.labels.length, head.temperature)));
}

export async function* measureClassification(folder: string): AsyncGenerator<{ title: string; measures: Measure[] }> {
  const { train, dev } = readBanking77(folder);
  const ten = firstOfEach(train, 10);
  yield {
    title: `Banking77, all ${train.length} training texts → ${dev.length} of dev.csv`,
    measures: await banking(train, dev, 91.5),
  };
  yield {
    title: `Banking77, the first 10 training texts of each label in file order (${ten.length}) → dev.csv`,
    measures: await banking(ten, dev, 76),
  };
  const data = readClinc(folder);
  yield {
    title:
      `CLINC150, parts train (${data.train.length}) and oos_train (${data.noneTrain.length}) → val (${data.validation.length}) and oos_val (${data.noneValidation.length}). ` +
      'There is no further part: rows at even places of val and oos_val choose the threshold, rows at odd places are reported',
    measures: await clincScope(data),
  };
  yield { title: 'CLINC150 without oos_train: nothing to learn "none" from', measures: await clincBlind(data) };
}
