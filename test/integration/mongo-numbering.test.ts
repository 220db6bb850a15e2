import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Collection, type Db, MongoClient } from 'mongodb';
import type { Storage } from '#ports/storage.ts';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createNumbering } from '../../src/adapters/storage-mongo/change-feed.ts';
import { openMongoStorage } from '../../src/adapters/storage-mongo/storage.ts';
import { aResponse, newId } from '../contract/storage/documents.ts';
import { insert, keep, times, updating } from '../contract/storage/kit.ts';
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

type Marked = { _id: string; revision: number; changed?: number; unnumbered?: true };

/** The database of a process that is stopped once: before it decides a batch, or before it puts the nth one into its records. */
function stopping(db: Db, before: 'decision' | { batch: number }) {
  const [reached, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let batches = 0;
  const halt = () => {
    reached.resolve();
    return free.promise;
  };
  const collection = (name: string): Collection => {
    const own = db.collection(name);
    return Object.assign(Object.create(own), {
      async updateOne(...given: Parameters<typeof own.updateOne>) {
        if (before === 'decision') await halt();
        return own.updateOne(...given);
      },
      async bulkWrite(...given: Parameters<typeof own.bulkWrite>) {
        batches += 1;
        if (before !== 'decision' && batches === before.batch) await halt();
        return own.bulkWrite(...given);
      },
    });
  };
  return { db: { collection } as Db, reached: reached.promise, go: free.resolve };
}

test(
  'processes that were stopped in the middle give no revision a second number, and set none back',
  limit,
  async (t) => {
    const w = await world(t, 0);
    if (!w) return;
    const responses = w.raw.collection<Marked>('responses');
    const idOf = (n: number) => `rsp_${String(n).padStart(4, '0')}`;
    const changedIds = times(40, (i) => idOf(i < 30 ? i : 30 + i));
    assert.equal(await createNumbering(w.raw).number(), 0);
    // Two batches.
    await responses.insertMany(times(100, (i) => ({ _id: idOf(i), revision: 1, unnumbered: true as const })));
    const numbers = async () => {
      const all = await responses.find().sort({ _id: 1 }).toArray();
      return new Map(all.map(({ _id, changed }) => [_id, changed]));
    };

    const [deciding, putting] = [stopping(w.raw, 'decision'), stopping(w.raw, { batch: 2 })];
    const first = createNumbering(deciding.db).number();
    await deciding.reached;
    const second = createNumbering(putting.db).number();
    await putting.reached;
    assert.equal(await createNumbering(w.raw).number(), 100, 'a third one has repeated what was decided');
    const before = await numbers();
    assert.deepEqual(
      [...before.values()].sort((x, y) => x! - y!),
      times(100, (i) => i + 1),
    );

    await responses.updateMany({ _id: { $in: changedIds } }, { $inc: { revision: 1 }, $set: { unnumbered: true } });
    deciding.go();
    assert.equal(await first, 140, 'what it had looked up before it was stopped is numbered already');
    putting.go();
    await second;
    const after = await numbers();
    assert.deepEqual(
      changedIds.map((id) => after.get(id)).sort((x, y) => x! - y!),
      times(40, (i) => 101 + i),
    );
    for (const [id, number] of before) if (!changedIds.includes(id)) assert.equal(after.get(id), number, id);
  },
);

test(
  'what changes again while its number is put into it stands at that number all the same, and at a later one',
  limit,
  async (t) => {
    const w = await world(t, 0);
    if (!w) return;
    const responses = w.raw.collection<Marked>('responses');
    const id = 'rsp_1';
    assert.equal(await createNumbering(w.raw).number(), 0);
    await responses.insertOne({ _id: id, revision: 1, unnumbered: true });
    const slow = stopping(w.raw, { batch: 1 });
    const numbering = createNumbering(slow.db).number();
    await slow.reached;
    await responses.updateOne({ _id: id }, { $inc: { revision: 1 }, $set: { unnumbered: true } });
    slow.go();
    assert.equal(await numbering, 1);
    assert.deepEqual(await responses.findOne(), { _id: id, revision: 2, unnumbered: true, changed: 1 });
    assert.equal(await createNumbering(w.raw).number(), 2);
    assert.deepEqual(await responses.findOne(), { _id: id, revision: 2, changed: 2 });
  },
);
