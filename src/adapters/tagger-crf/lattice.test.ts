import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  beginOf,
  insideOf,
  latticeOf,
  likeliestSpan,
  markStates,
  statesOf,
  stepsOf,
  transitionAt,
  transitionsOf,
} from './lattice.ts';

const fields = 2;
const states = statesOf(fields);

/** Scores without a pattern, the same at every run. */
const scores = (count: number, seed: number) =>
  Float64Array.from({ length: count }, (_, i) => 2 * Math.sin(seed + i * i));

/** Every sequence of states and its weight, the slow way. */
function* readings(
  emit: Float64Array,
  step: Float32Array,
  length: number,
  from: number[] = [],
): Generator<[number[], number]> {
  if (from.length === length) {
    let sum = 0;
    for (const [i, y] of from.entries())
      sum += emit[i * states + y]! + step[transitionAt(fields, i === 0 ? -1 : from[i - 1]!, y)!]!;
    yield [from, Math.exp(sum)];
    return;
  }
  for (let y = 0; y < states; y++)
    if (transitionAt(fields, from.at(-1) ?? -1, y) !== undefined) yield* readings(emit, step, length, [...from, y]);
}

test('the probability of a place is the share of all readings in which the field stands exactly there', () => {
  for (const length of [1, 2, 4]) {
    const emit = scores(length * states, length);
    const step = Float32Array.from(scores(transitionsOf(fields), 7));
    const all = [...readings(emit, step, length)];
    const sum = all.reduce((total, [, weight]) => total + weight, 0);
    const lattice = latticeOf(emit.slice(), stepsOf(step), fields);
    for (let field = 0; field < fields; field++) {
      let best = { first: -1, last: -1, probability: 0 };
      for (let first = 0; first < length; first++) {
        for (let last = first; last < length; last++) {
          const exactly = all.filter(
            ([y]) =>
              y[first] === beginOf(field) &&
              y.slice(first + 1, last + 1).every((state) => state === insideOf(field)) &&
              y[last + 1] !== insideOf(field),
          );
          const probability = exactly.reduce((total, [, weight]) => total + weight, 0) / sum;
          if (probability > best.probability) best = { first, last, probability };
        }
      }
      const found = likeliestSpan(lattice, field)!;
      assert.deepEqual([found.first, found.last], [best.first, best.last]);
      assert.ok(Math.abs(found.probability - best.probability) < 1e-9, `${found.probability} ${best.probability}`);
    }
  }
});

test('a field goes on only behind its own beginning, and every possible transition has a weight', () => {
  const at = (from: number, to: number) => transitionAt(fields, from, to);
  for (const from of [-1, 0, beginOf(1), insideOf(1)]) assert.equal(at(from, insideOf(0)), undefined);
  const places = new Set<number>();
  for (let from = -1; from < states; from++)
    for (let to = 0; to < states; to++) if (at(from, to) !== undefined) places.add(at(from, to)!);
  assert.deepEqual(
    [...places].sort((a, b) => a - b),
    Array.from({ length: transitionsOf(fields) }, (_, i) => i),
  );
});

test('scores that are far apart give probabilities, not infinities', () => {
  const emit = new Float64Array(500 * states).map((_, i) => (i % 3) * 400);
  const found = likeliestSpan(latticeOf(emit, stepsOf(new Float32Array(transitionsOf(fields))), fields), 0);
  assert.ok(found === undefined || (found.probability >= 0 && found.probability <= 1));
});

test('a mark covers the tokens it touches, and of marks that overlap the first counts', () => {
  const tokens = [0, 2, 4, 6].map((start) => ({ start, end: start + 1 }));
  const marks = [
    { field: 1, start: 2, end: 5 },
    { field: 0, start: 4, end: 7 },
  ];
  assert.deepEqual([...markStates(tokens, marks)], [0, beginOf(1), insideOf(1), beginOf(0)]);
  assert.deepEqual(
    [...markStates(tokens, [{ field: 0, start: 1, end: 2 }])],
    [0, 0, 0, 0],
    'between two tokens is nothing',
  );
});
