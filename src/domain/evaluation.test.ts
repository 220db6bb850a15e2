import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  abstentionCurve,
  accuracy,
  calibrationError,
  type FieldCase,
  fieldScores,
  type Judged,
  labelScores,
  macroF1,
  verdictScore,
} from './evaluation.ts';

const near = (value: number | undefined, wanted: number) => assert.ok(Math.abs(value! - wanted) < 1e-12, `${value}`);
const judged = (...rows: [target: string | null, label: string | null, confidence: number][]): Judged[] =>
  rows.map(([target, label, confidence]) => ({ target, label, confidence }));

/* Five texts: a a a b none; said: a a b b a. */
const five = judged(['a', 'a', 0.95], ['a', 'a', 0.7], ['a', 'b', 0.55], ['b', 'b', 0.9], [null, 'a', 0.6]);

test('accuracy is the share of right labels, "none" is a label like the others', () => {
  near(accuracy(five), 3 / 5);
  near(accuracy(judged([null, null, 1])), 1);
  assert.equal(accuracy([]), undefined);
});

test('precision, recall and F1 of each label, the worst first', () => {
  const [none, a, b] = labelScores(five);
  // a: 3 wanted, 3 said, 2 right. b: 1 wanted, 2 said, 1 right. none: 1 wanted, never said.
  assert.deepEqual([a!.label, a!.texts, a!.said], ['a', 3, 3]);
  near(a!.precision, 2 / 3);
  near(a!.recall, 2 / 3);
  near(a!.f1, 2 / 3);
  assert.deepEqual([b!.label, b!.precision, b!.recall], ['b', 1 / 2, 1]);
  near(b!.f1, 2 / 3);
  assert.deepEqual([none!.label, none!.precision, none!.recall, none!.f1], [null, undefined, 0, 0]);
});

test('macro-F1 counts a rare label as much as a frequent one, and no label that no text has', () => {
  near(macroF1(five), (2 / 3 + 2 / 3 + 0) / 3);
  // c was said, and no text has it: it costs the precision of nobody but the recall of a.
  near(macroF1(judged(['a', 'a', 1], ['a', 'c', 1])), 2 / 3);
  assert.equal(macroF1([]), undefined);
});

test('the calibration error is the gap between confidence and accuracy, weighted by the size of the bins', () => {
  // Two bins: 0.2 wrong and 0.4 right (mean 0.3, half right), 0.8 and 1 right (mean 0.9, all right).
  const outcomes = [
    { confidence: 0.2, right: false },
    { confidence: 0.4, right: true },
    { confidence: 0.8, right: true },
    { confidence: 1, right: true },
  ];
  near(calibrationError(outcomes, 2), 0.5 * 0.2 + 0.5 * 0.1);
  // Fifteen bins: each of the four stands alone.
  near(calibrationError(outcomes), (0.2 + 0.6 + 0.2 + 0) / 4);
  assert.equal(calibrationError([]), 0);
});

test('the abstention curve says how many would still be answered, and how many of these rightly', () => {
  const [low, middle, high, none] = abstentionCurve(five, [0.5, 0.65, 0.95, 0.99]);
  assert.deepEqual(low, { threshold: 0.5, answered: 1, accuracy: 3 / 5 });
  assert.deepEqual(middle, { threshold: 0.65, answered: 3 / 5, accuracy: 1 });
  assert.deepEqual(high, { threshold: 0.95, answered: 1 / 5, accuracy: 1 }, 'at the threshold is above it');
  assert.deepEqual(none, { threshold: 0.99, answered: 0, accuracy: undefined });
});

test('a report holds the worst labels and no more', () => {
  const many = Array.from({ length: 12 }, (_, i): Judged => ({ target: `l${i}`, label: 'l0', confidence: 0.5 }));
  const { worst, texts } = verdictScore(many);
  assert.deepEqual([worst.length, texts], [10, 12]);
  assert.ok(worst.every(({ label }) => label !== 'l0'));
});

test('fields are scored by tier: a wrong value is found in vain and missed', () => {
  const of = (expected: string | undefined, found: string | undefined, tier = 'rules'): FieldCase => ({
    field: 'day',
    tier,
    expected,
    found,
  });
  const [rules, llm] = fieldScores([
    of('1', '1'),
    of('2', '3'),
    of('4', undefined),
    of(undefined, '5'),
    of(undefined, undefined),
    of('4', '4', 'llm'),
  ]);
  assert.deepEqual([rules!.texts, rules!.wanted, rules!.found, rules!.right], [5, 3, 3, 1]);
  near(rules!.precision, 1 / 3);
  near(rules!.recall, 1 / 3);
  near(rules!.f1, 1 / 3);
  assert.deepEqual([llm!.tier, llm!.f1], ['llm', 1]);
  const [nothing] = fieldScores([of(undefined, undefined)]);
  assert.deepEqual([nothing!.precision, nothing!.recall, nothing!.f1], [undefined, undefined, 0]);
});
