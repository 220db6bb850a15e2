import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createTasks } from '#app/tasks.ts';
import { verifyStore } from '#app/verify.ts';
import { understand } from '#domain/consequences.ts';
import { newResponse } from '#domain/response.ts';
import { rootTaskId } from '#domain/task.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';

const now = 1_782_000_000_000;

test('a response whose understanding was cancelled is accounted for after its task has been pruned', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-cancelled-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  t.after(async () => {
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const doc = newResponse({
    id: 'rsp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10',
    formId: 'frm_1',
    formVersion: 1,
    answers: {},
    metadata: undefined,
    now,
    day: '2026-06-21',
    bodySha256: undefined,
    idempotency: undefined,
    salt: '00',
    hiddenDropped: 0,
    steps: ['understand'],
  });
  const { tasks: steps } = understand(doc.id, now);
  await storage.commit({ change: { op: 'insert', kind: 'response', doc }, tasks: steps });
  const tasks = createTasks({
    storage,
    deliveries: { cancel: () => assert.fail('there is none') },
    clock: { now: () => now },
    audit: () => ({
      id: 'adt_1',
      at: now,
      actor: 'x',
      action: 'x',
      subject: 'x',
      requestId: undefined,
      details: undefined,
    }),
    nudge() {},
  });
  const root = rootTaskId(doc.id);
  assert.equal((await tasks.cancel({ actor: { kind: 'system', id: 'test' } }, root)).status, 'cancelled');
  assert.equal(await storage.tasks.prune(now + 1, 10), 1);

  assert.equal((await tasks.get(root)).status, 'cancelled');
  const verdict = await verifyStore({
    storage,
    keyRing: { verify: () => true },
    clock: { now: () => now },
    taskRetentionMs: 1,
  });
  assert.deepEqual([verdict.problems, verdict.dead], [[], 1]);
});
