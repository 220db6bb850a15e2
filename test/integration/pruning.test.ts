import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createPruning, type Pruned } from '#app/pruning.ts';
import { loadConfig } from '#config.ts';
import { AppError } from '#domain/errors.ts';
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
const nothing: Pruned = {
  tasks: 0,
  sessions: 0,
  deliveries: 0,
  attempts: 0,
  events: 0,
  keys: 0,
  refusals: 0,
  files: 0,
  unfinished: 0,
};
const going = new AbortController().signal;

/** The lives as the settings have them by default. */
async function openPruningWorld(t: TestContext) {
  const { storage, ...world } = await openTaskWorld(t);
  const loaded = loadConfig({});
  assert.ok('config' in loaded);
  const { taskRetentionMs, idempotencyLifeMs } = loaded.config;
  let now = t0;
  const directory = join(world.dir, 'blobs');
  const files = await openFileBlobs({ directory, clock: { now: () => now } });
  const stuck = new Set<string>();
  const blobs = {
    ...files,
    async remove(name: string) {
      if (stuck.has(name)) throw new AppError('storage-unavailable', { detail: 'The disk refused' });
      await files.remove(name);
    },
  };
  const pruning = createPruning({ storage, blobs, taskRetentionMs, idempotencyLifeMs, sessionLifeMs: 90 * day });
  return {
    ...world,
    storage,
    pruning,
    staging: join(directory, '.staging'),
    /** Files that the disk does not let go. */
    stuck,
    /** A file of t0. */
    async keep(name: string) {
      await files.write(name, Buffer.from('x'));
      await utimes(files.pathOf(name), t0 / 1000, t0 / 1000);
    },
    isThere: async (name: string) => (await files.read(name)) !== undefined,
    /** What goes when it is `ms` after t0. */
    pruneAt(ms: number, signal = going): Promise<Pruned> {
      now = t0 + ms;
      return pruning.prune(now, signal);
    },
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

test('what a dead process left half-written goes six hours after it was last written to, beside files that grow', async (t) => {
  const { staging, pruneAt } = await openPruningWorld(t);
  for (const [name, at] of [
    ['left.parquet', t0],
    ['growing.parquet', t0 + hour],
  ] as const) {
    await writeFile(join(staging, name), 'rows');
    await utimes(join(staging, name), at / 1000, at / 1000);
  }
  assert.deepEqual(await pruneAt(6 * hour - 1000), nothing);
  assert.deepEqual(await pruneAt(6 * hour + 1000), { ...nothing, unfinished: 1 });
  assert.deepEqual(await readdir(staging), ['growing.parquet']);
});

test('more than one batch goes in one run, and a run that is stopped leaves the rest', async (t) => {
  const { pruneAt, insert } = await openPruningWorld(t);
  await insert(
    ...Array.from({ length: 1001 }, () => ({ kind: 'session' as const, doc: aSession({ createdAt: t0 - 100 * day }) })),
  );
  assert.deepEqual(await pruneAt(0, AbortSignal.abort()), nothing);
  assert.deepEqual(await pruneAt(0), { ...nothing, sessions: 1001 });
});

test('what questions have made goes by its age, whoever made it, and no other file', async (t) => {
  const { pruneAt, keep, isThere } = await openPruningWorld(t);
  const [answer, fresh, ...others] = [
    'answers/ans_1.csv',
    'fresh/frm_1.ans_2.ndjson',
    'exports/exp_1.csv',
    'dataset.frm_1/a.parquet',
  ];
  for (const name of [answer!, fresh!, ...others]) await keep(name);
  assert.deepEqual(await pruneAt(hour), nothing, 'it may be being sent');
  assert.deepEqual(await pruneAt(hour + 1), { ...nothing, files: 1 });
  assert.deepEqual([await isThere(answer!), await isThere(fresh!)], [false, true]);
  assert.deepEqual(await pruneAt(day), nothing);
  assert.deepEqual(await pruneAt(day + 1), { ...nothing, files: 1 });
  assert.equal(await isThere(fresh!), false);
  assert.deepEqual(await pruneAt(3650 * day), nothing);
  for (const name of others) assert.ok(await isThere(name), name);
});

test('a file that cannot be removed keeps no other, is told, and goes when it can be', async (t) => {
  const { pruneAt, keep, isThere, stuck } = await openPruningWorld(t);
  const names = ['fresh/frm_1.ans_1.ndjson', 'fresh/frm_1.ans_2.ndjson', 'fresh/frm_1.ans_3.ndjson'];
  for (const name of names) await keep(name);
  stuck.add(names[1]!);
  await assert.rejects(pruneAt(2 * day), { code: 'storage-unavailable' });
  assert.deepEqual(await Promise.all(names.map(isThere)), [false, true, false]);
  stuck.clear();
  assert.deepEqual(await pruneAt(2 * day), { ...nothing, files: 1 });
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
    const scheduler = createScheduler({ storage, schedules: [pruneSchedule], clock, ids, log });
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
