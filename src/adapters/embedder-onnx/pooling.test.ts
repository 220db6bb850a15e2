import assert from 'node:assert/strict';
import test from 'node:test';
import { pool } from './pooling.ts';

test('the vector of a row is the mean of its own tokens, of unit length; padding does not count', () => {
  // Two rows of three tokens with two dimensions; the second row has one token.
  const hidden = Float32Array.of(3, 0, 0, 4, 0, 0, 0, 2, 99, 99, 99, 99);
  const [first, second] = pool(hidden, 3, 2, [3, 1]);
  assert.ok(Math.abs(first![0]! - 0.6) < 1e-6 && Math.abs(first![1]! - 0.8) < 1e-6);
  assert.deepEqual(second, Float32Array.of(0, 1));
});

test('a mean of zero stays zero', () => {
  assert.deepEqual(pool(Float32Array.of(1, -1), 2, 1, [2]), [Float32Array.of(0)]);
});
