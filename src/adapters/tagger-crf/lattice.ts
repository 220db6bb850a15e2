/*
 * A linear-chain conditional random field. State 0 is "no field"; 1 + 2f begins field f, 2 + 2f goes on in it, which is only possible behind a
 * beginning or a going on of the same field. From where a text is (in no field, in field f, at its start) it comes to every state but these by a weight of
 * its own, whether field f has just begun or gone on: with 30 fields that is a quarter of the work of a weight for each pair of states.
 */
export const statesOf = (fields: number): number => 1 + 2 * fields;
export const beginOf = (field: number): number => 1 + 2 * field;
export const insideOf = (field: number): number => 2 + 2 * field;

/** How many weights transitions have. */
export const transitionsOf = (fields: number): number => (fields + 2) * (fields + 1) + 2 * fields;

/** Place of the weight of a transition; `from` -1: the start of the text. Undefined: not possible. */
export function transitionAt(fields: number, from: number, to: number): number | undefined {
  const groups = fields + 1;
  if (to > 0 && to % 2 === 0) {
    const field = to / 2 - 1;
    if (from === beginOf(field)) return innerAt(fields, field);
    return from === to ? innerAt(fields, field) + 1 : undefined;
  }
  return (from === -1 ? groups : (from + 1) >> 1) * groups + ((to + 1) >> 1);
}

/** From the beginning of a field into it; the next one goes on in it. */
const innerAt = (fields: number, field: number): number => (fields + 2) * (fields + 1) + 2 * field;

/** Probabilities of all readings of one text. Each row of `alpha` sums to 1; `scales` are what they were divided by. */
export type Lattice = {
  length: number;
  fields: number;
  states: number;
  /** exp of the scores of the tokens, each row divided by its largest. */
  emit: Float64Array;
  /** exp of the weights of transitions. */
  step: Float64Array;
  alpha: Float64Array;
  beta: Float64Array;
  scales: Float64Array;
};

export const stepsOf = (transitions: Float32Array): Float64Array => Float64Array.from(transitions, Math.exp);

/** Forward-backward over `scores` (`length × states`), which is overwritten. */
export function latticeOf(scores: Float64Array, step: Float64Array, fields: number): Lattice {
  const states = statesOf(fields);
  const length = scores.length / states;
  const emit = exponentials(scores, states);
  const [alpha, beta] = [new Float64Array(scores.length), new Float64Array(scores.length)];
  const lattice = { length, fields, states, emit, step, alpha, beta, scales: new Float64Array(length) };
  for (let i = 0; i < length; i++) forward(lattice, i);
  for (let i = length - 1; i >= 0; i--) backward(lattice, i);
  return lattice;
}

/** How probable it is to be in no field, and in each field, up to token i; at the start of a text nowhere. */
export function groupsBefore({ fields, states, alpha }: Lattice, i: number): Float64Array {
  const groups = new Float64Array(fields + 2);
  if (i === 0) {
    groups[fields + 1] = 1;
    return groups;
  }
  const row = (i - 1) * states;
  groups[0] = alpha[row]!;
  for (let f = 0; f < fields; f++) groups[f + 1] = alpha[row + beginOf(f)]! + alpha[row + insideOf(f)]!;
  return groups;
}

function forward(lattice: Lattice, i: number): void {
  const { fields, states, emit, step, alpha, scales } = lattice;
  const row = i * states;
  const before = groupsBefore(lattice, i);
  let sum = 0;
  for (let to = 0; to <= fields; to++) {
    let into = 0;
    for (let from = 0; from < before.length; from++) into += before[from]! * step[from * (fields + 1) + to]!;
    const at = row + (to === 0 ? 0 : beginOf(to - 1));
    alpha[at] = into * emit[at]!;
    sum += alpha[at]!;
  }
  for (let f = 0; i > 0 && f < fields; f++) {
    const inner = innerAt(fields, f);
    const from = row - states + beginOf(f);
    const at = row + insideOf(f);
    alpha[at] = (alpha[from]! * step[inner]! + alpha[from + 1]! * step[inner + 1]!) * emit[at]!;
    sum += alpha[at]!;
  }
  scales[i] = sum;
  for (let y = 0; y < states; y++) alpha[row + y]! /= sum;
}

function backward({ length, fields, states, emit, step, beta, scales }: Lattice, i: number): void {
  const row = i * states;
  if (i === length - 1) {
    beta.fill(1, row, row + states);
    return;
  }
  const next = row + states;
  const scale = scales[i + 1]!;
  for (let from = 0; from <= fields; from++) {
    let out = step[from * (fields + 1)]! * emit[next]! * beta[next]!;
    for (let f = 0; f < fields; f++)
      out += step[from * (fields + 1) + f + 1]! * emit[next + beginOf(f)]! * beta[next + beginOf(f)]!;
    if (from === 0) {
      beta[row] = out / scale;
      continue;
    }
    const inside = next + insideOf(from - 1);
    const goesOn = emit[inside]! * beta[inside]!;
    const inner = innerAt(fields, from - 1);
    beta[row + beginOf(from - 1)] = (out + step[inner]! * goesOn) / scale;
    beta[row + insideOf(from - 1)] = (out + step[inner + 1]! * goesOn) / scale;
  }
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
  const { length, fields, states, emit, step, alpha, beta, scales } = lattice;
  const [begin, inside, inner] = [beginOf(field), insideOf(field), innerAt(fields, field)];
  /** From token i of the field, `begun` there or before, to the next one. */
  const goingOn = (i: number, begun: boolean) =>
    (step[begun ? inner : inner + 1]! * emit[(i + 1) * states + inside]!) / scales[i + 1]!;
  let best: Span | undefined;
  for (let first = 0; first < length; first++) {
    const at = first * states + begin;
    if (alpha[at]! * beta[at]! < least) continue;
    let path = alpha[at]!;
    for (let last = first; last < length; last++) {
      if (last > first) path *= goingOn(last - 1, last - 1 === first);
      const state = last === first ? begin : inside;
      const all = path * beta[last * states + state]!;
      if (all < least) break;
      const further =
        last === length - 1 ? 0 : path * goingOn(last, last === first) * beta[(last + 1) * states + inside]!;
      const probability = Math.min(1, Math.max(0, all - further));
      if (probability >= least && (!best || probability > best.probability)) best = { first, last, probability };
    }
  }
  return best;
}
