import {
  beginOf,
  groupsBefore,
  insideOf,
  type Lattice,
  latticeOf,
  scoresOf,
  statesOf,
  stepsOf,
  transitionAt,
  transitionsOf,
} from './lattice.ts';
import type { Model } from './model.ts';
import { settings } from './settings.ts';

/** A text as columns of the model, by token, and the state that each token is in. */
export type Sequence = { columns: Int32Array[]; states: Uint16Array };

/** Fits the weights by AdaGrad on the likelihood of the marked states. Deterministic. */
export function fit(
  sequences: readonly Sequence[],
  columns: number,
  fields: number,
): Pick<Model, 'weights' | 'transitions'> {
  const states = statesOf(fields);
  const weights = new Float32Array(columns * states);
  const transitions = new Float32Array(transitionsOf(fields));
  const sums = new Float32Array(weights.length);
  const stepSums = new Float32Array(transitions.length);
  const decay = decays(sequences, columns);
  const order = sequences.map((_, i) => i);
  const random = randomFrom(sequences.length + 1);
  const gradient = new Float64Array(states);
  const epochs = epochsFor(sequences, states);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (const index of order) {
      const { columns: rows, states: marked } = sequences[index]!;
      if (rows.length === 0) continue;
      const lattice = latticeOf(scoresOf(rows, weights, states), stepsOf(transitions), fields);
      for (let i = 0; i < rows.length; i++) {
        for (let y = 0; y < states; y++) gradient[y] = lattice.alpha[i * states + y]! * lattice.beta[i * states + y]!;
        gradient[marked[i]!]! -= 1;
        for (const column of rows[i]!) update(weights, sums, column * states, gradient, decay[column]!);
      }
      updateSteps(lattice, marked, transitions, stepSums);
    }
  }
  return { weights, transitions };
}

function update(weights: Float32Array, sums: Float32Array, from: number, gradient: Float64Array, decay: number): void {
  for (let y = 0; y < gradient.length; y++) {
    const at = from + y;
    const slope = gradient[y]! + decay * weights[at]!;
    sums[at]! += slope * slope;
    weights[at]! -= (settings.rate * slope) / (1e-3 + Math.sqrt(sums[at]!));
  }
}

function updateSteps(lattice: Lattice, marked: Uint16Array, transitions: Float32Array, sums: Float32Array): void {
  const { length, fields, states, alpha, beta, emit, step, scales } = lattice;
  const slopes = new Float64Array(transitions.length);
  for (let i = 0; i < length; i++) {
    const row = i * states;
    const before = groupsBefore(lattice, i);
    for (let to = 0; to <= fields; to++) {
      const at = row + (to === 0 ? 0 : beginOf(to - 1));
      const onwards = (emit[at]! * beta[at]!) / scales[i]!;
      for (let from = 0; from < before.length; from++)
        slopes[from * (fields + 1) + to]! += before[from]! * step[from * (fields + 1) + to]! * onwards;
    }
    for (let f = 0; i > 0 && f < fields; f++) {
      const onwards = (emit[row + insideOf(f)]! * beta[row + insideOf(f)]!) / scales[i]!;
      const at = transitionAt(fields, beginOf(f), insideOf(f))!;
      slopes[at]! += alpha[row - states + beginOf(f)]! * step[at]! * onwards;
      slopes[at + 1]! += alpha[row - states + insideOf(f)]! * step[at + 1]! * onwards;
    }
    slopes[transitionAt(fields, i === 0 ? -1 : marked[i - 1]!, marked[i]!)!]! -= 1;
  }
  for (let at = 0; at < slopes.length; at++) {
    const slope = slopes[at]!;
    if (slope === 0) continue;
    sums[at]! += slope * slope;
    transitions[at]! -= (settings.rate * slope) / (1e-3 + Math.sqrt(sums[at]!));
  }
}

/** Fewer passes over many examples: they see as much. */
function epochsFor(sequences: readonly Sequence[], states: number): number {
  const tokens = sequences.reduce((sum, { states }) => sum + states.length, 0);
  return Math.max(3, Math.min(settings.epochs, Math.floor(settings.work / (1 + tokens * states))));
}

/** The pull on a weight is spread over the places where its column occurs. */
function decays(sequences: readonly Sequence[], columns: number): Float32Array {
  const touches = new Float32Array(columns);
  for (const { columns: rows } of sequences) for (const row of rows) for (const column of row) touches[column]! += 1;
  return touches.map((count) => settings.decay / Math.max(1, count));
}

/** Numbers from 0 to 1, always the same ones for a seed (a linear congruence, modulus 2^32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function shuffle(order: number[], random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}
