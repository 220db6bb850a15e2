import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoffMs, jittered } from './retry.ts';

const middle = 0.5;

test('the pause doubles from 10 s with every failure', () => {
  const pauses = [1, 2, 3, 4].map((attempt) => backoffMs({ attempt, chance: middle }));
  assert.deepEqual(pauses, [10_000, 20_000, 40_000, 80_000]);
});

test('jitter spreads a pause over ±20 % and no further', () => {
  assert.equal(jittered(10_000, 0), 8_000);
  assert.equal(jittered(10_000, middle), 10_000);
  assert.equal(jittered(10_000, 0.999_999), 12_000);
});

test('a pause never exceeds maxMs, and late attempts stay spread out under it', () => {
  const at = (chance: number) => backoffMs({ attempt: 2000, chance, maxMs: 60_000 });
  assert.equal(at(0.999_999), 60_000);
  assert.equal(at(0), 40_000);
  assert.ok(at(0.25) < at(0.75));
});

test('attempts count from 1', () => {
  for (const attempt of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => backoffMs({ attempt, chance: 0 }), RangeError, String(attempt));
  }
});
