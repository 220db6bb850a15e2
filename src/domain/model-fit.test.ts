import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitJoint, headProbabilities, jointProbabilities, type Sample } from './model-fit.ts';

/** Texts of which `model` is right as often as `rate`, and the head no better than chance between two. */
function samples(count: number, rate: number, likes = 0): Sample[] {
  return Array.from({ length: count }, (_, i) => {
    const target = (i >> 1) % 2;
    const right = (i * 7919) % 100 < rate * 100;
    const told = right ? target : 1 - target;
    const p = told === 0 ? 0.9 : 0.1;
    // A letter that the model likes whatever the text.
    const skewed = likes === 0 ? p : 0.98 + (p - 0.5) / 100;
    return { head: [0.5, 0.5], model: [skewed, 1 - skewed], target };
  });
}

test('a model that is right where the head does not know decides', () => {
  const fit = fitJoint(samples(60, 1), 2);
  assert.equal(fit.useful, true);
  assert.equal(fit.modelAccuracy, 1);
  assert.equal(fit.jointAccuracy, 1);
  assert.equal(fit.decided, 1);
  assert.ok(fit.modelWeight > 0 && fit.threshold < 1);
});

test('a model that guesses is not believed', () => {
  const fit = fitJoint(samples(60, 0.5), 2);
  assert.equal(fit.useful, false);
});

test('a letter that the model likes whatever the text is taken off', () => {
  const fit = fitJoint(samples(60, 1, 1), 2);
  assert.ok(fit.modelAccuracy < 0.6, 'alone it says the same letter always');
  assert.equal(fit.jointAccuracy, 1);
  assert.equal(fit.useful, true);
});

test('where the options differ from text to text no letter is known to be liked', () => {
  assert.deepEqual(fitJoint(samples(60, 1), undefined).bias, []);
});

test('a right label that is not among the options is an error, and teaches nothing', () => {
  const lost = samples(60, 1).map((sample, i) => (i % 3 !== 0 ? { ...sample, target: -1 } : sample));
  const fit = fitJoint(lost, 2);
  assert.ok(fit.jointAccuracy < 0.4);
  assert.ok(Number.isFinite(fit.bias[0]!));
});

test('of a few texts nothing is concluded', () => {
  const fit = fitJoint(samples(11, 1), 2);
  assert.equal(fit.useful, false);
  assert.equal(fit.threshold, 1);
  assert.equal(fitJoint([], 2).useful, false);
});

test('joint probabilities add up to 1; without weight of the model they are the head’s', () => {
  const joint = jointProbabilities([0.7, 0.2, 0.1], [0.1, 0.1, 0.8], { bias: [], headWeight: 1, modelWeight: 0 });
  joint.forEach((p, i) => {
    assert.ok(Math.abs(p - [0.7, 0.2, 0.1][i]!) < 1e-9);
  });
});

test('what the head did not name shares what it left', () => {
  const said = { label: 'a', confidence: 0.6, alternatives: [{ label: 'b', confidence: 0.2 }] };
  const of = headProbabilities(['a', 'b', 'c', null], said);
  [0.6, 0.2, 0.1, 0.1].forEach((p, i) => {
    assert.ok(Math.abs(of[i]! - p) < 1e-9);
  });
  assert.deepEqual(headProbabilities(['a', 'b'], undefined), [0.5, 0.5]);
});
