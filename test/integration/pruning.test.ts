import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createPruning, type Pruned } from '#app/pruning.ts';
import { loadConfig } from '#config.ts';
import type { TaskPayloads } from '#domain/task-kinds.ts';
import { prune, pruneSchedule } from '#jobs/handlers/prune.ts';
import { createScheduler, tickTaskId } from '#jobs/schedule.ts';
import type { Insert } from '#ports/storage.ts';
import {
  aDelivery,
  anAttempt,
  anEvent,
  aResponse,
  aSession,
  aTask,
  newId,
  someRefusals,
  t0,
} from '../contract/storage/documents.ts';
import { openTaskWorld } from '../support/task-world.ts';

const hour = 3_600_000;
const day = 24 * hour;
const nothing: Pruned = { tasks: 0, sessions: 0, deliveries: 0, attempts: 0, events: 0, keys: 0, refusals: 0 };
const going = new AbortController().signal;

/** The lives as the settings have them by default. */
async function openPruningWorld(t: TestContext) {
  const { storage, ...world } = await openTaskWorld(t);
  const loaded = loadConfig({});
  assert.ok('config' in loaded);
  const { taskRetentionMs, idempotencyLifeMs } = loaded.config;
  const pruning = createPruning({ storage, taskRetentionMs, idempotencyLifeMs, sessionLifeMs: 90 * day });
  return {
    ...world,
    storage,
    pruning,
    /** What goes when it is `ms` after t0. */
    pruneAt: (ms: number, signal = going): Promise<Pruned> => pruning.prune(t0 + ms, signal),
    insert: (...documents: Insert[]) =>
      Promise.all(documents.map((one) => storage.commit({ change: { op: 'insert', ...one } }))),
  };
}

test('each kind of bookkeeping goes at the end of its own life, not an hour before, and never anything else', async (t) => {
  const { storage, pruneAt, insert } = await openPruningWorld(t);
  const [task, waiting, dead] = [aTask(), aTask(), aTask()];
  const event = anEvent({ id: newId('evt'), at: t0 });
  const delivery = aDelivery({ eventId: event.id, status: 'delivered', createdAt: t0 });
  const pending = aDelivery({ status: 'pending', createdAt: t0 });
  const attempt = anAttempt({ deliveryId: delivery.id, at: t0 });
  const session = aSession({ createdAt: t0 });
  const response = { ...aResponse({ now: t0 }), idempotency: 'key-1' };
  await storage.commit({ change: { op: 'none' }, tasks: [task, waiting, dead] });
  for (const [{ id }, status] of [
    [task, 'succeeded'],
    [dead, 'failed'],
  ] as const) {
    await storage.tasks.claim(id, { token: 'lse_1', until: t0 + 8000 }, t0);
    const settlement = status === 'failed' ? { status, error: { code: 'x', detail: '' } } : { status };
    await storage.commit({ change: { op: 'settle', id, lease: 'lse_1', settlement, now: t0 } });
  }
  await insert(
    { kind: 'event', doc: event },
    { kind: 'delivery', doc: delivery },
    { kind: 'delivery', doc: pending },
    { kind: 'attempt', doc: attempt },
    { kind: 'session', doc: session },
    { kind: 'response', doc: response },
    { kind: 'refusals', doc: someRefusals() },
  );

  for (const [life, gone] of [
    [72 * hour, { keys: 1 }],
    [7 * day, { tasks: 1 }],
    // In one go: the event of a delivery may go once the delivery has gone.
    [30 * day, { deliveries: 1, attempts: 1, events: 1 }],
    [90 * day, { sessions: 1 }],
    // From the start of the day on, t0 being at nine.
    [402 * day - 9 * hour, { refusals: 1 }],
  ] as const) {
    assert.deepEqual(await pruneAt(life - hour), nothing, `${life / day} days are not over`);
    assert.deepEqual(await pruneAt(life + 1), { ...nothing, ...gone }, `${life / day} days are over`);
  }
  assert.deepEqual(await pruneAt(3650 * day), nothing);

  assert.equal(await storage.tasks.get(task.id), undefined);
  assert.equal((await storage.tasks.get(waiting.id))?.status, 'pending');
  assert.equal((await storage.tasks.get(dead.id))?.status, 'failed');
  assert.ok(await storage.get('delivery', pending.id));
  assert.equal((await storage.get('response', response.id))?.doc.idempotency, undefined);
});

test('more than one batch goes in one run, and a run that is stopped leaves the rest', async (t) => {
  const { pruneAt, insert } = await openPruningWorld(t);
  await insert(
    ...Array.from({ length: 1001 }, () => ({ kind: 'session' as const, doc: aSession({ createdAt: t0 - 100 * day }) })),
  );
  assert.deepEqual(await pruneAt(0, AbortSignal.abort()), nothing);
  assert.deepEqual(await pruneAt(0), { ...nothing, sessions: 1001 });
});

test('a clock that is days ahead for less than an hour makes nothing go; what is past its time goes at the second tick in a row', async (t) => {
  const { storage, pruning, insert, ids, log } = await openPruningWorld(t);
  const response = { ...aResponse({ now: t0 }), idempotency: 'key-1' };
  await insert({ kind: 'response', doc: response });
  const kept = async () => (await storage.get('response', response.id))?.doc.idempotency === 'key-1';
  const handler = prune(pruning, storage.tasks);
  /** A process is there when it is `ms` after t0, an exact hour, and does the work of the tick. */
  async function visit(ms: number): Promise<void> {
    const clock = { now: () => t0 + ms };
    const scheduler = createScheduler({ storage, schedules: [{ ...pruneSchedule, makeUp: true }], clock, ids, log });
    scheduler.start();
    await scheduler.stop();
    const task = (await storage.tasks.get(tickTaskId('prune', t0 + ms)))!;
    const payload = task.payload as TaskPayloads['prune'];
    await handler({ task, payload, lease: 'lse_1', signal: going, progress() {}, log });
  }

  await visit(hour);
  await visit(96 * hour);
  assert.ok(await kept(), 'the clock is four days ahead');
  await visit(2 * hour);
  await visit(3 * hour);
  assert.ok(await kept(), 'and right again');
  await visit(73 * hour);
  assert.ok(await kept(), 'it may be ahead');
  await visit(74 * hour);
  assert.ok(!(await kept()), 'an hour later it says the same');
});
