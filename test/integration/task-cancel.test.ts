import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createAuditor } from '#app/audit.ts';
import { createTasks } from '#app/tasks.ts';
import { verifyStore } from '#app/verify.ts';
import { createWebhookDelivery } from '#app/webhooks/delivery.ts';
import { nothing, understand } from '#domain/consequences.ts';
import { newResponse } from '#domain/response.ts';
import { type NewTask, rootTaskId } from '#domain/task.ts';
import { deliveryTask, newDelivery } from '#domain/webhook/delivery.ts';
import type { TaskStore } from '#ports/storage.ts';
import { anEndpoint, anEvent } from '../contract/storage/documents.ts';
import { openTaskWorld } from '../support/task-world.ts';

const caller = { actor: { kind: 'operator', id: 'test' } } as const;
const unused = () => assert.fail('not for a cancellation');

/** The use cases on a real store; `tasks` takes the place of some of the store's writes of tasks. */
async function openCancelWorld(t: TestContext, over: Partial<TaskStore> = {}) {
  const world = await openTaskWorld(t);
  const { clock, ids, metrics } = world;
  const storage = { ...world.storage, tasks: { ...world.storage.tasks, ...over } };
  const audit = createAuditor({ ids, clock });
  const deliveries = createWebhookDelivery({
    storage,
    endpoints: { secretsOf: unused, disable: unused },
    transport: { send: unused },
    clock,
    ids,
    metrics,
    audit,
    offer() {},
    timeoutMs: 1000,
  });
  const mail = { givenUp: async () => nothing };
  const tasksOn = (store: typeof storage) =>
    createTasks({ storage: store, deliveries, mail, clock, audit, nudge() {} });
  return {
    ...world,
    tasks: tasksOn(storage),
    /** On the store as it is. */
    mended: tasksOn(world.storage),
    audited: async () => (await world.storage.audit.unsealed(10)).map(({ action, subject }) => `${action} ${subject}`),
  };
}
type CancelWorld = Awaited<ReturnType<typeof openCancelWorld>>;

/** A response that waits to be understood. */
async function aWaitingResponse({ storage, clock }: CancelWorld) {
  const doc = newResponse({
    id: 'rsp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10',
    formId: 'frm_1',
    formVersion: 1,
    answers: {},
    metadata: undefined,
    now: clock.now(),
    day: '2026-06-21',
    bodySha256: undefined,
    idempotency: undefined,
    salt: '00',
    hiddenDropped: 0,
    steps: ['understand'],
  });
  const { tasks } = understand(doc.id, clock.now());
  await storage.commit({ change: { op: 'insert', kind: 'response', doc }, tasks });
  return { response: doc.id, task: tasks[0]! };
}

/** A delivery that waits to be sent. */
async function aWaitingDelivery({ storage, clock }: CancelWorld) {
  const endpoint = anEndpoint({ id: 'whe_1', status: 'active' });
  const event = anEvent({ id: 'evt_1', responseId: undefined });
  const doc = newDelivery(event, endpoint, clock.now());
  const task = deliveryTask(doc, endpoint, clock.now());
  await storage.commit({ change: { op: 'insert', kind: 'delivery', doc }, tasks: [task] });
  return { delivery: doc.id, task };
}

async function becomesDeadLetter({ storage, clock }: CancelWorld, { id }: NewTask): Promise<void> {
  const [now, token] = [clock.now(), 'lse_1'];
  await storage.tasks.claim(id, { token, until: now + 1000 }, now);
  const settlement = { status: 'failed', error: { code: 'x', detail: '' } } as const;
  await storage.commit({ change: { op: 'settle', id, lease: token, settlement, now } });
}

const dies = async () => {
  throw new Error('the process ends here');
};

test('a response whose understanding was cancelled is accounted for after its task has been pruned', async (t) => {
  const world = await openCancelWorld(t);
  const { response, task } = await aWaitingResponse(world);
  const root = rootTaskId(response);
  assert.equal((await world.tasks.cancel(caller, root)).status, 'cancelled');
  assert.equal(await world.storage.tasks.prune(world.clock.now() + 1, 10), 1);

  assert.equal((await world.tasks.get(root)).status, 'cancelled');
  const verdict = await verifyStore({
    storage: world.storage,
    keyRing: { verify: () => true },
    clock: world.clock,
    taskRetentionMs: 1,
  });
  assert.deepEqual([verdict.problems, verdict.dead], [[], 1]);
  assert.deepEqual(await world.audited(), [`task.cancel ${task.id}`]);
});

test('who cancels a delivery is told in the commit that ends it, once, also when the process dies before its task has ended', async (t) => {
  const world = await openCancelWorld(t, { cancel: dies });
  const { delivery, task } = await aWaitingDelivery(world);
  await assert.rejects(world.tasks.cancel(caller, task.id), /ends here/);
  assert.equal((await world.storage.get('delivery', delivery))?.doc.status, 'cancelled');
  assert.deepEqual(await world.audited(), [`task.cancel ${task.id}`]);
  // Who cancels again has ended the task, and that is told too.
  assert.equal((await world.mended.cancel(caller, task.id)).status, 'cancelled');
  assert.equal((await world.audited()).length, 2);
});

test('who stops an understanding is told in the commit that stops it', async (t) => {
  const world = await openCancelWorld(t, { cancel: dies });
  const { response, task } = await aWaitingResponse(world);
  await assert.rejects(world.tasks.cancel(caller, rootTaskId(response)), /ends here/);
  assert.ok((await world.storage.get('response', response))?.doc.stoppedAt);
  assert.deepEqual(await world.audited(), [`task.cancel ${task.id}`]);
});

test('a dead letter that is given up has one entry, whether the process lives or dies between its two writes', async (t) => {
  for (const [over, ends] of [
    [{}, false],
    [{ drop: dies }, true],
  ] as const) {
    const world = await openCancelWorld(t, over);
    const { delivery, task } = await aWaitingDelivery(world);
    await becomesDeadLetter(world, task);
    const dropped = world.tasks.drop(caller, task.id);
    if (ends) await assert.rejects(dropped, /ends here/);
    else await dropped;
    assert.equal((await world.storage.get('delivery', delivery))?.doc.status, 'cancelled');
    assert.deepEqual(await world.audited(), [`dead-letter.drop ${task.id}`]);
  }
});
