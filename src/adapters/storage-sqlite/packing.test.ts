import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from './packing.ts';
import type { CommitOp, WriteOp } from './protocol.ts';

const commit: Omit<CommitOp, 'change'> = {
  op: 'commit',
  also: [{ kind: 'event', row: ['evt_1', 1, 2, null, 'text'] }],
  tasks: [['tsk_1', 'prune']],
  audit: [{ id: 'adt_1', at: 3, action: 'form.create', doc: '{}' }],
  cause: { taskId: 'tsk_2', lease: 'lse_2' },
  drop: undefined,
};

const operations: WriteOp[] = [
  { op: 'claim', id: 'tsk_1', token: 'lse_1', until: 2, now: 1 },
  {
    ...commit,
    change: {
      op: 'settle',
      id: 'tsk_1',
      lease: 'lse_1',
      status: 'retrying',
      runAt: 7,
      giveBack: true,
      result: '{"a":1}',
      error: '{"code":"x"}',
      now: 5,
    },
  },
  { ...commit, change: { op: 'insert', kind: 'response', row: ['rsp_1', 1, 2, null], payloadSha256: 'abc' } },
  {
    ...commit,
    cause: undefined,
    change: { op: 'insert', kind: 'form', row: ['frm_1', 1, 2], payloadSha256: undefined },
  },
  { ...commit, change: { op: 'update', kind: 'form', id: 'frm_1', row: ['frm_1', 2, 2], expect: 1 } },
  { ...commit, change: { op: 'remove', kind: 'form', id: 'frm_1', expect: 1 } },
  { ...commit, change: { op: 'none' }, drop: { ids: ['tsk_3'], now: 5 } },
  { op: 'extend', held: [{ id: 'tsk_1', token: 'lse_1', progress: 0.5 }], until: 9 },
  { op: 'ping', now: 1 },
];

test('every operation comes out of the message as it went in', () => {
  for (const op of operations) assert.deepEqual(unpack(structuredClone(pack(op))), op);
});
