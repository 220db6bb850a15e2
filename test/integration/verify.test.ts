import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { verifyStore } from '#app/verify.ts';
import { announce, fanOutTaskId, understand } from '#domain/consequences.ts';
import { type NewResponse, newResponse } from '#domain/response.ts';
import type { NewTask, Settlement } from '#domain/task.ts';
import { deliveryTask, newDelivery } from '#domain/webhook/delivery.ts';
import type { Storage } from '#ports/storage.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { anEndpoint, anEvent } from '../contract/storage/documents.ts';

const now = Date.now();
const taskRetentionMs = 7 * 86_400_000;

const verify = (storage: Storage, clock = { now: () => now }) =>
  verifyStore({ storage, keyRing: { verify: () => true }, clock, taskRetentionMs });

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
  const verdict = await verify(racing);
  assert.deepEqual([verdict.problems, verdict.completed, verdict.pending], [[], 1, 0]);
});

test('a response that nothing works on is a loss', async (t) => {
  const storage = await open(t);
  await storage.commit({ change: { op: 'insert', kind: 'response', doc: newResponse(kept) } });
  const { problems } = await verify(storage);
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
  assert.deepEqual((await verify(storage)).deliveries.pending, 1);
  // Its worker fell silent at the last attempt: nobody could write to the delivery.
  await end(storage, task, { status: 'failed', error: { code: 'lease-expired', detail: '' } });
  const dead = await verify(storage);
  assert.deepEqual([dead.problems, dead.deliveries.failed, dead.deliveries.pending], [[], 1, 0]);

  const lost = newDelivery({ ...event, id: 'evt_2' }, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc: lost } });
  const verdict = await verify(storage);
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
  const verdict = await verify(racing);
  assert.deepEqual([verdict.problems, verdict.deliveries.delivered, verdict.deliveries.pending], [[], 1, 0]);
});

test('a dead letter that is requeued while its delivery is being verified is no loss', async (t) => {
  const storage = await open(t);
  const doc = newDelivery(event, endpoint, now);
  const task = deliveryTask(doc, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc }, tasks: [task] });
  await end(storage, task, { status: 'failed', error: { code: 'lease-expired', detail: '' } });
  const racing: Storage = {
    ...storage,
    tasks: {
      ...storage.tasks,
      // Nobody works on it, then it is requeued, then the dead letters are read.
      async list(query) {
        await storage.tasks.requeue(task.id, now + 3, []);
        return storage.tasks.list(query);
      },
    },
  };
  const verdict = await verify(racing);
  assert.deepEqual([verdict.problems, verdict.deliveries.pending, verdict.deliveries.failed], [[], 1, 0]);
});

test('a delivery that becomes a dead letter while an earlier page is verified is no loss', async (t) => {
  const storage = await open(t);
  const docs = Array.from({ length: 501 }, (_, i) =>
    newDelivery({ ...event, id: `evt_${String(i).padStart(3, '0')}` }, endpoint, now),
  );
  const [first, last] = [docs[0]!, docs[500]!];
  const also = docs.map((doc) => ({
    kind: 'delivery' as const,
    doc: doc === first || doc === last ? doc : { ...doc, status: 'delivered' as const },
  }));
  const [dead, dying] = [deliveryTask(first, endpoint, now), deliveryTask(last, endpoint, now)];
  await storage.commit({ change: { op: 'none' }, also, tasks: [dead, dying] });
  const silent = { status: 'failed', error: { code: 'lease-expired', detail: '' } } as const;
  await end(storage, dead, silent);
  const racing: Storage = {
    ...storage,
    async list(kind, query) {
      if (kind === 'delivery' && query.after !== undefined) await end(storage, dying, silent);
      return storage.list(kind, query);
    },
  };
  const verdict = await verify(racing);
  assert.deepEqual([verdict.problems, verdict.deliveries.failed, verdict.deliveries.pending], [[], 2, 0]);
});

test('a delivery that is gone at the second look is no loss', async (t) => {
  const storage = await open(t);
  const doc = newDelivery(event, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc } });
  const racing: Storage = {
    ...storage,
    async list(kind, query) {
      const page = await storage.list(kind, query);
      if (kind === 'delivery')
        await storage.commit({ change: { op: 'remove', kind: 'delivery', id: doc.id, expect: 1 } });
      return page;
    },
  };
  const { problems, deliveries } = await verify(racing);
  assert.deepEqual([problems, deliveries.pending], [[], 0]);
});

const accepted = (nr: number, at = now) =>
  announce({ id: `evt_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e1${nr}_accepted`, type: 'response.accepted', at, data: {} });

async function keep(storage: Storage, { also, tasks }: ReturnType<typeof announce>): Promise<NewTask> {
  await storage.commit({ change: { op: 'none' }, also, tasks });
  return tasks[0]!;
}

test('an event is waiting, passed on or dead as its fan-out is, and one that has none is a loss', async (t) => {
  const storage = await open(t);
  await keep(storage, accepted(1));
  await end(storage, await keep(storage, accepted(2)), { status: 'succeeded' });
  await end(storage, await keep(storage, accepted(3)), { status: 'failed', error: { code: 'x', detail: '' } });
  const sound = await verify(storage);
  assert.deepEqual([sound.problems, sound.events], [[], { passedOn: 1, waiting: 1, dead: 1 }]);

  const lost = accepted(4);
  await keep(storage, { ...lost, tasks: [] });
  const { problems, events } = await verify(storage);
  assert.deepEqual(problems, [`${lost.also[0]!.doc.id}: the event was not passed on, and no task does it`]);
  assert.deepEqual(events, sound.events);
});

test('every event is looked at, not only those of the first page', async (t) => {
  const storage = await open(t);
  const many = Array.from({ length: 500 }, (_, i) => anEvent({ type: 'response.accepted', at: now - 1_000 + i }));
  const tasks = many.flatMap(({ id, at }) => announce({ id, type: 'response.accepted', at, data: {} }).tasks);
  const also = many.map((doc) => ({ kind: 'event' as const, doc }));
  await storage.commit({ change: { op: 'none' }, also, tasks });
  await keep(storage, { ...accepted(1), tasks: [] });
  const { problems, events } = await verify(storage);
  assert.deepEqual([problems.length, events.waiting], [1, 500]);
});

test('an event whose fan-out may have been pruned is no loss: it is old, or became so meanwhile, or has deliveries', async (t) => {
  const storage = await open(t);
  const border = now - taskRetentionMs;
  await keep(storage, { ...accepted(1, border - 1), tasks: [] });
  assert.deepEqual((await verify(storage)).problems, []);

  const { also } = accepted(2, border);
  await keep(storage, { also, tasks: [] });
  assert.equal((await verify(storage)).problems.length, 1);
  let looked = 0;
  const running = { now: () => now + looked++ };
  assert.deepEqual((await verify(storage, running)).problems, []);
  assert.equal(looked, 2);

  const delivery = { ...newDelivery(also[0]!.doc, endpoint, now), status: 'delivered' as const };
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc: delivery } });
  assert.deepEqual((await verify(storage)).problems, []);
});

test('an event that is pruned while it is being verified is no loss', async (t) => {
  const storage = await open(t);
  const { also } = accepted(1);
  await keep(storage, { also, tasks: [] });
  const racing: Storage = {
    ...storage,
    async list(kind, query) {
      const page = await storage.list(kind, query);
      if (kind === 'event') assert.equal(await storage.prune('event', now + 1, 10), 1);
      return page;
    },
  };
  assert.deepEqual((await verify(racing)).problems, []);
});

test('a test of an endpoint needs no fan-out', async (t) => {
  const storage = await open(t);
  const doc = anEvent({ type: 'webhook.test', at: now });
  await storage.commit({ change: { op: 'insert', kind: 'event', doc } });
  assert.equal(await storage.tasks.get(fanOutTaskId(doc.id)), undefined);
  assert.deepEqual((await verify(storage)).problems, []);
});
