import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from './clock.ts';

test('the system clock gives whole epoch milliseconds between two readings of the system', () => {
  const before = Date.now();
  const now = systemClock.now();
  assert.ok(Number.isInteger(now));
  assert.ok(now >= before && now <= Date.now());
});
