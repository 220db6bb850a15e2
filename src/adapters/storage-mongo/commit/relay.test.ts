import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MongoBulkWriteError, MongoNetworkError } from 'mongodb';
import { onlyDuplicates } from './relay.ts';

/** As the driver throws it: `unconfirmed` when no majority has confirmed the write in time. */
function bulkError(codes: number[], unconfirmed = false): MongoBulkWriteError {
  const writeErrors = codes.map((code) => ({ code }));
  const result = { getWriteConcernError: () => (unconfirmed ? { code: 64 } : undefined) };
  return new MongoBulkWriteError({ message: 'x', code: codes[0] ?? 64, writeErrors } as never, result as never);
}

test('a write of followers is done only when each that was refused is there already', () => {
  assert.equal(onlyDuplicates(bulkError([11000, 11000])), true);
  assert.equal(onlyDuplicates(bulkError([11000, 121])), false, 'one cannot be written');
  assert.equal(onlyDuplicates(bulkError([])), false, 'the connection was lost');
  assert.equal(onlyDuplicates(bulkError([11000], true)), false, 'no majority has confirmed the others');
  assert.equal(onlyDuplicates(new MongoNetworkError('reset')), false);
});
