import assert from 'node:assert/strict';
import { type TaskStatus, taskStatuses } from '#domain/task.ts';
import type { Storage } from '#ports/storage.ts';
import { anEntry, aTask, newId, t0 } from './documents.ts';
import {
  auditEntries,
  claimed,
  insertTasks,
  keep,
  noun,
  type Rules,
  type StoreUnderTest,
  taskOf,
  times,
} from './kit.ts';

const error = { code: 'remote-failed', detail: 'x' };

/** A task in the given state; it finishes at `t0 + 100`. */
async function taskIn(storage: Storage, status: TaskStatus, over: Parameters<typeof aTask>[0] = {}): Promise<string> {
  const task = aTask(over);
  await insertTasks(storage, task);
  if (status === 'pending') return task.id;
  const { lease } = await claimed(storage, task.id, Math.max(t0, task.runAt));
  const end = (settlement: Parameters<typeof settlementOf>[0]) =>
    keep(storage, {
      change: { op: 'settle', id: task.id, lease, now: t0 + 100, settlement: settlementOf(settlement) },
    });
  if (status !== 'running') await end(status);
  return task.id;
}

function settlementOf(status: Exclude<TaskStatus, 'pending' | 'running'>) {
  if (status === 'failed') return { status, error };
  return status === 'retrying' ? { status, runAt: t0 + 500, error } : { status };
}

const isAudited = async (storage: Storage, id: string) =>
  (await auditEntries(storage)).some((entry) => entry.id === id);

export function taskAdministrationRules(under: StoreUnderTest): void {
  noun(under, 'tasks', (rules) => {
    cancelling(rules);
    deadLetters(rules);
    looking(rules);
    pruning(rules);
  });
}

function cancelling({ rule }: Rules): void {
  rule('cancelling ends a waiting task at once, asks a running one, and leaves an ended one', async (storage) => {
    const expected = {
      pending: 'cancelled',
      retrying: 'cancelled',
      running: 'requested',
      succeeded: 'finished',
      failed: 'finished',
      cancelled: 'finished',
    } as const;
    for (const status of taskStatuses) {
      const id = await taskIn(storage, status);
      const before = await taskOf(storage, id);
      const entry = anEntry();
      const answer = await storage.tasks.cancel(id, t0 + 200, [entry]);
      assert.equal(answer, expected[status], status);
      assert.equal(
        await isAudited(storage, entry.id),
        answer !== 'finished',
        `${status}: audited when it did something`,
      );
      const after = await taskOf(storage, id);
      if (answer === 'finished') assert.deepEqual(after, before);
      if (answer === 'cancelled') assert.deepEqual([after.status, after.finishedAt], ['cancelled', t0 + 200]);
      if (answer === 'requested') assert.deepEqual([after.status, after.cancelRequested], ['running', true]);
    }
  });

  rule(
    'an entry that came with an earlier commit is not written again by a cancellation or a drop',
    async (storage) => {
      const entry = anEntry();
      await keep(storage, { change: { op: 'none' }, audit: [entry] });
      assert.equal(await storage.tasks.cancel(await taskIn(storage, 'pending'), t0, [entry]), 'cancelled');
      assert.equal(await storage.tasks.drop(await taskIn(storage, 'failed'), t0, [entry]), true);
      assert.equal((await auditEntries(storage)).filter(({ id }) => id === entry.id).length, 1);
    },
  );

  rule('a task that is not there cannot be cancelled, and no entry says so', async (storage) => {
    const entry = anEntry();
    assert.equal(await storage.tasks.cancel(newId('tsk'), t0, [entry]), 'missing');
    assert.equal(await isAudited(storage, entry.id), false);
  });

  rule('of a claim and a cancellation at once the task is either claimed and asked, or cancelled', async (storage) => {
    for (let i = 0; i < 20; i++) {
      const id = await taskIn(storage, 'pending');
      const claim = () => storage.tasks.claim(id, { token: newId('lse'), until: t0 + 8000 }, t0);
      const cancel = () => storage.tasks.cancel(id, t0, []);
      const [won, answer] =
        i % 2 ? await Promise.all([claim(), cancel()]) : (await Promise.all([cancel(), claim()])).toReversed();
      assert.equal(answer, won === undefined ? 'cancelled' : 'requested');
      assert.equal((await taskOf(storage, id)).status, won === undefined ? 'cancelled' : 'running');
    }
  });
}

function deadLetters({ rule }: Rules): void {
  rule('a dead letter that is put back has all its attempts and is due now', async (storage) => {
    const id = await taskIn(storage, 'failed', { maxAttempts: 1 });
    const entry = anEntry();
    assert.equal(await storage.tasks.requeue(id, t0 + 300, [entry]), true);
    const task = await taskOf(storage, id);
    assert.deepEqual(
      [task.status, task.attempts, task.runAt, task.finishedAt, task.error, task.cancelRequested],
      ['pending', 0, t0 + 300, undefined, undefined, false],
    );
    assert.ok(await isAudited(storage, entry.id));
    assert.equal((await claimed(storage, id, t0 + 300)).task.attempts, 1);
  });

  rule('a dead letter that is given up stays as cancelled', async (storage) => {
    const id = await taskIn(storage, 'failed');
    const entry = anEntry();
    assert.equal(await storage.tasks.drop(id, t0 + 300, [entry]), true);
    const task = await taskOf(storage, id);
    assert.deepEqual([task.status, task.finishedAt], ['cancelled', t0 + 300]);
    assert.ok(await isAudited(storage, entry.id));
  });

  rule('a commit ends the dead letters that it makes pointless, and only if it happens', async (storage) => {
    const subject = newId('dlv').slice(4);
    const ids = [`tsk_${subject}:again-2`, `tsk_${subject}:deliver`];
    for (const id of ids) await taskIn(storage, 'failed', { id });
    const waiting = await taskIn(storage, 'pending', { id: `tsk_${subject}:again-7` });
    const stranger = await taskIn(storage, 'failed');
    assert.deepEqual(await storage.tasks.deadLetters(`tsk_${subject}:`), ids);
    assert.deepEqual(await storage.tasks.deadLetters(`tsk_${subject.slice(0, -1)}:`), []);

    const drop = { ids: [...ids, waiting, newId('tsk')], now: t0 + 500 };
    const gone = { op: 'remove', kind: 'head', id: newId('frm'), expect: 1 } as const;
    assert.equal((await storage.commit({ change: gone, drop })).outcome, 'conflict');
    assert.deepEqual(await storage.tasks.deadLetters(`tsk_${subject}:`), ids, 'nothing of a refused commit is written');

    assert.equal((await storage.commit({ change: { op: 'none' }, drop })).outcome, 'committed');
    for (const id of ids) {
      const { status, finishedAt } = await taskOf(storage, id);
      assert.deepEqual([status, finishedAt], ['cancelled', t0 + 500]);
    }
    assert.deepEqual(await storage.tasks.deadLetters(`tsk_${subject}:`), []);
    assert.equal((await taskOf(storage, waiting)).status, 'pending', 'what is no dead letter is left alone');
    assert.equal((await taskOf(storage, stranger)).status, 'failed');
  });

  rule('what is no dead letter is neither put back nor given up, and no entry says so', async (storage) => {
    for (const status of taskStatuses) {
      if (status === 'failed') continue;
      const id = await taskIn(storage, status);
      const before = await taskOf(storage, id);
      const entries = [anEntry(), anEntry()];
      assert.equal(await storage.tasks.requeue(id, t0, [entries[0]!]), false, status);
      assert.equal(await storage.tasks.drop(id, t0, [entries[1]!]), false, status);
      assert.deepEqual(await taskOf(storage, id), before);
      for (const entry of entries) assert.equal(await isAudited(storage, entry.id), false);
    }
    assert.equal(await storage.tasks.requeue(newId('tsk'), t0, []), false);
    assert.equal(await storage.tasks.drop(newId('tsk'), t0, []), false);
  });
}

function looking({ alone, rule }: Rules): void {
  alone('due tasks come by priority, then by time, and no more than asked for', async (storage) => {
    const make = (priority: number, ms: number, over = {}) => aTask({ priority, runAt: t0 + ms, ...over });
    const tasks = [make(5, -10), make(0, -1), make(9, -100), make(5, -20), make(0, 0)];
    const silent = aTask({ priority: 4, runAt: t0 - 9000 });
    await insertTasks(storage, ...tasks, silent, make(0, 1), make(0, 0, { queue: 'batched' }));
    await claimed(storage, silent.id, t0 - 8000);
    await taskIn(storage, 'running', { priority: 0, runAt: t0 - 1 });
    await taskIn(storage, 'succeeded');
    await taskIn(storage, 'failed');
    const spent = aTask({ maxAttempts: 1, runAt: t0 - 9000 });
    await insertTasks(storage, spent);
    await claimed(storage, spent.id, t0 - 8000);
    const [a, b, c, d, e] = tasks.map(({ id }) => id);
    const due = await storage.tasks.due('default', t0, 100);
    assert.deepEqual(
      due.map(({ id }) => id),
      [b, e, silent.id, d, a, c],
      'a task whose worker fell silent takes its place among the waiting',
    );
    assert.deepEqual(due[0], { id: b, attempts: 0, queue: 'default', priority: 0 });
    assert.deepEqual(due[2], { id: silent.id, attempts: 1, queue: 'default', priority: 4 });
    const few = await storage.tasks.due('default', t0, 3);
    assert.deepEqual(few, due.slice(0, 3));
    assert.equal((await storage.tasks.due('batched', t0, 100)).length, 1);
    assert.deepEqual(await storage.tasks.due('high-priority', t0, 100), []);
  });

  alone('the next due time is that of the first task that waits beyond now', async (storage) => {
    assert.equal(await storage.tasks.nextDue(t0), undefined);
    await insertTasks(storage, aTask({ runAt: t0 }), aTask({ runAt: t0 + 900, priority: 0 }));
    assert.equal(await storage.tasks.nextDue(t0), t0 + 900);
    await insertTasks(storage, aTask({ runAt: t0 + 700, queue: 'batched', priority: 9 }));
    assert.equal(await storage.tasks.nextDue(t0), t0 + 700);
    assert.equal(await storage.tasks.nextDue(t0 + 700), t0 + 900);
    await taskIn(storage, 'retrying', { queue: 'high-priority' });
    assert.equal(await storage.tasks.nextDue(t0), t0 + 500);
    assert.equal(await storage.tasks.nextDue(t0 + 900), undefined);
  });

  alone('exhausted are the running tasks whose last lease ran out', async (storage) => {
    const last = await taskIn(storage, 'running', { maxAttempts: 1 });
    const batched = await taskIn(storage, 'running', { maxAttempts: 1, queue: 'batched' });
    await taskIn(storage, 'running', { maxAttempts: 2 });
    await taskIn(storage, 'failed', { maxAttempts: 1 });
    assert.deepEqual(await storage.tasks.exhausted(t0 + 7999, 10), []);
    const found = await storage.tasks.exhausted(t0 + 8000, 10);
    assert.deepEqual(found.map(({ id }) => id).toSorted(), [last, batched].toSorted());
    assert.deepEqual(
      found.find(({ id }) => id === last),
      await taskOf(storage, last),
    );
    assert.equal((await storage.tasks.exhausted(t0 + 8000, 1)).length, 1);
    for (const { id, lease } of found) {
      const settlement = { status: 'failed', error } as const;
      await keep(storage, { change: { op: 'settle', id, lease: lease!.token, settlement, now: t0 } });
    }
    assert.deepEqual(await storage.tasks.exhausted(t0 + 8000, 10), []);
  });

  alone(
    'depths tell of every queue what waits, runs and is dead, and how long the oldest has been due',
    async (storage) => {
      const none = { pending: 0, retrying: 0, running: 0, failed: 0, oldestDueAt: undefined };
      const depths = async (now: number) =>
        Object.fromEntries((await storage.tasks.depths(now)).map(({ queue, ...depth }) => [queue, depth]));
      assert.deepEqual(await depths(t0), { 'high-priority': none, default: none, batched: none });
      for (const status of taskStatuses) await taskIn(storage, status);
      await insertTasks(storage, aTask({ runAt: t0 + 50, priority: 0 }), aTask({ queue: 'batched', runAt: t0 + 60 }));
      assert.deepEqual(await depths(t0 + 55), {
        'high-priority': none,
        default: { pending: 2, retrying: 1, running: 1, failed: 1, oldestDueAt: t0 },
        batched: { ...none, pending: 1 },
      });
      assert.equal((await depths(t0 + 60)).batched!.oldestDueAt, t0 + 60);
    },
  );

  rule('the steps of a root come oldest first, without those of others', async (storage) => {
    const root = newId('tsk');
    const steps = [30, 10, 20].map((ms) => aTask({ id: `${root}:s${ms}`, root, createdAt: t0 + ms }));
    await insertTasks(storage, ...steps, aTask({ root: newId('tsk') }), aTask({ id: `${root}:alien` }));
    assert.deepEqual(
      (await storage.tasks.steps(root)).map(({ createdAt }) => createdAt - t0),
      [10, 20, 30],
    );
    assert.deepEqual(await storage.tasks.steps(newId('tsk')), []);
  });

  rule('something is alive under a prefix while a task that begins with it has not ended', async (storage) => {
    for (const status of taskStatuses) {
      const prefix = `${newId('tsk')}:`;
      await taskIn(storage, status, { id: `${prefix}deliver` });
      const alive = ['pending', 'running', 'retrying'].includes(status);
      assert.equal(await storage.tasks.alive(prefix), alive, status);
      assert.equal(await storage.tasks.alive(`${prefix}delivery`), false);
      assert.equal(await storage.tasks.alive(prefix.slice(0, -1)), alive);
    }
    await insertTasks(storage, aTask({ id: 'odd_%:größe👍' }));
    assert.equal(await storage.tasks.alive('odd_%:'), true);
    assert.equal(await storage.tasks.alive('oddX%:'), false, 'a prefix is no pattern');
    assert.equal(await storage.tasks.alive('odd%'), false);
    assert.equal(await storage.tasks.alive('odd_%:größe'), true);
  });

  alone('lists of tasks show the newest first, a page at a time, narrowed by state and queue', async (storage) => {
    const ids: string[] = times(11, () => newId('tsk'));
    for (const [i, id] of ids.entries())
      await taskIn(storage, i % 3 ? 'pending' : 'failed', { id, queue: i % 2 ? 'default' : 'batched' });
    const walk = async (query: Parameters<Storage['tasks']['list']>[0]) => {
      const seen: number[] = [];
      let after: string | undefined;
      do {
        const page = await storage.tasks.list({ ...query, after });
        assert.ok(page.items.length <= query.limit);
        seen.push(...page.items.map(({ id }) => ids.indexOf(id)));
        after = page.next;
      } while (after !== undefined);
      return seen;
    };
    assert.deepEqual(await walk({ limit: 3 }), [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    assert.deepEqual(await walk({ limit: 2, status: 'failed' }), [9, 6, 3, 0]);
    assert.deepEqual(await walk({ limit: 2, status: 'failed', queue: 'batched' }), [6, 0]);
    assert.deepEqual(await walk({ limit: 5, queue: 'high-priority' }), []);
    const [first] = (await storage.tasks.list({ limit: 1 })).items;
    assert.deepEqual(first, await taskOf(storage, ids[10]!));
  });
}

function pruning({ alone }: Rules): void {
  alone('tasks that finished before an instant go, dead letters and what has not ended stay', async (storage) => {
    const ids: Partial<Record<TaskStatus, string>> = {};
    for (const status of taskStatuses) ids[status] = await taskIn(storage, status);
    assert.equal(await storage.tasks.prune(t0 + 100, 10), 0, 'they finished at that instant');
    assert.equal(await storage.tasks.prune(t0 + 101, 10), 2);
    const left = [];
    for (const status of taskStatuses) if (await storage.tasks.get(ids[status]!)) left.push(status);
    assert.deepEqual(left, ['pending', 'running', 'retrying', 'failed']);
    await storage.tasks.drop(ids.failed!, t0 + 300, []);
    assert.equal(await storage.tasks.prune(t0 + 301, 10), 1, 'a dead letter that was given up goes');
  });

  alone('at most as many tasks go as were asked for', async (storage) => {
    for (let i = 0; i < 5; i++) await taskIn(storage, 'succeeded');
    const removed = [];
    for (let i = 0; i < 4; i++) removed.push(await storage.tasks.prune(t0 + 200, 2));
    assert.deepEqual(removed, [2, 2, 1, 0]);
  });
}
