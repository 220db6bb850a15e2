import type { Embedding } from '#ports/embedder.ts';
import type { TextEmbeddings } from '#ports/text-classifier.ts';
import { type SoftmaxSettings, trainSoftmax } from '../softmax.ts';
import type { Design } from '../weighting.ts';

/** A softmax regression over the embedding of a text, beside those over its n-grams. */
export type DenseMember = {
  /** Of the embedding model: vectors of another one say nothing to these weights. */
  modelSha256: string;
  /** Of the examples' embeddings, taken off every embedding: what all texts of a form have in common tells no label. */
  mean: Float32Array;
  /** Rounded; the weight of class k for dimension d is `scales[d] * weights[d * classes + k]`. */
  weights: Int8Array;
  scales: Float32Array;
  bias: Float32Array;
};

/** Centred embeddings of one form are short (0.6 to 0.9): lengthened, they need no longer steps than the rows of n-grams. */
const stretch = 2;

export function trainDense(
  { modelSha256, vectors }: TextEmbeddings,
  rows: Int32Array,
  targets: Int32Array,
  classes: number,
  settings: SoftmaxSettings,
): DenseMember {
  const mean = meanOf(vectors, rows);
  const { weights, bias } = trainSoftmax(designOf(vectors, rows, mean), targets, mean.length, classes, settings);
  const scales = new Float32Array(mean.length);
  const rounded = new Int8Array(weights.length);
  for (let d = 0; d < mean.length; d++) {
    const own = weights.subarray(d * classes, (d + 1) * classes);
    const largest = own.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
    if (largest === 0) continue;
    for (let k = 0; k < classes; k++) rounded[d * classes + k] = Math.round((own[k]! * 127) / largest);
    scales[d] = (largest / 127) * stretch;
  }
  return { modelSha256, mean, weights: rounded, scales, bias };
}

function meanOf(vectors: readonly Embedding[], rows: Int32Array): Float32Array {
  const mean = new Float32Array(vectors[rows[0]!]!.length);
  for (const row of rows) for (let d = 0; d < mean.length; d++) mean[d] = mean[d]! + vectors[row]![d]! / rows.length;
  return mean;
}

function designOf(vectors: readonly Embedding[], rows: Int32Array, mean: Float32Array): Design {
  const size = mean.length;
  const columns = new Int32Array(rows.length * size);
  const values = new Float32Array(rows.length * size);
  for (let r = 0; r < rows.length; r++) {
    const vector = vectors[rows[r]!]!;
    for (let d = 0; d < size; d++) {
      columns[r * size + d] = d;
      values[r * size + d] = stretch * (vector[d]! - mean[d]!);
    }
  }
  return { starts: Int32Array.from({ length: rows.length + 1 }, (_, r) => r * size), columns, values };
}

/** Scores of the classes, written into `into`. */
export function scoreDense({ mean, weights, scales, bias }: DenseMember, vector: Embedding, into: Float64Array): void {
  const classes = into.length;
  into.set(bias);
  for (let d = 0; d < mean.length; d++) {
    const value = (vector[d]! - mean[d]!) * scales[d]!;
    const base = d * classes;
    for (let k = 0; k < classes; k++) into[k] = into[k]! + value * weights[base + k]!;
  }
}

/** Scores of n-grams and of the embedding, averaged: `share` is that of the embedding. */
export function mixScores(ngram: Float64Array, dense: Float64Array, share: number): Float64Array {
  return ngram.map((score, k) => (1 - share) * score + share * dense[k]!);
}
