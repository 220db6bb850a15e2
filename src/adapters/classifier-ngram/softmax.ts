import { seededRandom, shuffle } from './random.ts';
import type { Design } from './weighting.ts';

export type SoftmaxSettings = {
  /** Passes over the rows. */
  epochs: number;
  /** Length of the first step; it falls in a straight line to 0 at the last one. */
  rate: number;
  /** Weight decay (L2) per step, relative to the step length. */
  decay: number;
  /** Share of a row's values that each visit leaves out, 0…1, so that no single feature is relied on. */
  dropout: number;
  seed: number;
};

/** `weights[column * classes + k]`. */
export type SoftmaxModel = { weights: Float32Array; bias: Float32Array };

// Gradients below this move nothing that is still there after rounding to 8 bits; leaving them out makes a step some three times cheaper.
const leastGradient = 1e-4;

/** Softmax regression by stochastic gradient descent. The rows of `design` have the classes `targets`. */
export function trainSoftmax(
  design: Design,
  targets: Int32Array,
  columnCount: number,
  classes: number,
  settings: SoftmaxSettings,
): SoftmaxModel {
  const weights = new Float32Array(columnCount * classes);
  const bias = new Float32Array(classes);
  const scores = new Float64Array(classes);
  const order = Int32Array.from(targets, (_, row) => row);
  const random = seededRandom(settings.seed);
  const steps = settings.epochs * order.length;
  const row = { columns: new Int32Array(0), values: new Float64Array(0), length: 0 };
  // Decay shrinks one factor instead of all weights.
  let scale = 1;
  for (let step = 0; step < steps; step++) {
    if (step % order.length === 0) shuffle(order, random);
    const at = order[step % order.length]!;
    takeRow(design, at, settings.dropout, random, row);
    scoreRow(row, weights, scale, bias, scores);
    const rate = settings.rate * (1 - step / steps);
    scale *= 1 - rate * settings.decay;
    descend(row, scores, targets[at]!, rate, scale, weights, bias);
  }
  for (let i = 0; i < weights.length; i++) weights[i] = weights[i]! * scale;
  return { weights, bias };
}

type Row = { columns: Int32Array; values: Float64Array; length: number };

/** Copies what dropout leaves of a row; the rest is lengthened to make up for it. */
function takeRow(design: Design, at: number, dropout: number, random: () => number, row: Row): void {
  const from = design.starts[at]!;
  const to = design.starts[at + 1]!;
  if (row.columns.length < to - from) {
    row.columns = new Int32Array((to - from) * 2);
    row.values = new Float64Array((to - from) * 2);
  }
  const factor = 1 / (1 - dropout);
  row.length = 0;
  for (let i = from; i < to; i++) {
    if (dropout > 0 && random() < dropout) continue;
    row.columns[row.length] = design.columns[i]!;
    row.values[row.length++] = design.values[i]! * factor;
  }
}

/** Leaves the probabilities of the classes in `scores`. */
function scoreRow(row: Row, weights: Float32Array, scale: number, bias: Float32Array, scores: Float64Array): void {
  const classes = scores.length;
  scores.fill(0);
  for (let i = 0; i < row.length; i++) {
    const value = row.values[i]!;
    const base = row.columns[i]! * classes;
    for (let k = 0; k < classes; k++) scores[k] = scores[k]! + value * weights[base + k]!;
  }
  let top = -Infinity;
  for (let k = 0; k < classes; k++) {
    const score = scores[k]! * scale + bias[k]!;
    scores[k] = score;
    if (score > top) top = score;
  }
  let total = 0;
  for (let k = 0; k < classes; k++) {
    const e = Math.exp(scores[k]! - top);
    scores[k] = e;
    total += e;
  }
  for (let k = 0; k < classes; k++) scores[k] = scores[k]! / total;
}

function descend(
  row: Row,
  probabilities: Float64Array,
  target: number,
  rate: number,
  scale: number,
  weights: Float32Array,
  bias: Float32Array,
): void {
  const classes = probabilities.length;
  for (let k = 0; k < classes; k++) {
    const gradient = probabilities[k]! - (k === target ? 1 : 0);
    if (Math.abs(gradient) < leastGradient) continue;
    // The bias is one feature of every text: a short step keeps it from swinging.
    bias[k] = bias[k]! - 0.05 * rate * gradient;
    const length = (rate * gradient) / scale;
    for (let i = 0; i < row.length; i++) {
      const place = row.columns[i]! * classes + k;
      weights[place] = weights[place]! - length * row.values[i]!;
    }
  }
}
