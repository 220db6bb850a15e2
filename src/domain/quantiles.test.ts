import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantilesOf } from './quantiles.ts';

test('quantiles are values that were there: the smallest that half, and 95 of 100, do not exceed', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1);
  assert.deepEqual(quantilesOf(hundred), { p50: 50, p95: 95, max: 100 });
  assert.deepEqual(quantilesOf([10, 2, 33]), { p50: 10, p95: 33, max: 33 });
  assert.deepEqual(quantilesOf([7]), { p50: 7, p95: 7, max: 7 });
  assert.equal(quantilesOf([]), undefined);
});
