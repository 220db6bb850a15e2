import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verifyStore } from '#app/verify.ts';
import { understand } from '#domain/consequences.ts';
import { type NewResponse, newResponse } from '#domain/response.ts';
import type { NewTask, Settlement } from '#domain/task.ts';
import { deliveryTask, newDelivery } from '#domain/webhook/delivery.ts';
import type { Storage } from '#ports/storage.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { anEndpoint, anEvent } from '../contract/storage/documents.ts';

const now = Date.now();
const keyRing = { verify: () => true };

async function open(t: TestContext): Promise<Storage> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-verify-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  t.after(async () => {
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return storage;
}

const kept: NewResponse = {
  id: 'rsp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10',
  formId: 'frm_1',
  formVersion: 1,
  answers: { a: 'b' },
  metadata: undefined,
  now,
  day: '2026-11-22',
  bodySha256: undefined,
  idempotency: undefined,
  salt: '00',
  hiddenDropped: 0,
  steps: ['understand'],
};

async function end(storage: Storage, task: NewTask, settlement: Settlement): Promise<void> {
  const lease = { token: `lse_${task.id}`, until: now + 8_000 };
  assert.ok(await storage.tasks.claim(task.id, lease, now + 1));
  const change = { op: 'settle', id: task.id, lease: lease.token, settlement, now: now + 2 } as const;
  assert.equal((await storage.commit({ change })).outcome, 'committed');
}

test('a response that is understood while it is being verified is no loss', async (t) => {
  const storage = await open(t);
  const doc = newResponse(kept);
  const { tasks } = understand(doc.id, now);
  await storage.commit({ change: { op: 'insert', kind: 'response', doc }, tasks });
  const racing: Storage = {
    ...storage,
    receipts: {
      ...storage.receipts,
      // The response is read, then it is understood, then its tasks are read.
      async links(after, limit) {
        const before = await storage.receipts.links(after, limit);
        if (before.length === 0) return before;
        const change = { op: 'update', kind: 'response', doc: { ...doc, status: 'completed' }, expect: 1 } as const;
        await storage.commit({ change });
        await end(storage, tasks[0]!, { status: 'succeeded' });
        const [link] = await storage.receipts.links(after, limit);
        return [{ ...link!, response: before[0]!.response }];
      },
    },
  };
  const verdict = await verifyStore({ storage: racing, keyRing });
  assert.deepEqual([verdict.problems, verdict.completed, verdict.pending], [[], 1, 0]);
});

test('a response that nothing works on is a loss', async (t) => {
  const storage = await open(t);
  await storage.commit({ change: { op: 'insert', kind: 'response', doc: newResponse(kept) } });
  const { problems } = await verifyStore({ storage, keyRing });
  assert.match(problems.join(), /waits to be understood, and no task does it/);
});

const endpoint = anEndpoint({
  id: 'whe_1',
  events: [],
  formIds: [],
  schedule: 'task',
  status: 'active',
  createdAt: now,
  updatedAt: now,
});
const event = anEvent({
  id: 'evt_1',
  type: 'response.accepted',
  formId: undefined,
  responseId: undefined,
  at: now,
  body: '{}',
});

test('a delivery whose task is a dead letter counts as failed; one without any task is a loss', async (t) => {
  const storage = await open(t);
  const doc = newDelivery(event, endpoint, now);
  const task = deliveryTask(doc, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc }, tasks: [task] });
  assert.deepEqual((await verifyStore({ storage, keyRing })).deliveries.pending, 1);
  // Its worker fell silent at the last attempt: nobody could write to the delivery.
  await end(storage, task, { status: 'failed', error: { code: 'lease-expired', detail: '' } });
  const dead = await verifyStore({ storage, keyRing });
  assert.deepEqual([dead.problems, dead.deliveries.failed, dead.deliveries.pending], [[], 1, 0]);

  const lost = newDelivery({ ...event, id: 'evt_2' }, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc: lost } });
  const verdict = await verifyStore({ storage, keyRing });
  assert.match(verdict.problems.join(), new RegExp(`^${lost.id}: the delivery is pending, and no task makes it$`));
});

test('a delivery that ends while it is being verified is no loss', async (t) => {
  const storage = await open(t);
  const doc = newDelivery(event, endpoint, now);
  const task = deliveryTask(doc, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc }, tasks: [task] });
  const racing: Storage = {
    ...storage,
    async list(kind, query) {
      const page = await storage.list(kind, query);
      if (kind === 'delivery' && page.items.length > 0) {
        await storage.commit({
          change: { op: 'update', kind: 'delivery', doc: { ...doc, status: 'delivered' }, expect: 1 },
        });
        await end(storage, task, { status: 'succeeded' });
      }
      return page;
    },
  };
  const verdict = await verifyStore({ storage: racing, keyRing });
  assert.deepEqual([verdict.problems, verdict.deliveries.delivered, verdict.deliveries.pending], [[], 1, 0]);
});
