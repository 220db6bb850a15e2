import assert from 'node:assert/strict';
import type { Response } from '#domain/response.ts';
import type { FeedItem } from '#ports/change-feed.ts';
import type { Storage } from '#ports/storage.ts';
import { aForm, aResponse, aTask, classified, newId, t0 } from './documents.ts';
import { found, insert, insertTasks, keep, noun, type StoreUnderTest, times, updating } from './kit.ts';

const day = (n: number): string => `2026-11-0${n}`;
const of = (formId: string, n = 1, answers = {}) =>
  aResponse({ formId, day: day(n), now: t0 + n * 86_400_000, answers });

/** All changes of a form after a number, a page at a time. */
async function feed(storage: Storage, formId: string, after = 0, limit = 1000): Promise<FeedItem[]> {
  const to = await storage.changes.newest();
  const items: FeedItem[] = [];
  for (let at: number | undefined = after; at !== undefined; ) {
    const page = await storage.changes.list({ formId, after: at, to, limit });
    assert.ok(page.items.length <= limit);
    items.push(...page.items);
    at = page.next;
  }
  return items;
}
const idOf = (item: FeedItem): string => ('response' in item ? item.response.id : `removed ${item.removed.id}`);

async function change(storage: Storage, response: Response): Promise<void> {
  const { doc, revision } = await found(storage, 'response', response.id);
  await keep(storage, updating('response', { ...doc, status: 'completed' }, revision));
}
async function remove(storage: Storage, { id }: Response): Promise<void> {
  const { revision } = await found(storage, 'response', id);
  await keep(storage, { change: { op: 'remove', kind: 'response', id, expect: revision } });
}

export function changeRules(under: StoreUnderTest): void {
  noun(under, 'changes', ({ rule, alone }) => {
    alone('an empty store has no changes', async (storage) => {
      assert.deepEqual(await feed(storage, newId('frm')), []);
      const to = await storage.changes.newest();
      assert.deepEqual(await storage.changes.days({ formId: newId('frm'), after: 0, to }), []);
    });

    rule('a response stands in the feed once, at its newest change, as it is now', async (storage) => {
      const formId = newId('frm');
      const [a, b, c] = [of(formId), of(formId), of(formId)];
      await insert(storage, 'response', a);
      await insert(storage, 'response', b);
      await insert(storage, 'response', c);
      assert.deepEqual((await feed(storage, formId)).map(idOf), [a.id, b.id, c.id]);
      await change(storage, a);
      const items = await feed(storage, formId);
      assert.deepEqual(items.map(idOf), [b.id, c.id, a.id]);
      const last = items.at(-1)!;
      assert.ok('response' in last);
      assert.deepEqual({ revision: last.revision, doc: last.response }, await found(storage, 'response', a.id));
      const numbers = items.map(({ number }) => number);
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((x, y) => x - y),
        'numbers grow',
      );
    });

    rule('what was removed stands there as removed, with its day', async (storage) => {
      const formId = newId('frm');
      const [a, b] = [of(formId, 1), of(formId, 2)];
      await insert(storage, 'response', a, b);
      const before = await storage.changes.newest();
      await remove(storage, a);
      assert.deepEqual((await feed(storage, formId)).map(idOf), [b.id, `removed ${a.id}`]);
      const [only, ...none] = await feed(storage, formId, before);
      assert.ok(only && 'removed' in only && none.length === 0);
      assert.deepEqual(only.removed, { id: a.id, day: day(1) });
    });

    rule('whoever remembers a number sees what came later, and nothing twice', async (storage) => {
      const formId = newId('frm');
      const responses = times(7, () => of(formId));
      const seen: string[] = [];
      let at = 0;
      for (const response of responses) {
        await insert(storage, 'response', response);
        const to = await storage.changes.newest();
        const { items, next } = await storage.changes.list({ formId, after: at, to, limit: 10 });
        assert.equal(next, undefined);
        seen.push(...items.map(idOf));
        at = to;
      }
      assert.deepEqual(
        seen,
        responses.map(({ id }) => id),
      );
    });

    rule('the newest number is not below any change acknowledged before, also of many at once', async (storage) => {
      const formId = newId('frm');
      for (let round = 0; round < 3; round++) {
        const responses = times(40, () => of(formId));
        await insert(storage, 'response', ...responses);
        const ids = new Set((await feed(storage, formId)).map(idOf));
        for (const { id } of responses) assert.ok(ids.has(id));
      }
    });

    rule('what changes while pages are read is not lost: it comes with a higher number', async (storage) => {
      const formId = newId('frm');
      const responses = times(9, () => of(formId));
      for (const response of responses) await insert(storage, 'response', response);
      const to = await storage.changes.newest();
      const first = await storage.changes.list({ formId, after: 0, to, limit: 4 });
      assert.equal(first.items.length, 4);
      await change(storage, responses[6]!);
      await remove(storage, responses[0]!);
      const rest = await storage.changes.list({ formId, after: first.next!, to, limit: 1000 });
      const later = await feed(storage, formId, to);
      assert.deepEqual(later.map(idOf), [responses[6]!.id, `removed ${responses[0]!.id}`]);
      const all = [...first.items, ...rest.items].map(idOf);
      for (const { id } of responses) assert.ok([...all, ...later.map(idOf)].includes(id));
    });

    rule('pages of any size give the same, removals among them', async (storage) => {
      const formId = newId('frm');
      const responses = times(25, (i) => of(formId, 1 + (i % 3)));
      for (const response of responses) await insert(storage, 'response', response);
      for (const i of [3, 17, 4]) await remove(storage, responses[i]!);
      for (const i of [8, 1]) await change(storage, responses[i]!);
      const whole = (await feed(storage, formId)).map(idOf);
      assert.equal(whole.length, 25);
      for (const limit of [1, 2, 7, 24, 25]) assert.deepEqual((await feed(storage, formId, 0, limit)).map(idOf), whole);
    });

    rule('each form has its own changes', async (storage) => {
      const [one, other] = [newId('frm'), newId('frm')];
      const [a, b] = [of(one), of(other)];
      await insert(storage, 'response', a, b);
      assert.deepEqual((await feed(storage, one)).map(idOf), [a.id]);
      assert.deepEqual((await feed(storage, other)).map(idOf), [b.id]);
    });

    rule('days of submission on which something changed, with how much and the newest number', async (storage) => {
      const formId = newId('frm');
      const [a, b, c, d] = [of(formId, 3), of(formId, 1), of(formId, 1), of(formId, 2)];
      for (const response of [a, b, c, d]) await insert(storage, 'response', response);
      const before = await storage.changes.newest();
      const days = async (after: number) => {
        const found = await storage.changes.days({ formId, after, to: await storage.changes.newest() });
        return found.map(({ day: name, changes }) => [name, changes]);
      };
      assert.deepEqual(await days(0), [
        [day(1), 2],
        [day(2), 1],
        [day(3), 1],
      ]);
      assert.deepEqual(await days(before), []);
      await change(storage, a);
      await change(storage, a);
      await remove(storage, c);
      assert.deepEqual(await days(before), [
        [day(1), 1],
        [day(3), 1],
      ]);
      const to = await storage.changes.newest();
      const found = await storage.changes.days({ formId, after: before, to });
      const numbers = new Map((await feed(storage, formId, before)).map((item) => [idOf(item), item.number]));
      assert.deepEqual(
        found.map(({ newest }) => newest),
        [numbers.get(`removed ${c.id}`), numbers.get(a.id)],
      );
    });

    rule('a refused commit and other documents are no change', async (storage) => {
      const formId = newId('frm');
      const a = of(formId);
      await insert(storage, 'response', a);
      const before = await storage.changes.newest();
      await storage.commit(updating('response', a, 7));
      await storage.commit({ change: { op: 'remove', kind: 'response', id: a.id, expect: 7 } });
      await storage.commit({ change: { op: 'insert', kind: 'response', doc: a } });
      await insert(storage, 'form', aForm());
      await insertTasks(storage, aTask());
      assert.equal(await storage.changes.newest(), before);
      assert.deepEqual(await feed(storage, formId, before), []);
    });

    alone('the feed goes on behind what it was when the store is opened again', async (storage, place) => {
      const formId = newId('frm');
      const [a, b] = [of(formId), of(formId)];
      await insert(storage, 'response', a);
      const before = await storage.changes.newest();
      await storage.close();
      const again = await place.open();
      assert.ok((await again.changes.newest()) >= before);
      assert.deepEqual((await feed(again, formId)).map(idOf), [a.id]);
      await insert(again, 'response', b);
      assert.deepEqual((await feed(again, formId, before)).map(idOf), [b.id]);
    });

    alone('a forgotten idempotency key is no change', async (storage) => {
      const formId = newId('frm');
      await insert(storage, 'response', { ...of(formId), idempotency: 'abc' });
      const before = await storage.changes.newest();
      assert.equal(await storage.responses.forgetKeys(t0 + 90 * 86_400_000, 10), 1);
      assert.deepEqual(await feed(storage, formId, before), []);
    });

    rule('days of the store: how many responses, and when the first and the last came', async (storage) => {
      const formId = newId('frm');
      const at = (n: number, ms: number) => aResponse({ formId, day: day(n), now: t0 + n * 86_400_000 + ms });
      await insert(storage, 'response', at(1, 5), at(1, 70), at(2, 0), at(1, 6), at(3, 9));
      const time = (n: number, ms: number) => t0 + n * 86_400_000 + ms;
      assert.deepEqual(await storage.responses.days({ formId }), [
        { day: day(1), count: 3, first: time(1, 5), last: time(1, 70) },
        { day: day(2), count: 1, first: time(2, 0), last: time(2, 0) },
        { day: day(3), count: 1, first: time(3, 9), last: time(3, 9) },
      ]);
      assert.deepEqual(await storage.responses.days({ formId, from: time(1, 6), to: time(2, 0) }), [
        { day: day(1), count: 2, first: time(1, 6), last: time(1, 70) },
      ]);
      assert.deepEqual(
        await storage.responses.days({
          formId,
          from: time(1, 6),
          to: time(9, 0),
          only: { from: day(1), to: day(2) },
        }),
        [
          { day: day(1), count: 2, first: time(1, 6), last: time(1, 70) },
          { day: day(2), count: 1, first: time(2, 0), last: time(2, 0) },
        ],
      );
      assert.deepEqual(await storage.responses.days({ formId: newId('frm') }), []);
    });

    rule('what was understood and reviewed comes with the change', async (storage) => {
      const formId = newId('frm');
      const a = of(formId);
      await insert(storage, 'response', a);
      const { doc, revision } = await found(storage, 'response', a.id);
      const understanding = { classify: classified('praise') };
      await keep(
        storage,
        updating('response', { ...doc, understanding, review: { label: 'other', by: 'usr_1', at: t0 } }, revision),
      );
      const [item] = await feed(storage, formId);
      assert.ok(item && 'response' in item);
      assert.equal(item.response.understanding?.classify?.label, 'praise');
      assert.equal(item.response.review?.label, 'other');
    });
  });
}
