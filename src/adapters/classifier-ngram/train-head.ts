import { calibrationError } from '#domain/evaluation.ts';
import { labelWords } from '#domain/label-text.ts';
import type { LabelledText, TextEmbeddings } from '#ports/text-classifier.ts';
import { abstainThreshold, fitTemperature, logLoss, type Outcome } from './calibration.ts';
import { type Corpus, countTexts } from './corpus.ts';
import { mixScores, scoreDense, trainDense } from './dense/dense.ts';
import { stratifiedFolds } from './folds.ts';
import { type Calibration, compact, createScorer, type Dense, type Head, judge, type Scores, signsOf } from './head.ts';
import { fitScope, type ScopeModel, scopeFromInside } from './scope.ts';
import {
  denseShares,
  leastNoneForClass,
  refusedInside,
  settingsFor,
  type TrainingSettings,
  usualDenseShare,
  wantedAccuracy,
} from './settings.ts';
import { trainSoftmax } from './softmax.ts';
import { designOf, tabulate, weigh } from './weighting.ts';

export type TrainingInput = {
  examples: LabelledText[];
  none: string[];
  allowNone: boolean;
  /** One vector for each example, then one for each `none` text. */
  embedded?: TextEmbeddings;
};

/** Texts in one list: the examples, the `none` texts, and the words of the labels' names. */
type Material = {
  labels: string[];
  texts: string[];
  corpus: Corpus;
  /** Class of each text; for `none` texts `labels.length`. */
  classOf: Int32Array;
  classes: number;
  /** Number of examples; the `none` texts follow them, the names follow those. */
  examples: number;
  none: number;
  /** Not of the names. */
  embedded: TextEmbeddings | undefined;
  allowNone: boolean;
  settings: TrainingSettings;
};

/** What a model that has not seen a text says about it: by its n-grams, and by its embedding where it has one. `target` is its class. */
type HeldOut = { target: number; scores: Scores; dense: Float64Array | undefined };

/** What is fitted; how to judge by it comes from held-out texts. */
type Fitted = Pick<Head, 'labels' | 'classes' | 'vocabulary' | 'members'> & { dense: Dense['member'] | undefined };

/**
 * Trains a head: the same input gives the same head. Takes from milliseconds to about a minute of one core: not for a thread that serves.
 * `change` is for benches that compare settings.
 * Errors: fewer than two labels.
 */
export function trainHead(input: TrainingInput, change: Partial<TrainingSettings> = {}): Head {
  const material = gather(input, change);
  const heldOut = crossValidate(material);
  const { dense: member, ...model } = fit(
    material,
    Int32Array.from(material.texts.keys()).filter((row) => isTrainedOn(material, row)),
  );
  return {
    ...model,
    ...calibrate(material, heldOut),
    dense: member && { member, ...calibrateDense(material, heldOut) },
  };
}

function calibrate(material: Material, heldOut: HeldOut[]): Calibration {
  const labels = material.labels.length;
  const inside = heldOut.filter((row) => row.target < labels);
  const temperature = temperatureOf(inside, labels);
  const scope = material.allowNone ? chooseScope(material, heldOut, temperature) : undefined;
  const head = { labels: material.labels, temperature, scope };
  const judged = heldOut.filter((row) => scope !== undefined || row.target < labels);
  const outcomes = judged.map((row) => outcome(material, head, row));
  const right = inside.filter((row) => outcome(material, { ...head, scope: undefined }, row).right).length;
  return {
    temperature,
    scope,
    report: {
      examples: material.examples,
      labels,
      ...(inside.length > 0 && { accuracy: right / inside.length, calibrationError: calibrationError(outcomes) }),
      threshold: abstainThreshold(outcomes, wantedAccuracy),
    },
  };
}

function temperatureOf(inside: HeldOut[], labels: number): number {
  return fitTemperature(
    inside.map((row) => row.scores.classes.subarray(0, labels)),
    inside.map((row) => row.target),
  );
}

/** The share that makes the right labels of held-out texts likeliest, and the calibration of the scores mixed by it. */
function calibrateDense(material: Material, heldOut: HeldOut[]): Omit<Dense, 'member'> {
  const labels = material.labels.length;
  const mixed = (share: number): HeldOut[] =>
    heldOut.map((row) => ({
      ...row,
      scores: { ...row.scores, classes: mixScores(row.scores.classes, row.dense!, share) },
    }));
  const loss = (share: number): number => {
    const inside = mixed(share).filter((row) => row.target < labels);
    const scores = inside.map((row) => row.scores.classes.subarray(0, labels));
    return logLoss(
      scores,
      inside.map((row) => row.target),
      temperatureOf(inside, labels),
    );
  };
  let share = usualDenseShare;
  if (heldOut.some((row) => row.target < labels)) {
    const losses = denseShares.map(loss);
    share = denseShares[losses.indexOf(Math.min(...losses))]!;
  }
  return { share, ...calibrate(material, mixed(share)) };
}

function gather(input: TrainingInput, change: Partial<TrainingSettings>): Material {
  const labels = [...new Set(input.examples.map((example) => example.label))].sort();
  if (labels.length < 2) throw new Error(`a head needs examples of at least two labels, there are ${labels.length}`);
  const number = new Map(labels.map((label, k) => [label, k]));
  const none = input.allowNone ? input.none : [];
  // A label's name is an example of its own: it holds the words that few examples may miss.
  const names = labels.map(labelWords);
  const texts = [...input.examples.map((example) => example.text), ...none, ...names];
  const classOf = Int32Array.from([
    ...input.examples.map((example) => number.get(example.label)!),
    ...none.map(() => labels.length),
    ...labels.keys(),
  ]);
  return {
    labels,
    texts,
    corpus: countTexts(texts),
    classOf,
    classes: labels.length + (none.length >= leastNoneForClass ? 1 : 0),
    examples: input.examples.length,
    none: none.length,
    embedded: input.embedded,
    allowNone: input.allowNone,
    settings: { ...settingsFor(input.examples.length, labels.length), ...change },
  };
}

/** `none` texts too few for a class of their own are only judged, never learnt. */
function isTrainedOn(material: Material, row: number): boolean {
  return material.classOf[row]! < material.classes;
}

function fit(material: Material, rows: Int32Array): Fitted {
  const { settings, corpus, classOf, classes, labels } = material;
  const table = tabulate(corpus, rows, classOf, classes);
  const targets = rows.map((row) => classOf[row]!);
  const members = settings.members.map((weightingSettings) => {
    const weighting = weigh(table, rows.length, classes, weightingSettings);
    const design = designOf(corpus, rows, table, weighting);
    return compact(
      trainSoftmax(design, targets, table.seen.length, classes, settings.softmax),
      weighting,
      settings.leastEffect,
    );
  });
  return { labels, classes, vocabulary: table.vocabulary, members, dense: fitDense(material, rows) };
}

function fitDense({ embedded, classOf, classes, examples, none, settings }: Material, rows: Int32Array) {
  if (!embedded) return undefined;
  const own = rows.filter((row) => row < examples + none);
  const targets = own.map((row) => classOf[row]!);
  return trainDense(embedded, own, targets, classes, settings.dense);
}

function crossValidate(material: Material): HeldOut[] {
  const { count, evaluated } = material.settings.folds;
  const judged = material.examples + material.none;
  const foldOf = stratifiedFolds(material.classOf.subarray(0, judged), material.labels.length + 1, count, 7);
  const heldOut: HeldOut[] = [];
  for (let fold = 0; fold < evaluated; fold++) {
    const out = [...foldOf.keys()].filter((row) => foldOf[row] === fold);
    if (out.length === 0) continue;
    const rows = Int32Array.from(material.texts.keys()).filter(
      (row) => foldOf[row] !== fold && isTrainedOn(material, row),
    );
    const fitted = fit(material, rows);
    const score = createScorer(fitted);
    for (const row of out) {
      const said = score(material.texts[row]!);
      const dense = fitted.dense && new Float64Array(fitted.classes);
      if (dense) scoreDense(fitted.dense!, material.embedded!.vectors[row]!, dense);
      heldOut.push({ target: material.classOf[row]!, scores: { ...said, classes: said.classes.slice() }, dense });
    }
  }
  return heldOut;
}

function chooseScope(material: Material, heldOut: HeldOut[], temperature: number): ScopeModel {
  const labels = material.labels.length;
  const signs = (rows: HeldOut[]) => rows.map((row) => signsOf(row.scores, labels, temperature));
  const inside = signs(heldOut.filter((row) => row.target < labels));
  const outside = signs(heldOut.filter((row) => row.target === labels));
  return inside.length > 0 && outside.length >= leastNoneForClass
    ? fitScope(inside, outside)
    : scopeFromInside(inside, refusedInside);
}

function outcome(material: Material, head: Pick<Head, 'labels' | 'temperature' | 'scope'>, row: HeldOut): Outcome {
  const verdict = judge(head, row.scores, 0);
  return { confidence: verdict.confidence, right: verdict.label === material.labels[row.target] };
}
