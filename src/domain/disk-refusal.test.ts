import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskRefusal } from './disk-refusal.ts';

const failed = (message: string, fields: object = {}) => Object.assign(new Error(message), fields);

test('the refusal says what the file system said and of which file, and no folder above it', () => {
  const open = failed("EACCES: permission denied, open '/srv/secret/blobs/exports/exp_1.csv'", {
    code: 'EACCES',
    path: '/srv/secret/blobs/exports/exp_1.csv',
  });
  assert.equal(diskRefusal(open, '/other').detail, 'The disk refused exports/exp_1.csv: EACCES: permission denied');
  const write = failed('ENOSPC: no space left on device, write', { code: 'ENOSPC' });
  const refusal = diskRefusal(write, '/srv/secret/blobs/.staging/a-exp_1.csv');
  assert.equal(refusal.detail, 'The disk refused .staging/a-exp_1.csv: ENOSPC: no space left on device');
  assert.deepEqual([refusal.code, refusal.retryAfterSeconds, refusal.cause], ['storage-unavailable', 10, write]);
  const odd = failed('the stream broke', { code: 'ERR_STREAM' });
  assert.equal(diskRefusal(odd).detail, 'The disk refused: ERR_STREAM');
});
