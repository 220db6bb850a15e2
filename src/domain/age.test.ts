import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isYounger } from './age.ts';

test('what is kept is young for its time, and not for longer when the clock is set back', () => {
  assert.ok(isYounger(10_000, 10_999, 1_000));
  assert.ok(!isYounger(10_000, 11_000, 1_000));
  assert.ok(isYounger(10_000, 9_001, 1_000));
  assert.ok(!isYounger(10_000, 10_000 - 86_400_000, 1_000));
});
