import type { AnyBulkWriteOperation, Collection, Db, Document, Filter } from 'mongodb';
import type { KeptResponse } from '#domain/response.ts';
import type { ChangeFeed, ChangeRange, FeedItem, FeedQuery } from '#ports/change-feed.ts';
import { type ResponseRecord, storedOf } from './collections.ts';
import { countersCollection } from './commit/relay.ts';

/** A response that is gone. Its id is that of the response. */
export type RemovalRecord = { _id: string; formId: string; day: string; revision: number } & Numbered;

/** `unnumbered`: it has changed since it was given its number `changed`, or has none yet. */
export type Numbered = { unnumbered?: true; changed?: number };

export const removalsCollection = 'removals';
const feedId = 'feed';

/** Numbers up to `applied` are in their records; those of `batch` follow on it, in its order, and may be or not. */
type Feed = {
  _id: string;
  version: number;
  applied: number;
  batch: { in: 'responses' | 'removals'; id: string; revision: number }[];
};

/** An update of a record takes up to 6 ms on a server that is slow or busy: whoever waits for it, or for the end of this process, waits for one batch at most. */
const mostAtOnce = 50;
/** Changes that a call looks up at its beginning. With more than these waiting it looks again, and goes on for as long as so many come while it numbers so many. */
const mostAsked = 5_000;
/** Ids in one question. */
const mostLookedUp = 500;
/** Characters after which a page ends early, as for lists. */
const pageCharacters = 16_000_000;

/**
 * Gives changes their numbers after the fact: what writes a response marks it as unnumbered. Which numbers a batch of such records gets is decided by one write of
 * one document, by version. Putting them into the records is harmless twice: a revision is in one batch only, since a batch is in its records before the next one
 * is looked for; so whoever repeats it repeats the number, and a record that has a higher one does not take it. Any process may do it, several at once do no harm, and
 * one that was stopped in the middle and comes back a day later can only repeat what was decided. A record that has changed again in between is in a later batch
 * too.
 */
export function createNumbering(db: Db) {
  const feeds = db.collection<Feed>(countersCollection);
  const collections = {
    responses: db.collection<ResponseRecord>('responses') as unknown as Collection<Marked>,
    removals: db.collection<RemovalRecord>(removalsCollection) as unknown as Collection<Marked>,
  };

  /** The last version whose batch this process has put into its records: most calls find nothing new. */
  let put = -1;

  /**
   * Returns the number up to which the feed is complete; every change acknowledged before the call is numbered, unless `enough` says after a batch that it is.
   * Errors: the driver's.
   */
  async function number({ enough }: { enough?: () => boolean } = {}): Promise<number> {
    const asked = createAsked(enough ? mostAtOnce : mostAsked);
    for (;;) {
      const feed = await current();
      await apply(feed);
      const applied = feed.applied + feed.batch.length;
      const batch = await asked.next(feed.version);
      if (batch.length === 0 && feed.batch.length === 0) return applied;
      const decided = await feeds.updateOne(
        { _id: feedId, version: feed.version },
        { $set: { version: feed.version + 1, applied, batch } },
      );
      // Another process has decided; what waits now is in its batch or in the next.
      if (decided.modifiedCount === 0) continue;
      asked.numbered();
      if (asked.ended() || enough?.()) {
        await apply({ ...feed, version: feed.version + 1, applied, batch });
        return applied + batch.length;
      }
    }
  }

  /**
   * What waits for its number when a call begins, a batch at a time. What comes later is for the next call: where it comes faster than it is numbered, this one
   * would never end. With `most` or more waiting it looks again once these have their numbers.
   */
  function createAsked(most: number) {
    let left: Feed['batch'] = [];
    let more = true;
    /** The version of the feed up to which nobody else has numbered any of them. */
    let known = -1;
    return {
      /** `version`: of the feed, read before. None: all that the call is for has its number. */
      async next(version: number): Promise<Feed['batch']> {
        // In a batch twice, a revision would get a second number.
        if (version !== known) left = await stillWaiting(left);
        if (left.length === 0 && more) {
          left = await waiting(most);
          more = left.length === most;
        }
        known = version;
        return left.slice(0, mostAtOnce);
      },
      /** The batch that `next` gave is decided, as the next version. */
      numbered() {
        left = left.slice(mostAtOnce);
        known += 1;
      },
      ended: () => left.length === 0 && !more,
    };
  }

  async function current(): Promise<Feed> {
    const found = await feeds.findOne({ _id: feedId });
    if (found) return found;
    await feeds.updateOne({ _id: feedId }, { $setOnInsert: { version: 0, applied: 0, batch: [] } }, { upsert: true });
    return (await feeds.findOne({ _id: feedId }))!;
  }

  async function waiting(most: number): Promise<Feed['batch']> {
    // A response that is gone is not among the first any more: its removal comes after all that it was.
    const changed = await unnumbered('responses', most);
    const removed = changed.length < most ? await unnumbered('removals', most - changed.length) : [];
    return [...changed, ...removed];
  }

  /** Those that have no number yet, with their revision of now. */
  async function stillWaiting(some: Feed['batch']): Promise<Feed['batch']> {
    const found: Feed['batch'] = [];
    for (const name of ['responses', 'removals'] as const) {
      const ids = some.filter((one) => one.in === name).map(({ id }) => id);
      for (let from = 0; from < ids.length; from += mostLookedUp)
        found.push(...(await unnumbered(name, mostLookedUp, { _id: { $in: ids.slice(from, from + mostLookedUp) } })));
    }
    return found;
  }

  async function unnumbered(
    name: 'responses' | 'removals',
    most: number,
    those: Filter<Marked> = {},
  ): Promise<Feed['batch']> {
    const found = await collections[name]
      .find({ unnumbered: true, ...those })
      .limit(most)
      .project<{ _id: string; revision: number }>({ revision: 1 })
      .toArray();
    return found.map(({ _id, revision }) => ({ in: name, id: _id, revision }));
  }

  /**
   * Puts the numbers of a batch into its records, late or twice without harm. One that has changed since it was looked up stands at its number as it is now, and
   * stays marked for its next one: whoever asks what has come up to the number is to see it. One that has a higher number keeps that.
   */
  async function apply({ version, applied, batch }: Feed): Promise<void> {
    if (version === put) return;
    const numbered = batch.map((one, i) => ({ ...one, number: applied + i + 1 }));
    await Promise.all(
      (['responses', 'removals'] as const).map(async (name) => {
        const own = numbered.filter((one) => one.in === name);
        const write = (updates: AnyBulkWriteOperation<Marked>[]) =>
          updates.length === 0 ? undefined : collections[name].bulkWrite(updates, { ordered: false });
        const done = await write(
          own.map(({ id, revision, number }) => ({
            updateOne: {
              filter: { _id: id, revision, unnumbered: true },
              update: { $set: { changed: number }, $unset: { unnumbered: '' } },
            },
          })),
        );
        if (done?.matchedCount === own.length) return;
        await write(
          own.map(({ id, revision, number }) => {
            const behind = { $or: [{ changed: { $exists: false } }, { changed: { $lt: number } }] };
            return {
              updateOne: {
                filter: { _id: id, revision: { $gt: revision }, unnumbered: true, ...behind },
                update: { $set: { changed: number } },
              },
            };
          }),
        );
      }),
    );
    put = version;
  }

  return { number };
}
export type Numbering = ReturnType<typeof createNumbering>;
type Marked = Document & { _id: string; revision: number; unnumbered?: true };

export function createChangeReads(db: Db, newest: () => Promise<number>): ChangeFeed {
  const responses = db.collection<ResponseRecord>('responses');
  const removals = db.collection<RemovalRecord>(removalsCollection);
  const within = ({ formId, after, to }: ChangeRange) => ({ formId, changed: { $gt: after, $lte: to } });

  async function days(range: ChangeRange) {
    const counted = (collection: Collection<Document>) =>
      collection
        .aggregate<{ _id: string; changes: number; newest: number }>([
          { $match: within(range) },
          { $group: { _id: '$day', changes: { $sum: 1 }, newest: { $max: '$changed' } } },
        ])
        .toArray();
    const found = await Promise.all([counted(responses as never), counted(removals as never)]);
    const byDay = Map.groupBy(found.flat(), ({ _id }) => _id);
    return [...byDay]
      .map(([day, those]) => ({
        day,
        changes: those.reduce((sum, { changes }) => sum + changes, 0),
        newest: Math.max(...those.map((one) => one.newest)),
      }))
      .sort((a, b) => (a.day < b.day ? -1 : 1));
  }

  async function list({ limit, to = Number.MAX_SAFE_INTEGER, ...of }: FeedQuery) {
    const range = { ...of, to };
    const [changed, removed] = await Promise.all([
      responses
        .find(within(range), { projection: { outbox: 0 }, batchSize: 100 })
        .sort({ changed: 1 })
        .limit(limit)
        .toArray(),
      removals.find(within(range)).sort({ changed: 1 }).limit(limit).toArray(),
    ]);
    const all = [...changed.map(changedItem), ...removed.map(removedItem)].sort(
      (a, b) => a.item.number - b.item.number,
    );
    const items: FeedItem[] = [];
    let characters = 0;
    for (const one of all.slice(0, limit)) {
      if (items.length > 0 && characters > pageCharacters) return { items, next: items.at(-1)!.number };
      items.push(one.item);
      characters += one.characters;
    }
    return { items, next: items.length === limit ? items.at(-1)!.number : undefined };
  }

  return { newest, days, list };
}

type Sized = { item: FeedItem; characters: number };

function changedItem(record: ResponseRecord): Sized {
  const { revision, doc } = storedOf('response', record);
  return {
    item: { number: record.changed!, revision, response: doc as KeptResponse },
    characters: record.doc.length + record.answers.length,
  };
}

function removedItem({ _id, day, changed }: RemovalRecord): Sized {
  return { item: { number: changed!, removed: { id: _id, day } }, characters: 100 };
}
