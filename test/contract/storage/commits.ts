import assert from 'node:assert/strict';
import type { Commit, Storage } from '#ports/storage.ts';
import { aForm, anEntry, anEvent, aResponse, aTask, aVector, itsTask, newId, t0 } from './documents.ts';
import {
  auditEntries,
  claimed,
  found,
  insert,
  inserting,
  insertion,
  insertTasks,
  keep,
  noun,
  outcomes,
  plain,
  type StoreUnderTest,
  taskOf,
  times,
  unavailable,
  updating,
} from './kit.ts';

/** Followers of every sort, and whether any of them was written. */
function following() {
  const event = anEvent();
  const task = aTask();
  const entry = anEntry();
  return {
    rest: { also: [inserting('event', event)], tasks: [task], audit: [entry] } satisfies Partial<Commit>,
    written: async (storage: Storage) => ({
      event: (await storage.get('event', event.id)) !== undefined,
      task: (await storage.tasks.get(task.id)) !== undefined,
      audit: (await auditEntries(storage)).some(({ id }) => id === entry.id),
    }),
  };
}
const all = { event: true, task: true, audit: true };
const nothing = { event: false, task: false, audit: false };

export function commitRules(under: StoreUnderTest): void {
  noun(under, 'commits', ({ rule, alone }) => {
    rule('a change and everything that follows from it are written together', async (storage) => {
      const form = aForm();
      const follow = following();
      assert.deepEqual(await storage.commit(insertion('form', form, follow.rest)), {
        outcome: 'committed',
        revision: 1,
        ...(await noReceipt(storage, form.id)),
      });
      assert.deepEqual(await follow.written(storage), all);
    });

    rule('a commit without an aggregate writes its followers', async (storage) => {
      const follow = following();
      await keep(storage, { change: { op: 'none' }, ...follow.rest });
      assert.deepEqual(await follow.written(storage), all);
    });

    rule(
      'a document is replaced in one commit by its removal and a follower of the same id, and then stands last in its list',
      async (storage) => {
        const formId = newId('frm');
        const [first, second] = [aVector({ formId, at: t0 }), aVector({ formId, at: t0 + 1 })];
        await insert(storage, 'vector', first);
        await insert(storage, 'vector', second);
        const anew = { ...first, modelSha256: 'f'.repeat(64), at: t0 + 2 };
        const replace: Commit = {
          change: { op: 'remove', kind: 'vector', id: first.id, expect: 1 },
          also: [inserting('vector', anew)],
        };
        await keep(storage, replace);
        const { items } = await storage.list('vector', { where: { formId }, limit: 10 });
        assert.deepEqual(
          items.map(({ doc }) => doc),
          [second, anew],
        );
        await keep(storage, replace);
        const [again] = (await storage.list('vector', { where: { formId }, from: t0 + 2, limit: 10 })).items;
        assert.deepEqual(again, { revision: 1, doc: anew }, 'a second time');
      },
    );

    rule('the first revision is 1, and every update adds one', async (storage) => {
      const form = aForm();
      assert.equal((await keep(storage, insertion('form', form))).revision, 1);
      assert.equal((await keep(storage, updating('form', { ...form, title: 'b' }, 1))).revision, 2);
      assert.equal((await keep(storage, updating('form', { ...form, title: 'c' }, 2))).revision, 3);
      assert.deepEqual(await storage.get('form', form.id), { revision: 3, doc: plain({ ...form, title: 'c' }) });
    });

    rule('an insert of an id that is taken names it, and writes nothing at all', async (storage) => {
      const form = aForm();
      await insert(storage, 'form', form);
      const follow = following();
      const again = insertion('form', { ...form, slug: 'another-slug', title: 'another' }, follow.rest);
      assert.deepEqual(await storage.commit(again), { outcome: 'exists', id: form.id });
      assert.deepEqual(await follow.written(storage), nothing);
      assert.deepEqual(await storage.get('form', form.id), { revision: 1, doc: plain(form) });
      assert.equal(await storage.getByKey('form', 'another-slug'), undefined);
    });

    rule('an update of another revision is a conflict, and writes nothing at all', async (storage) => {
      const form = aForm();
      await insert(storage, 'form', form);
      for (const expect of [0, 2]) {
        const follow = following();
        const stale = updating('form', { ...form, title: 'stale' }, expect, follow.rest);
        assert.deepEqual(await storage.commit(stale), { outcome: 'conflict' });
        assert.deepEqual(await follow.written(storage), nothing);
      }
      assert.deepEqual(await storage.get('form', form.id), { revision: 1, doc: plain(form) });
    });

    rule('an update of a document that is not there is a conflict', async (storage) => {
      const follow = following();
      const form = aForm();
      assert.deepEqual(await storage.commit(updating('form', form, 1, follow.rest)), { outcome: 'conflict' });
      assert.deepEqual(await follow.written(storage), nothing);
      assert.equal(await storage.get('form', form.id), undefined);
    });

    rule('of fifty updates of one revision one wins, and the document is the winner', async (storage) => {
      const form = aForm();
      await insert(storage, 'form', form);
      const results = await Promise.all(
        times(50, (i) => storage.commit(updating('form', { ...form, title: `title ${i}` }, 1))),
      );
      assert.equal(outcomes(results, 'committed').length, 1);
      assert.equal(outcomes(results, 'conflict').length, 49);
      const winner = results.findIndex((result) => result.outcome === 'committed');
      assert.deepEqual(await storage.get('form', form.id), {
        revision: 2,
        doc: plain({ ...form, title: `title ${winner}` }),
      });
    });

    rule('a document is removed at the expected revision only, and once', async (storage) => {
      const form = aForm();
      await insert(storage, 'form', form);
      const remove = (expect: number, rest: Partial<Commit> = {}) =>
        storage.commit({ change: { op: 'remove', kind: 'form', id: form.id, expect }, ...rest });
      const follow = following();
      assert.deepEqual(await remove(2, follow.rest), { outcome: 'conflict' });
      assert.deepEqual(await follow.written(storage), nothing);
      assert.equal((await remove(1)).outcome, 'committed');
      assert.equal(await storage.get('form', form.id), undefined);
      assert.deepEqual(await remove(1), { outcome: 'conflict' });
      assert.equal((await storage.commit(insertion('form', aForm({ slug: form.slug })))).outcome, 'committed');
    });

    rule('followers and tasks that are there already stay as they are', async (storage) => {
      const [event, task, entry] = [anEvent(), aTask(), anEntry()];
      await keep(storage, {
        change: { op: 'none' },
        also: [inserting('event', event)],
        tasks: [task],
        audit: [entry],
      });
      await claimed(storage, task.id);
      const before = await taskOf(storage, task.id);
      await keep(storage, updating('event', { ...event, body: '' }, 1));
      await keep(storage, {
        change: { op: 'none' },
        also: [inserting('event', event)],
        tasks: [{ ...task, runAt: t0 + 5, payload: { tick: 2 } }],
        audit: [entry],
      });
      assert.deepEqual(await storage.get('event', event.id), { revision: 2, doc: plain({ ...event, body: '' }) });
      assert.deepEqual(await taskOf(storage, task.id), before);
      assert.equal((await auditEntries(storage)).filter(({ id }) => id === entry.id).length, 1);
    });

    rule('a commit whose cause holds its lease is written', async (storage) => {
      const task = aTask();
      await insertTasks(storage, task);
      const { lease } = await claimed(storage, task.id);
      const follow = following();
      await keep(storage, insertion('form', aForm(), { ...follow.rest, cause: { taskId: task.id, lease } }));
      assert.deepEqual(await follow.written(storage), all);
    });

    rule('a commit whose cause has lost its lease is refused, and writes nothing at all', async (storage) => {
      const [overtaken, ended, waiting] = [aTask(), aTask(), aTask()];
      await insertTasks(storage, overtaken, ended, waiting);
      const first = await claimed(storage, overtaken.id);
      await claimed(storage, overtaken.id, t0 + 8000);
      const { lease } = await claimed(storage, ended.id);
      await keep(storage, {
        change: { op: 'settle', id: ended.id, lease, settlement: { status: 'succeeded' }, now: t0 },
      });
      const causes = [
        { taskId: overtaken.id, lease: first.lease },
        { taskId: ended.id, lease },
        { taskId: waiting.id, lease: newId('lse') },
        { taskId: newId('tsk'), lease: newId('lse') },
      ];
      for (const cause of causes) {
        const [form, follow] = [aForm(), following()];
        const insertForm = insertion('form', form, { ...follow.rest, cause });
        assert.deepEqual(await storage.commit(insertForm), { outcome: 'lease-lost' });
        assert.deepEqual(await follow.written(storage), nothing);
        assert.equal(await storage.get('form', form.id), undefined);
      }
    });

    alone(
      'what cannot be written takes all of its commit along, and nothing of the commits beside it',
      async (storage, place) => {
        const good = times(20, () => aResponse());
        const bad = aResponse();
        const follow = following();
        const commits = good.map((response) => insertion('response', response, { tasks: [itsTask(response)] }));
        commits.splice(10, 0, place.spoiled(insertion('response', bad, follow.rest)));
        const results = await Promise.allSettled(commits.map((commit) => storage.commit(commit)));
        const refused = results.splice(10, 1)[0]!;
        assert.ok(refused.status === 'rejected' && unavailable(refused.reason));
        assert.ok(results.every((result) => result.status === 'fulfilled' && result.value.outcome === 'committed'));
        assert.equal(await storage.get('response', bad.id), undefined);
        assert.deepEqual(await follow.written(storage), nothing);
        for (const response of good) {
          await found(storage, 'response', response.id);
          await taskOf(storage, itsTask(response).id);
        }
        await insert(storage, 'response', bad);
      },
    );

    alone('a closed store refuses everything, and can be closed again', async (storage) => {
      const form = aForm();
      const last = storage.commit(insertion('form', form));
      await Promise.all([storage.close(), storage.close()]);
      assert.equal((await last).outcome, 'committed', 'what was asked for before is finished');
      await assert.rejects(storage.commit(insertion('form', aForm())), unavailable);
      await assert.rejects(storage.get('form', form.id), unavailable);
      await assert.rejects(storage.ping(), unavailable);
      await storage.close();
    });

    rule('a ping is answered by a store that can commit, and its sizes are bytes', async (storage) => {
      await storage.ping();
      const sizes = Object.values(await storage.sizes());
      assert.ok(sizes.length > 0 && sizes.every((bytes) => Number.isInteger(bytes) && bytes >= 0));
      assert.ok(sizes.some((bytes) => bytes > 0));
    });
  });
}

/** Only responses get a receipt; whether the field is absent or undefined is the adapter's affair. */
async function noReceipt(storage: Storage, id: string): Promise<{ receipt?: undefined }> {
  const again = await storage.commit(insertion('form', aForm({ slug: `${id}-twin` })));
  assert.equal(again.outcome, 'committed');
  assert.equal('receipt' in again && again.receipt !== undefined, false);
  return 'receipt' in again ? { receipt: undefined } : {};
}
