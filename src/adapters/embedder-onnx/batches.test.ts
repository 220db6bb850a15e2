import assert from 'node:assert/strict';
import test from 'node:test';
import { batchesByLength } from './batches.ts';

const lengths = Array.from({ length: 500 }, (_, i) => 1 + ((i * 37) % 256));

test('every row is in one batch, and no batch has more tokens with its padding than it may', () => {
  const batches = batchesByLength(lengths, 512);
  assert.deepEqual(
    batches.flat().sort((a, b) => a - b),
    [...lengths.keys()],
  );
  for (const batch of batches) assert.ok(batch.length * Math.max(...batch.map((at) => lengths[at]!)) <= 512);
});

test('rows of one batch are neighbours in length: less than a tenth is padding', () => {
  const padded = batchesByLength(lengths, 512).reduce(
    (sum, batch) => sum + batch.length * Math.max(...batch.map((at) => lengths[at]!)),
    0,
  );
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  assert.ok(padded < tokens * 1.1, `${padded} for ${tokens}`);
});

test('a row longer than a batch may be is alone', () => {
  assert.deepEqual(batchesByLength([600, 2, 700, 2], 512), [[1, 3], [0], [2]]);
  assert.deepEqual(batchesByLength([], 512), []);
});
