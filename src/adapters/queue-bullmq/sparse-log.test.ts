import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '#ports/log.ts';
import { createSparseWarn } from './sparse-log.ts';

test('of each phrase one line in a while, which counts those left out', async () => {
  const lines: unknown[] = [];
  const none = () => {};
  const warn = (fields: object, message: string) => void lines.push([message, { ...fields }]);
  const log: Log = { debug: none, info: none, warn, error: none, child: () => log };
  const sparse = createSparseWarn(log, 200);
  for (let n = 1; n <= 3; n++) sparse({ n }, 'a');
  sparse({ n: 1 }, 'b');
  await sleep(210);
  sparse({ n: 4 }, 'a');
  assert.deepEqual(lines, [
    ['a', { n: 1, leftOut: 0 }],
    ['b', { n: 1, leftOut: 0 }],
    ['a', { n: 4, leftOut: 2 }],
  ]);
});
