import assert from 'node:assert/strict';
import test from 'node:test';
import { stratifiedFolds } from './folds.ts';

test('every fold holds its even share of every class', () => {
  const classes = Int32Array.from({ length: 120 }, (_, row) => row % 4);
  const fold = stratifiedFolds(classes, 4, 5, 1);
  for (let k = 0; k < 4; k++) {
    for (let f = 0; f < 5; f++) assert.equal(fold.filter((of, row) => of === f && classes[row] === k).length, 6);
  }
});

test('the only row of a class is never held out', () => {
  assert.deepEqual([...stratifiedFolds(Int32Array.of(0, 1, 2), 3, 2, 1)], [-1, -1, -1]);
  assert.deepEqual([...stratifiedFolds(Int32Array.of(0, 0), 1, 5, 1)].sort(), [0, 1]);
});

test('the same seed gives the same folds', () => {
  const classes = new Int32Array(50);
  assert.deepEqual(stratifiedFolds(classes, 1, 3, 5), stratifiedFolds(classes, 1, 3, 5));
  assert.notDeepEqual(stratifiedFolds(classes, 1, 3, 5), stratifiedFolds(classes, 1, 3, 6));
});
