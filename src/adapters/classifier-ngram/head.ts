import type { Classification, HeadReport } from '#ports/text-classifier.ts';
import { softmax } from './calibration.ts';
import { eachFeature, viewCount } from './features.ts';
import { createHashIndex } from './hash-index.ts';
import { noneProbability, type ScopeModel } from './scope.ts';
import type { SoftmaxModel } from './softmax.ts';
import { type Vocabulary, viewFactors } from './weighting.ts';

/** A trained model of one form. */
export type Head = {
  /** The classes 0 … labels.length - 1. */
  labels: string[];
  /** `labels.length`, and one more when a class was learnt from texts that belong to no label. */
  classes: number;
  vocabulary: Vocabulary;
  /** Rounded weights: the weight of class k for a column is `scales[column] * weights[column * classes + k]`. */
  weights: Int8Array;
  scales: Float32Array;
  bias: Float32Array;
  temperature: number;
  /** Only where "none" is an answer. */
  scope: ScopeModel | undefined;
  /** Without the milliseconds: the same examples give the same head. */
  report: Omit<HeadReport, 'milliseconds'>;
};

/** What a head says about one text. The array is reused by the scorer's next call. */
export type Scores = {
  classes: Float64Array;
  /** Share of the text's weight that lies on features training has seen, 0…1. */
  seenShare: number;
};

/** Rounds weights to 8 bits with a scale per column. Banking77: 92.6 % before and after (bench/understand.ts), a quarter of the size. */
export function roundWeights(model: SoftmaxModel, columns: number): Pick<Head, 'weights' | 'scales' | 'bias'> {
  const classes = model.bias.length;
  const weights = new Int8Array(columns * classes);
  const scales = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    const base = column * classes;
    let largest = 0;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, Math.abs(model.weights[base + k]!));
    if (largest === 0) continue;
    scales[column] = largest / 127;
    for (let k = 0; k < classes; k++) weights[base + k] = Math.round((model.weights[base + k]! * 127) / largest);
  }
  return { weights, scales, bias: model.bias };
}

/** Makes the tables that classifying needs, once per head. */
export function createScorer(
  head: Pick<Head, 'vocabulary' | 'classes' | 'weights' | 'scales' | 'bias'>,
): (text: string) => Scores {
  const { vocabulary, weights, scales, classes } = head;
  const index = createHashIndex(vocabulary.hashes.length);
  for (const hash of vocabulary.hashes) index.add(hash);
  const counts = new Uint16Array(vocabulary.hashes.length);
  const touched = new Int32Array(vocabulary.hashes.length);
  const squares = new Float64Array(viewCount);
  const unseen = new Float64Array(viewCount);
  const unseenSquare = vocabulary.unseenWeight ** 2;
  const result: Scores = { classes: new Float64Array(classes), seenShare: 0 };
  let known = 0;

  function note(hash: number, view: number): void {
    const column = index.find(hash);
    if (column < 0) unseen[view] = unseen[view]! + unseenSquare;
    else {
      if (counts[column] === 0) touched[known++] = column;
      if (counts[column]! < 65_535) counts[column] = counts[column]! + 1;
    }
  }

  return (text) => {
    known = 0;
    unseen.fill(0);
    squares.fill(0);
    eachFeature(text, note);
    for (let i = 0; i < known; i++) {
      const column = touched[i]!;
      const value = (1 + Math.log(counts[column]!)) * vocabulary.weights[column]!;
      const view = vocabulary.viewOf[column]!;
      squares[view] = squares[view]! + value * value;
    }
    for (let view = 0; view < viewCount; view++) squares[view] = squares[view]! + unseen[view]!;
    const factors = viewFactors(squares);
    const scores = result.classes;
    scores.set(head.bias);
    let seenShare = 0;
    for (let i = 0; i < known; i++) {
      const column = touched[i]!;
      const value =
        (1 + Math.log(counts[column]!)) * vocabulary.weights[column]! * factors[vocabulary.viewOf[column]!]!;
      counts[column] = 0;
      seenShare += value * value;
      const factor = value * scales[column]!;
      const base = column * classes;
      for (let k = 0; k < classes; k++) scores[k] = scores[k]! + factor * weights[base + k]!;
    }
    result.seenShare = seenShare;
    return result;
  };
}

/** The signs that tell a text outside the labels (`scope.ts`). */
export function signsOf(said: Scores, labels: number, temperature: number): Float64Array {
  const of = said.classes;
  let top = -Infinity;
  for (let k = 0; k < labels; k++) top = Math.max(top, of[k]!);
  let total = 0;
  for (let k = 0; k < labels; k++) total += Math.exp((of[k]! - top) / temperature);
  const lead = of.length > labels ? (of[labels]! - top) / temperature : 0;
  return Float64Array.of(top / temperature, -Math.log(total), said.seenShare, lead);
}

const runnersUp = 3;

/** The verdict on a text from its scores; it abstains below the threshold. */
export function judge(
  head: Pick<Head, 'labels' | 'temperature' | 'scope'>,
  scores: Scores,
  threshold: number,
): Classification {
  const none = head.scope ? noneProbability(head.scope, signsOf(scores, head.labels.length, head.temperature)) : 0;
  const isNone = head.scope !== undefined && none >= head.scope.threshold;
  const probabilities = new Float64Array(head.labels.length);
  softmax(scores.classes, head.temperature, probabilities);
  const best = largest(probabilities, runnersUp + 1).map((k) => ({
    label: head.labels[k]!,
    confidence: probabilities[k]! * (1 - none),
  }));
  const alternatives = isNone ? best.slice(0, runnersUp) : best.slice(1);
  const confidence = isNone ? none : best[0]!.confidence;
  return {
    label: isNone ? undefined : best[0]!.label,
    confidence,
    abstained: confidence < threshold,
    alternatives,
  };
}

/** Indices of the `count` largest values, largest first; the earlier index on a tie. */
function largest(values: Float64Array, count: number): number[] {
  const best: number[] = [];
  for (let k = 0; k < values.length; k++) {
    let place = best.length;
    while (place > 0 && values[best[place - 1]!]! < values[k]!) place--;
    if (place < count) best.splice(place, 0, k);
    if (best.length > count) best.pop();
  }
  return best;
}
