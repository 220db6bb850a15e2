/*
 * A linear-chain conditional random field. State 0 is "no field"; 1 + 2f begins field f, 2 + 2f goes on in it. Going on is only possible
 * behind a beginning or a going on of the same field.
 */
export const statesOf = (fields: number): number => 1 + 2 * fields;
export const beginOf = (field: number): number => 1 + 2 * field;
export const insideOf = (field: number): number => 2 + 2 * field;

/** `from` -1: the start of the text. */
export function mayFollow(from: number, to: number): boolean {
  const goesOn = to > 0 && to % 2 === 0;
  return !goesOn || from === to || from === to - 1;
}

/** Probabilities of all readings of one text. Each row of `alpha` sums to 1; `scales` are what they were divided by. */
export type Lattice = {
  length: number;
  states: number;
  /** exp of the scores of the tokens, each row divided by its largest. */
  emit: Float64Array;
  /** exp of the scores of the transitions, 0 where one is not possible; row `states` is the start. */
  step: Float64Array;
  alpha: Float64Array;
  beta: Float64Array;
  scales: Float64Array;
};

/** exp of transition scores: `(states + 1) × states`, the last row for the start. */
export function stepsOf(transitions: Float32Array, states: number): Float64Array {
  const steps = new Float64Array((states + 1) * states);
  for (let from = 0; from <= states; from++) {
    for (let to = 0; to < states; to++) {
      const possible = mayFollow(from === states ? -1 : from, to);
      steps[from * states + to] = possible ? Math.exp(transitions[from * states + to]!) : 0;
    }
  }
  return steps;
}

/** Forward-backward over `scores` (`length × states`), which is overwritten. */
export function latticeOf(scores: Float64Array, step: Float64Array, states: number): Lattice {
  const length = scores.length / states;
  const emit = exponentials(scores, states);
  const alpha = new Float64Array(length * states);
  const beta = new Float64Array(length * states);
  const scales = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const row = i * states;
    let sum = 0;
    for (let to = 0; to < states; to++) {
      let into = 0;
      if (i === 0) into = step[states * states + to]!;
      else for (let from = 0; from < states; from++) into += alpha[row - states + from]! * step[from * states + to]!;
      alpha[row + to] = into * emit[row + to]!;
      sum += alpha[row + to]!;
    }
    scales[i] = sum;
    for (let to = 0; to < states; to++) alpha[row + to]! /= sum;
  }
  for (let i = length - 1; i >= 0; i--) {
    const row = i * states;
    for (let from = 0; from < states; from++) {
      let out = 1;
      if (i < length - 1) {
        out = 0;
        for (let to = 0; to < states; to++)
          out += step[from * states + to]! * emit[row + states + to]! * beta[row + states + to]!;
        out /= scales[i + 1]!;
      }
      beta[row + from] = out;
    }
  }
  return { length, states, emit, step, alpha, beta, scales };
}

function exponentials(scores: Float64Array, states: number): Float64Array {
  for (let row = 0; row < scores.length; row += states) {
    let most = Number.NEGATIVE_INFINITY;
    for (let y = 0; y < states; y++) most = Math.max(most, scores[row + y]!);
    for (let y = 0; y < states; y++) scores[row + y] = Math.exp(scores[row + y]! - most);
  }
  return scores;
}

/** Scores of the states of each token: what its columns weigh together. */
export function scoresOf(rows: readonly Int32Array[], weights: Float32Array, states: number): Float64Array {
  const scores = new Float64Array(rows.length * states);
  for (let i = 0; i < rows.length; i++) {
    for (const column of rows[i]!) {
      const from = column * states;
      for (let y = 0; y < states; y++) scores[i * states + y]! += weights[from + y]!;
    }
  }
  return scores;
}

/** Beginning and going on, at the tokens that a mark touches; of marks that overlap the first counts. */
export function markStates(
  tokens: readonly { start: number; end: number }[],
  marks: readonly { field: number; start: number; end: number }[],
): Uint16Array {
  const states = new Uint16Array(tokens.length);
  for (const { field, start, end } of marks) {
    let state = beginOf(field);
    for (const [i, token] of tokens.entries()) {
      if (token.start >= end || token.end <= start || states[i] !== 0) continue;
      states[i] = state;
      state = insideOf(field);
    }
  }
  return states;
}

export type Span = { first: number; last: number; probability: number };

// A field that begins here with less than this is not looked at.
const least = 0.02;

/** The place at which the field stands most probably: the probability that it is exactly there. Undefined: nowhere with 2 % or more. */
export function likeliestSpan(lattice: Lattice, field: number): Span | undefined {
  const { length, states, emit, step, alpha, beta, scales } = lattice;
  const [begin, inside] = [beginOf(field), insideOf(field)];
  let best: Span | undefined;
  for (let first = 0; first < length; first++) {
    const at = first * states + begin;
    if (alpha[at]! * beta[at]! < least) continue;
    let path = alpha[at]!;
    for (let last = first, state = begin; last < length; last++, state = inside) {
      if (last > first) {
        const from = last === first + 1 ? begin : inside;
        path *= (step[from * states + inside]! * emit[last * states + inside]!) / scales[last]!;
      }
      if (path < least / 10) break;
      const all = beta[last * states + state]!;
      const goesOn =
        last === length - 1
          ? 0
          : (step[state * states + inside]! *
              emit[(last + 1) * states + inside]! *
              beta[(last + 1) * states + inside]!) /
            scales[last + 1]!;
      const probability = Math.min(1, path * Math.max(0, all - goesOn));
      if (probability >= least && (!best || probability > best.probability)) best = { first, last, probability };
    }
  }
  return best;
}
