import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from './random.ts';
import { balancedAccuracy, bestThreshold, fitScope, noneProbability, scopeFromInside } from './scope.ts';

const random = seededRandom(3);
/** Signs around a centre. */
const around = (rows: number, centre: number[]) =>
  Array.from({ length: rows }, () => Float64Array.from(centre, (mean) => mean + random() + random() - 1));

const inside = around(300, [8, -0.2, 0.9, -4]);
const outside = around(30, [5, -1.2, 0.6, 0]);

test('the fitted model tells outside from inside although one is rarer', () => {
  const model = fitScope(inside, outside);
  const p = (rows: Float64Array[]) => rows.map((signs) => noneProbability(model, signs));
  assert.ok(
    balancedAccuracy(p(around(300, [8, -0.2, 0.9, -4])), p(around(300, [5, -1.2, 0.6, 0])), model.threshold) > 0.97,
  );
});

test('lists that can be told apart perfectly give finite weights', () => {
  const model = fitScope([Float64Array.of(1, 0, 1, 0)], [Float64Array.of(0, 0, 0, 0)]);
  assert.ok(model.weights.every(Number.isFinite));
  assert.ok(noneProbability(model, [0, 0, 0, 0]) > 0.5 && noneProbability(model, [1, 0, 1, 0]) < 0.5);
});

test('with nothing outside to learn from, the share asked for of the inside is refused', () => {
  const model = scopeFromInside(inside, 0.05);
  const refused = inside.filter((signs) => noneProbability(model, signs) >= model.threshold).length;
  assert.ok(refused >= 12 && refused <= 18, `${refused} of 300`);
  assert.ok(outside.filter((signs) => noneProbability(model, signs) >= model.threshold).length > 20);
});

test('without any held-out text nothing is refused', () => {
  const model = scopeFromInside([], 0.05);
  assert.ok(noneProbability(model, [-100, -100, 0, 100]) < model.threshold);
});

test('the best threshold lies in the gap between the two', () => {
  const threshold = bestThreshold([0.1, 0.2, 0.3], [0.7, 0.9]);
  assert.ok(threshold > 0.3 && threshold < 0.7);
  assert.equal(balancedAccuracy([0.1, 0.2, 0.3], [0.7, 0.9], threshold), 1);
});
