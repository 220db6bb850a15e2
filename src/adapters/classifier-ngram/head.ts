import type { Embedding } from '#ports/embedder.ts';
import type { Classification, HeadReport } from '#ports/text-classifier.ts';
import { softmax } from './calibration.ts';
import { type DenseMember, mixScores, scoreDense } from './dense/dense.ts';
import { eachFeature, viewCount } from './features.ts';
import { createHashIndex } from './hash-index.ts';
import { noneProbability, type ScopeModel, usualNoneProbability } from './scope.ts';
import type { SoftmaxModel } from './softmax.ts';
import { scaleViews, type Vocabulary, type Weighting } from './weighting.ts';

/** One softmax regression. Only weights that matter are kept: those of column c are the entries starts[c] … starts[c + 1] - 1. */
export type Member = {
  weighting: Weighting;
  starts: Int32Array;
  classOf: Uint16Array;
  /** Rounded; the weight of entry e of column c is `scales[c] * weights[e]`. */
  weights: Int8Array;
  scales: Float32Array;
  bias: Float32Array;
};

/** A trained model of one form: the scores of its members are averaged. */
export type Head = {
  /** The classes 0 … labels.length - 1. */
  labels: string[];
  /** `labels.length`, and one more when a class was learnt from texts that belong to no label. */
  classes: number;
  vocabulary: Vocabulary;
  members: Member[];
  /** Only when every example had an embedding. */
  dense: Dense | undefined;
} & Calibration;

/** What turns scores into a verdict, found on held-out texts. */
export type Calibration = {
  temperature: number;
  /** Only where "none" is an answer. */
  scope: ScopeModel | undefined;
  /** Without the milliseconds: the same examples give the same head. */
  report: Omit<HeadReport, 'milliseconds'>;
};

/** For texts that come with an embedding: its own scores, their share (0…1) beside those of the n-grams, and the calibration of both together. */
export type Dense = { member: DenseMember; share: number } & Calibration;

/** What a head says about one text. The array is reused by the scorer's next call. */
export type Scores = {
  classes: Float64Array;
  /** Share of the text's weight that lies on features training has seen, 0…1. */
  seenShare: number;
};

/**
 * Keeps what matters of a model, rounded to 8 bits with a scale per column. Left out are weights that move a score by less than
 * `leastEffect` of what a weight of 1 does for an unseen, so rarest, feature.
 */
export function compact(model: SoftmaxModel, weighting: Weighting, leastEffect: number): Member {
  const classes = model.bias.length;
  const columns = weighting.weights.length;
  const starts = new Int32Array(columns + 1);
  const scales = new Float32Array(columns);
  const classOf: number[] = [];
  const weights: number[] = [];
  for (let column = 0; column < columns; column++) {
    const base = column * classes;
    let largest = 0;
    for (let k = 0; k < classes; k++) largest = Math.max(largest, Math.abs(model.weights[base + k]!));
    scales[column] = largest / 127;
    const leastHere = (leastEffect * weighting.unseen) / weighting.weights[column]!;
    for (let k = 0; k < classes; k++) {
      const weight = model.weights[base + k]!;
      if (Math.abs(weight) < leastHere) continue;
      classOf.push(k);
      weights.push(Math.round((weight * 127) / largest));
    }
    starts[column + 1] = weights.length;
  }
  return {
    weighting,
    starts,
    classOf: Uint16Array.from(classOf),
    weights: Int8Array.from(weights),
    scales,
    bias: model.bias,
  };
}

/** Makes the tables that classifying needs, once per head. */
export function createScorer(head: Pick<Head, 'vocabulary' | 'classes' | 'members'>): (text: string) => Scores {
  const { vocabulary, members } = head;
  const index = createHashIndex(vocabulary.hashes.length);
  for (const hash of vocabulary.hashes) index.add(hash);
  const found: Found = {
    columns: new Int32Array(vocabulary.hashes.length),
    views: new Uint8Array(vocabulary.hashes.length),
    values: new Float64Array(vocabulary.hashes.length),
    counts: new Uint16Array(vocabulary.hashes.length),
    length: 0,
    unseen: new Float64Array(viewCount),
  };
  const result: Scores = { classes: new Float64Array(head.classes), seenShare: 0 };

  function note(hash: number, view: number): void {
    const column = index.find(hash);
    if (column < 0) {
      found.unseen[view] = found.unseen[view]! + 1;
      return;
    }
    if (found.counts[column] === 0) {
      found.views[found.length] = view;
      found.columns[found.length++] = column;
    }
    found.counts[column] = found.counts[column]! + 1;
  }

  return (text) => {
    found.length = 0;
    found.unseen.fill(0);
    eachFeature(text, note);
    result.classes.fill(0);
    result.seenShare = 0;
    for (const member of members) addScores(member, found, 1 / members.length, result);
    for (let i = 0; i < found.length; i++) found.counts[found.columns[i]!] = 0;
    return result;
  };
}

/** Features of the text at hand. Tables by column lie far apart in memory; what is needed more than once is kept in order of finding. */
type Found = {
  columns: Int32Array;
  views: Uint8Array;
  /** Weighted counts, written by each member in turn. */
  values: Float64Array;
  /** By column, else 0; no text is long enough for one to pass 16 bits. */
  counts: Uint16Array;
  length: number;
  /** Occurrences of features that training has not seen, by view. */
  unseen: Float64Array;
};

const squares = new Float64Array(viewCount);

function addScores(member: Member, found: Found, share: number, into: Scores): void {
  const { weighting, starts, classOf, weights, scales, bias } = member;
  const { columns, views, values, counts, length } = found;
  const { classes } = into;
  for (let view = 0; view < viewCount; view++) squares[view] = found.unseen[view]! * weighting.unseen ** 2;
  for (let i = 0; i < length; i++) {
    const column = columns[i]!;
    const count = counts[column]!;
    // As in `Corpus.counts`; nearly all counts are 1.
    const value = (count === 1 ? 1 : 1 + Math.log(count)) * weighting.weights[column]!;
    values[i] = value;
    squares[views[i]!] = squares[views[i]!]! + value * value;
  }
  scaleViews(squares, weighting.views);
  for (let k = 0; k < classes.length; k++) classes[k] = classes[k]! + share * bias[k]!;
  let seen = 0;
  for (let i = 0; i < length; i++) {
    const column = columns[i]!;
    const value = values[i]! * squares[views[i]!]!;
    seen += value * value;
    const factor = share * value * scales[column]!;
    const end = starts[column + 1]!;
    for (let at = starts[column]!; at < end; at++) {
      const k = classOf[at]!;
      classes[k] = classes[k]! + factor * weights[at]!;
    }
  }
  into.seenShare += share * seen;
}

/** How a head judges a text: with its embedding where there is one of the head's model, else by the n-grams alone, which are calibrated for that. */
export function createVerdict(head: Head) {
  const score = createScorer(head);
  const fromVector = new Float64Array(head.classes);
  return (text: string, embedding?: { modelSha256: string; vector: Embedding }): Classification => {
    const said = score(text);
    const { dense } = head;
    if (!dense || embedding?.modelSha256 !== dense.member.modelSha256) return judge(head, said, head.report.threshold);
    scoreDense(dense.member, embedding.vector, fromVector);
    const scores = { ...said, classes: mixScores(said.classes, fromVector, dense.share) };
    return judge({ ...dense, labels: head.labels }, scores, dense.report.threshold);
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
  const even = head.scope ? noneProbability(head.scope, signsOf(scores, head.labels.length, head.temperature)) : 0;
  const isNone = head.scope !== undefined && even >= head.scope.threshold;
  const none = usualNoneProbability(even);
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
