import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { MongoClient } from 'mongodb';
import type { Storage } from '#ports/storage.ts';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { openMongoStorage } from '../../src/adapters/storage-mongo/storage.ts';
import { aResponse, newId } from '../contract/storage/documents.ts';
import { found, insert, keep, times, updating } from '../contract/storage/kit.ts';
import { mongoPlace } from '../support/mongo-place.ts';
import { mongoUrl, noMongo, skipWithout } from '../support/services.ts';

/* Numbers of the change feed, given after the fact by any process: what a kill, a pause and several processes at once leave of them. */

/** Ends what hangs: alone the longest takes 12 s, beside a test file that works on both processors more than 60. */
const limit = { timeout: 240_000 };

async function world(t: TestContext, processes: number) {
  const server = mongoUrl();
  if (server === undefined) return skipWithout(t, noMongo);
  const place = mongoPlace(server);
  const client = new MongoClient(place.options.url);
  const stores: Storage[] = [];
  for (let i = 0; i < processes; i++) stores.push(await openMongoStorage({ ...place.options, clock: systemClock }));
  t.after(async () => {
    await Promise.all(stores.map((storage) => storage.close()));
    await client.close();
    await place.clear();
  });
  return { stores, raw: client.db() };
}

async function feed(storage: Storage, formId: string, after: number, to: number) {
  const { items, next } = await storage.changes.list({ formId, after, to, limit: 1000 });
  assert.equal(next, undefined);
  return items.map((item) =>
    'response' in item ? { id: item.response.id, ...item } : { id: item.removed.id, ...item },
  );
}

test(
  'several processes number at once: no number is given twice, and a reader who follows misses nothing',
  limit,
  async (t) => {
    const w = await world(t, 3);
    if (!w) return;
    const formId = newId('frm');
    const responses = w.stores.map(() => times(120, () => aResponse({ formId })));
    const last = new Map<string, number>();
    const numbers: number[] = [];
    let at = 0;
    let done = false;
    const follow = async () => {
      const reader = w.stores[0]!;
      for (;;) {
        const finish = done;
        const to = await reader.changes.newest();
        for (const item of await feed(reader, formId, at, to)) {
          numbers.push(item.number);
          last.set(item.id, 'revision' in item ? item.revision : Number.POSITIVE_INFINITY);
        }
        at = to;
        if (finish) return;
      }
    };
    const write = w.stores.map(async (storage, i) => {
      for (const [k, response] of responses[i]!.entries()) {
        await insert(storage, 'response', response);
        if (k % 3 === 0) await keep(storage, updating('response', { ...response, status: 'completed' }, 1));
        if (k % 10 === 0) await storage.changes.newest();
      }
    });
    const written = Promise.all(write).then(() => {
      done = true;
    });
    await Promise.all([follow(), written]);
    assert.equal(new Set(numbers).size, numbers.length, 'a number was given twice');
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    for (const [k, response] of responses.flat().entries())
      assert.equal(last.get(response.id), (k % 120) % 3 === 0 ? 2 : 1, `${response.id} was not seen as it is`);
  },
);

test('numbers that were decided by a process that died are put into their records by the next', limit, async (t) => {
  const w = await world(t, 1);
  if (!w) return;
  const [storage] = w.stores as [Storage];
  const response = aResponse();
  const before = await storage.changes.newest();
  await insert(storage, 'response', response);
  const feeds = w.raw.collection<{ _id: string; version: number }>('counters');
  const decided = [{ in: 'responses', id: response.id, revision: 1 }];
  // The sweeper of the store may have numbered it meanwhile: then it has the number all the same.
  const set = { batch: decided, applied: before };
  await w.raw
    .collection<{ _id: string }>('responses')
    .updateOne({ _id: response.id }, { $set: { unnumbered: true }, $unset: { changed: '' } });
  await feeds.updateOne({ _id: 'feed' }, { $set: set, $inc: { version: 1 } });
  const to = await storage.changes.newest();
  const items = await feed(storage, response.formId, before, to);
  assert.deepEqual(
    items.map(({ id }) => id),
    [response.id],
  );
});

test('what a process decided and comes back to after a pause changes nothing that has moved on', limit, async (t) => {
  const w = await world(t, 1);
  if (!w) return;
  const [storage] = w.stores as [Storage];
  const response = aResponse();
  await insert(storage, 'response', response);
  const first = await storage.changes.newest();
  const { doc } = await found(storage, 'response', response.id);
  await keep(storage, updating('response', { ...doc, status: 'completed' }, 1));
  const second = await storage.changes.newest();
  assert.ok(second > first);
  // The write of the earlier batch, late.
  const late = { _id: response.id, revision: 1, unnumbered: true };
  const { modifiedCount } = await w.raw
    .collection<{ _id: string }>('responses')
    .updateOne(late as never, { $set: { changed: first }, $unset: { unnumbered: '' } });
  assert.equal(modifiedCount, 0);
  const [item] = await feed(storage, response.formId, first, second);
  assert.ok(item && 'response' in item && item.response.status === 'completed');
});
