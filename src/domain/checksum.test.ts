import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTally, sameTally } from './checksum.ts';

function tallyOf(...texts: string[]) {
  const tally = createTally();
  for (const text of texts) tally.add(text);
  return tally.result();
}

test('the same texts in another order have the same checksum', () => {
  assert.deepEqual(tallyOf('a', 'b', 'c'), tallyOf('c', 'a', 'b'));
  assert.equal(tallyOf().checksum, '0'.repeat(64));
});

test('a text that is missing, changed, or there twice is noticed', () => {
  const whole = tallyOf('a', 'b', 'c');
  for (const other of [tallyOf('a', 'b'), tallyOf('a', 'b', 'd'), tallyOf('a', 'b', 'c', 'c'), tallyOf('a', 'b', 'b')])
    assert.ok(!sameTally(whole, other));
  assert.ok(sameTally(whole, tallyOf('b', 'c', 'a')));
});
