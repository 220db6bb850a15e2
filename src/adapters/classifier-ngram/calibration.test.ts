import assert from 'node:assert/strict';
import test from 'node:test';
import { calibrationError } from '#domain/evaluation.ts';
import { abstainThreshold, fitTemperature, logLoss, softmax } from './calibration.ts';
import { seededRandom } from './random.ts';

/** Scores of a model whose probabilities are right at the temperature `sureness`, with classes drawn from them. */
function sample(rows: number, sureness: number) {
  const random = seededRandom(11);
  const scores: Float64Array[] = [];
  const targets: number[] = [];
  const probabilities = new Float64Array(3);
  for (let row = 0; row < rows; row++) {
    const of = Float64Array.from({ length: 3 }, () => random() * 4);
    softmax(of, 1, probabilities);
    const drawn = random();
    targets.push(drawn < probabilities[0]! ? 0 : drawn < probabilities[0]! + probabilities[1]! ? 1 : 2);
    scores.push(of.map((score) => score * sureness));
  }
  return { scores, targets };
}

function outcomesAt(temperature: number, { scores, targets }: ReturnType<typeof sample>) {
  const probabilities = new Float64Array(3);
  return scores.map((of, row) => {
    softmax(of, temperature, probabilities);
    const confidence = Math.max(...probabilities);
    return { confidence, right: probabilities[targets[row]!] === confidence };
  });
}

test('the temperature undoes exaggerated scores and lowers the calibration error', () => {
  const exaggerated = sample(4_000, 5);
  const temperature = fitTemperature(exaggerated.scores, exaggerated.targets);
  assert.ok(Math.abs(temperature - 5) < 0.5, `temperature ${temperature}`);
  const before = calibrationError(outcomesAt(1, exaggerated));
  const after = calibrationError(outcomesAt(temperature, exaggerated));
  assert.ok(before > 0.1 && after < 0.03, `${before} → ${after}`);
  assert.ok(
    logLoss(exaggerated.scores, exaggerated.targets, temperature) < logLoss(exaggerated.scores, exaggerated.targets, 1),
  );
});

test('rows that are all right make the head the surer the more they are, and none at all leave it at 1', () => {
  const right = (rows: number) => {
    const scores = Array.from({ length: rows }, () => Float64Array.of(2, 0, 0));
    const probabilities = new Float64Array(3);
    softmax(scores[0]!, fitTemperature(scores, new Int32Array(rows)), probabilities);
    return probabilities[0]!;
  };
  assert.ok(Math.abs(right(3) - 0.8) < 0.01, `${right(3)}`);
  assert.ok(Math.abs(right(98) - 0.99) < 0.001, `${right(98)}`);
  assert.equal(fitTemperature([], []), 1);
});

test('probabilities of huge scores are finite and sum to 1', () => {
  const into = new Float64Array(3);
  softmax([1e6, 1e6, -1e6], 0.05, into);
  assert.deepEqual([...into], [0.5, 0.5, 0]);
});

test('confidence that is always right or wrong to its own share has no calibration error', () => {
  const fair = [true, true, true, false].map((right) => ({ confidence: 0.75, right }));
  assert.equal(calibrationError(fair), 0);
  assert.equal(calibrationError(fair.map((o) => ({ ...o, right: false }))), 0.75);
});

test('the abstain threshold is the lowest confidence whose verdicts are right often enough', () => {
  const outcomes = Array.from({ length: 1_000 }, (_, i) => ({
    confidence: (i + 0.5) / 1_000,
    right: i >= 800 || i % 4 !== 0,
  }));
  const threshold = abstainThreshold(outcomes, 0.95);
  const kept = outcomes.filter((o) => o.confidence >= threshold);
  assert.ok(kept.filter((o) => o.right).length / kept.length >= 0.95);
  assert.ok(threshold > 0.7 && threshold < 0.8, `${threshold}`);
});

test('a handful of right verdicts does not make the threshold bold, and it stays within its bounds', () => {
  assert.equal(abstainThreshold([{ confidence: 0.4, right: true }], 0.95), 0.9);
  assert.equal(abstainThreshold([], 0.95), 0.6);
  const sure = Array.from({ length: 500 }, () => ({ confidence: 0.01, right: true }));
  assert.equal(abstainThreshold(sure, 0.95), 0.5);
});
