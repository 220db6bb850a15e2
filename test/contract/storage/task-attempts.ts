import assert from 'node:assert/strict';
import type { Settlement } from '#domain/task.ts';
import type { Storage } from '#ports/storage.ts';
import { aForm, anEntry, anEvent, aTask, newId, t0 } from './documents.ts';
import {
  auditEntries,
  claimed,
  inserting,
  insertTasks,
  keep,
  noun,
  type Rules,
  type StoreUnderTest,
  taskOf,
  times,
} from './kit.ts';

/** Ends the attempt that holds the lease. */
const settle = (storage: Storage, id: string, lease: string, settlement: Settlement, now = t0 + 100) =>
  storage.commit({ change: { op: 'settle', id, lease, settlement, now } });

const attempt = (storage: Storage, id: string, token: string, now: number) =>
  storage.tasks.claim(id, { token, until: now + 8000 }, now);

/** A task, claimed. */
async function running(storage: Storage, over: Parameters<typeof aTask>[0] = {}, now = t0) {
  const task = aTask(over);
  await insertTasks(storage, task);
  return { id: task.id, ...(await claimed(storage, task.id, now)) };
}

const error = { code: 'remote-failed', detail: 'Größe 👍' };

export function taskAttemptRules(under: StoreUnderTest): void {
  noun(under, 'attempts of tasks', (rules) => {
    claiming(rules);
    settling(rules);
    holding(rules);
  });
}

function claiming({ rule }: Rules): void {
  rule('of fifty claims at once one wins, and gets the task as it is now', async (storage) => {
    const task = aTask();
    await insertTasks(storage, task);
    const tokens = times(50, () => newId('lse'));
    const results = await Promise.all(tokens.map((token) => attempt(storage, task.id, token, t0)));
    const won = results.filter((result) => result !== undefined);
    assert.equal(won.length, 1);
    const token = tokens[results.findIndex((result) => result !== undefined)]!;
    assert.deepEqual(won[0], await taskOf(storage, task.id));
    const { status, attempts, lease, startedAt } = won[0]!;
    assert.deepEqual(
      { status, attempts, lease, startedAt },
      { status: 'running', attempts: 1, lease: { token, until: t0 + 8000 }, startedAt: t0 },
    );
  });

  rule('a task cannot be claimed before it is due, nor one that is not there', async (storage) => {
    const task = aTask({ runAt: t0 + 10 });
    await insertTasks(storage, task);
    assert.equal(await attempt(storage, task.id, newId('lse'), t0 + 9), undefined);
    assert.equal((await taskOf(storage, task.id)).attempts, 0);
    await claimed(storage, task.id, t0 + 10);
    assert.equal(await attempt(storage, newId('tsk'), newId('lse'), t0), undefined);
  });

  rule('a task whose lease ran out can be claimed again, not a moment before', async (storage) => {
    const first = await running(storage);
    assert.equal(await attempt(storage, first.id, newId('lse'), t0 + 7999), undefined);
    const second = await claimed(storage, first.id, t0 + 8000);
    assert.equal(second.task.attempts, 2);
    assert.equal(second.task.lease?.token, second.lease);
    assert.equal(second.task.startedAt, t0, 'it began with the first attempt');
  });

  rule('a task whose attempts are spent is not claimed again', async (storage) => {
    const { id } = await running(storage, { maxAttempts: 2 });
    await claimed(storage, id, t0 + 8000);
    assert.equal(await attempt(storage, id, newId('lse'), t0 + 100_000), undefined);
    assert.equal((await taskOf(storage, id)).attempts, 2);
  });
}

function settling({ rule }: Rules): void {
  rule('a task that succeeded keeps its result and is over', async (storage) => {
    const { id, lease } = await running(storage);
    const result = { 'a.b': [1, null, '👍'] };
    assert.equal((await settle(storage, id, lease, { status: 'succeeded', result })).outcome, 'committed');
    const task = await taskOf(storage, id);
    assert.deepEqual(task.result, result);
    assert.deepEqual([task.status, task.progress, task.finishedAt, task.lease], ['succeeded', 1, t0 + 100, undefined]);
    assert.equal(await attempt(storage, id, newId('lse'), t0 + 100_000), undefined);
  });

  rule('a task that is to be tried again is due at its time, and its attempt counts', async (storage) => {
    const { id, lease } = await running(storage);
    await settle(storage, id, lease, { status: 'retrying', runAt: t0 + 5000, error });
    const task = await taskOf(storage, id);
    assert.deepEqual(task.error, error);
    assert.deepEqual(
      [task.status, task.runAt, task.attempts, task.lease, task.finishedAt],
      ['retrying', t0 + 5000, 1, undefined, undefined],
    );
    assert.equal(await attempt(storage, id, newId('lse'), t0 + 4999), undefined);
    assert.equal((await claimed(storage, id, t0 + 5000)).task.attempts, 2);
  });

  rule('an attempt that is given back does not count', async (storage) => {
    const { id, lease } = await running(storage, { maxAttempts: 1 });
    await settle(storage, id, lease, { status: 'retrying', runAt: t0 + 1, giveBack: true });
    assert.equal((await taskOf(storage, id)).attempts, 0);
    assert.equal((await claimed(storage, id, t0 + 1)).task.attempts, 1);
  });

  rule('a task that failed is a dead letter with its error, one that was cancelled is over', async (storage) => {
    const failed = await running(storage);
    await settle(storage, failed.id, failed.lease, { status: 'failed', error });
    const dead = await taskOf(storage, failed.id);
    assert.deepEqual([dead.status, dead.error, dead.finishedAt], ['failed', error, t0 + 100]);
    const cancelled = await running(storage);
    await settle(storage, cancelled.id, cancelled.lease, { status: 'cancelled' });
    const over = await taskOf(storage, cancelled.id);
    assert.deepEqual([over.status, over.finishedAt], ['cancelled', t0 + 100]);
    for (const { id } of [failed, cancelled])
      assert.equal(await attempt(storage, id, newId('lse'), t0 + 100_000), undefined);
  });

  rule('the error of an attempt is gone once a later one succeeds', async (storage) => {
    const { id, lease } = await running(storage);
    await settle(storage, id, lease, { status: 'retrying', runAt: t0, error });
    const second = await claimed(storage, id, t0 + 200);
    await settle(storage, id, second.lease, { status: 'succeeded' });
    assert.equal((await taskOf(storage, id)).error, undefined);
  });

  rule('an attempt ends together with what follows from it', async (storage) => {
    const { id, lease } = await running(storage);
    const [event, next, entry] = [anEvent(), aTask(), anEntry()];
    await keep(storage, {
      change: { op: 'settle', id, lease, settlement: { status: 'failed', error }, now: t0 },
      also: [inserting('event', event)],
      tasks: [next],
      audit: [entry],
    });
    assert.ok(await storage.get('event', event.id));
    await taskOf(storage, next.id);
    assert.ok((await auditEntries(storage)).some(({ id }) => id === entry.id));
  });

  rule('only the holder of the lease ends an attempt, once; else nothing is written at all', async (storage) => {
    const first = await running(storage);
    const form = aForm();
    const late = async (lease: string) =>
      storage.commit({
        change: { op: 'settle', id: first.id, lease, settlement: { status: 'succeeded', result: 'late' }, now: t0 },
        also: [inserting('form', form)],
      });
    assert.deepEqual(await late(newId('lse')), { outcome: 'lease-lost' });
    const second = await claimed(storage, first.id, t0 + 8000);
    assert.deepEqual(await late(first.lease), { outcome: 'lease-lost' });
    const task = await taskOf(storage, first.id);
    assert.deepEqual([task.status, task.lease?.token, task.result], ['running', second.lease, undefined]);
    await settle(storage, first.id, second.lease, { status: 'succeeded' });
    assert.deepEqual(await late(second.lease), { outcome: 'lease-lost' });
    assert.equal(await storage.get('form', form.id), undefined);
    assert.deepEqual(await settle(storage, newId('tsk'), first.lease, { status: 'succeeded' }), {
      outcome: 'lease-lost',
    });
  });
}

function holding({ rule, alone }: Rules): void {
  rule('a heartbeat keeps what is held, and names what was lost and what shall stop', async (storage) => {
    const [held, overtaken, ended, asked] = [
      await running(storage),
      await running(storage),
      await running(storage),
      await running(storage),
    ];
    const thief = await claimed(storage, overtaken.id, t0 + 8000);
    await settle(storage, ended.id, ended.lease, { status: 'succeeded' });
    assert.equal(await storage.tasks.cancel(asked.id, t0, []), 'requested');
    const beat = [held, overtaken, ended, asked].map(({ id, lease }) => ({ id, token: lease, progress: 0.25 }));
    const answer = await storage.tasks.extend([...beat, { id: 'tsk_none', token: 'lse', progress: 0 }], t0 + 20_000);
    assert.deepEqual(answer.lost.toSorted(), [overtaken.id, ended.id, 'tsk_none'].toSorted());
    assert.deepEqual(answer.cancelled, [asked.id]);
    const kept = await taskOf(storage, held.id);
    assert.deepEqual([kept.lease?.until, kept.progress], [t0 + 20_000, 0.25]);
    assert.equal((await taskOf(storage, asked.id)).lease?.until, t0 + 20_000);
    assert.equal((await taskOf(storage, overtaken.id)).lease?.until, thief.until);
    assert.equal((await taskOf(storage, ended.id)).progress, 1);
    assert.equal(await attempt(storage, held.id, newId('lse'), t0 + 19_999), undefined);
  });

  rule('progress begins anew with each attempt', async (storage) => {
    const { id, lease } = await running(storage);
    await storage.tasks.extend([{ id, token: lease, progress: 0.75 }], t0 + 8000);
    assert.equal((await claimed(storage, id, t0 + 8000)).task.progress, 0);
  });

  rule('an empty heartbeat is answered', async (storage) => {
    assert.deepEqual(await storage.tasks.extend([], t0), { lost: [], cancelled: [] });
  });

  rule('a worker that was silent past its lease goes on if nobody took the task', async (storage) => {
    const { id, lease } = await running(storage);
    assert.deepEqual(await storage.tasks.extend([{ id, token: lease, progress: 0 }], t0 + 30_000), {
      lost: [],
      cancelled: [],
    });
    assert.equal(await attempt(storage, id, newId('lse'), t0 + 20_000), undefined);
  });

  rule('a request to cancel outlives the worker that did not hear of it', async (storage) => {
    const { id } = await running(storage);
    await storage.tasks.cancel(id, t0, []);
    const second = await claimed(storage, id, t0 + 8000);
    assert.equal(second.task.cancelRequested, true);
    await settle(storage, id, second.lease, { status: 'retrying', runAt: t0 + 9000 });
    assert.equal((await claimed(storage, id, t0 + 9000)).task.cancelRequested, true);
  });

  alone('of the waiting tasks those that would be due only beyond a time can be made due at once', async (storage) => {
    const [soon, late, lateToo] = [
      aTask({ runAt: t0 + 10 }),
      aTask({ runAt: t0 + 11 }),
      aTask({ queue: 'batched', priority: 9 }),
    ];
    await insertTasks(storage, soon, late, lateToo);
    const { lease } = await claimed(storage, lateToo.id, t0);
    await settle(storage, lateToo.id, lease, { status: 'retrying', runAt: t0 + 1000, error });
    const held = await running(storage);
    assert.equal(await storage.tasks.bringForward(t0 + 10, t0 + 1), 2);
    assert.equal(await storage.tasks.bringForward(t0 + 10, t0 + 1), 0);
    assert.equal((await taskOf(storage, soon.id)).runAt, t0 + 10);
    assert.equal((await taskOf(storage, held.id)).lease?.until, t0 + 8000);
    for (const { id } of [late, lateToo]) {
      assert.equal((await taskOf(storage, id)).runAt, t0 + 1);
      await claimed(storage, id, t0 + 1);
    }
  });

  alone('the leases of every running task can be made to run out at once', async (storage) => {
    const tasks = [await running(storage), await running(storage, { queue: 'batched' })];
    const waiting = aTask();
    await insertTasks(storage, waiting);
    assert.equal(await storage.tasks.voidLeases(t0 + 5), 2);
    assert.equal(await storage.tasks.voidLeases(t0 + 5), 0);
    assert.equal((await taskOf(storage, waiting.id)).status, 'pending');
    for (const { id, lease } of tasks) {
      const again = await claimed(storage, id, t0 + 5);
      assert.equal(again.task.attempts, 2);
      assert.deepEqual(await settle(storage, id, lease, { status: 'succeeded' }), { outcome: 'lease-lost' });
    }
  });
}
