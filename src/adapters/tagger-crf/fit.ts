import { type Lattice, latticeOf, scoresOf, stepsOf } from './lattice.ts';
import type { Model } from './model.ts';
import { settings } from './settings.ts';

/** A text as columns of the model, by token, and the state that each token is in. */
export type Sequence = { columns: Int32Array[]; states: Uint16Array };

/** Fits the weights by AdaGrad on the likelihood of the marked states. Deterministic. */
export function fit(
  sequences: readonly Sequence[],
  columns: number,
  states: number,
): Pick<Model, 'weights' | 'transitions'> {
  const weights = new Float32Array(columns * states);
  const transitions = new Float32Array((states + 1) * states);
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
      const lattice = latticeOf(scoresOf(rows, weights, states), stepsOf(transitions, states), states);
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

function updateSteps(
  { length, states, alpha, beta, emit, step, scales }: Lattice,
  marked: ArrayLike<number>,
  transitions: Float32Array,
  sums: Float32Array,
): void {
  const slopes = new Float64Array(transitions.length);
  for (let y = 0; y < states; y++) slopes[states * states + y] = alpha[y]! * beta[y]!;
  slopes[states * states + marked[0]!]! -= 1;
  for (let i = 1; i < length; i++) {
    const row = i * states;
    for (let from = 0; from < states; from++) {
      const before = alpha[row - states + from]! / scales[i]!;
      if (before === 0) continue;
      for (let to = 0; to < states; to++)
        slopes[from * states + to]! += before * step[from * states + to]! * emit[row + to]! * beta[row + to]!;
    }
    slopes[marked[i - 1]! * states + marked[i]!]! -= 1;
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
