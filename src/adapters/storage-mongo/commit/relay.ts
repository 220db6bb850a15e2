import { type AnyBulkWriteOperation, type Collection, type Db, type Document, MongoBulkWriteError } from 'mongodb';
import { layouts, type OutboxEntry } from '../collections.ts';

/** Where an outbox entry stands, and what is in it. `commits`: the entry is the whole record, which goes once it is moved. */
export type Parcel = { collection: string; id: string; commit: string; entry: OutboxEntry };

/** Records that only carry an outbox: of commits without an aggregate, and of removals. */
export const commitsCollection = 'commits';
export const countersCollection = 'counters';
/** Made with the schema, so that no two processes make one at the same time. */
export const counterNames = { responses: 'responses', chains: 'chains' } as const;

type Counter = { _id: string; n: number };

/**
 * How often a response was touched; undefined while a change of one has not been counted, by a relay that is under way or has failed. What waits is looked for
 * first: a change that is counted in between is in the number then. Errors: the driver's.
 */
export async function responseSequence(db: Db): Promise<number | undefined> {
  const responses = layouts.response.collection;
  const waits = (collection: string, those: Document = {}): Promise<unknown> =>
    db.collection(collection).findOne({ waiting: { $gt: 0 }, ...those }, { projection: { _id: 1 } });
  const waiting = await Promise.all([waits(responses), waits(commitsCollection, { 'removal.collection': responses })]);
  if (waiting.some((found) => found !== null)) return undefined;
  return (await db.collection<Counter>(countersCollection).findOne({ _id: counterNames.responses }))?.n ?? 0;
}

const mostAtOnce = 500;

/**
 * Moves what follows from a commit out of the aggregate that carries it: first every follower into its own place under its own id, where what is there
 * already stays as it is; then the entry is cleared. A kill in between leaves the entry to the sweeper, who does the same again.
 */
export function createRelay(db: Db) {
  const records = (name: string): Collection<Document & { _id: string }> => db.collection(name);

  /** Resolves when every follower is in its place. Errors: the driver's; then some may be there, and the entries stand. */
  async function deliver(parcels: Parcel[]): Promise<void> {
    const followers = new Map<string, (Document & { _id: string })[]>();
    const put = (collection: string, record: Document & { _id: string }) => {
      const those = followers.get(collection);
      if (those) those.push(record);
      else followers.set(collection, [record]);
    };
    let responses = 0;
    for (const { entry } of parcels) {
      for (const { collection, record } of entry.also) put(collection, record);
      for (const task of entry.tasks) put('tasks', task);
      for (const audit of entry.audit) put('audit', audit);
      if (entry.response) responses += 1;
    }
    const drops = parcels.flatMap(({ entry }) => (entry.drop ? [entry.drop] : []));
    const tasks = followers.get('tasks') ?? [];
    followers.delete('tasks');
    await Promise.all([
      ...[...followers].map(([collection, those]) => insertMissing(records(collection), those)),
      ...(responses > 0 ? [count(responses)] : []),
      ...drops.map(drop),
    ]);
    // Last: a worker that takes a task finds all it speaks of.
    await insertMissing(records('tasks'), tasks);
  }

  async function drop({ ids, now }: { ids: string[]; now: number }): Promise<void> {
    const dead = { _id: { $in: ids }, status: 'failed' };
    await records('tasks').updateMany(dead, { $set: { status: 'cancelled', finishedAt: now } });
  }

  async function count(responses: number): Promise<void> {
    await records(countersCollection).updateOne({ _id: counterNames.responses }, { $inc: { n: responses } });
  }

  /** Errors: the driver's. An entry that is gone already is left alone. */
  async function clear(parcels: Parcel[]): Promise<void> {
    const byCollection = Map.groupBy(parcels, ({ collection }) => collection);
    await Promise.all(
      [...byCollection].map(([collection, those]) =>
        collection === commitsCollection
          ? records(collection).deleteMany({ _id: { $in: those.map(({ id }) => id) } })
          : records(collection).bulkWrite(those.map(clearing), { ordered: false }),
      ),
    );
  }

  return { deliver, clear };
}
export type Relay = ReturnType<typeof createRelay>;

/** Also where a record is there twice: in two commits that a retry made, or relayed by a sweeper at the same time. Errors: the driver's. */
export async function insertMissing(
  collection: Collection<Document & { _id: string }>,
  those: (Document & { _id: string })[],
): Promise<void> {
  for (let from = 0; from < those.length; from += mostAtOnce) {
    try {
      await collection.insertMany(those.slice(from, from + mostAtOnce), { ordered: false });
    } catch (err) {
      if (!onlyDuplicates(err)) throw err;
    }
  }
}

/** The driver wraps a lost connection and a write that no majority has confirmed in the same error, without a refused record. */
export function onlyDuplicates(err: unknown): boolean {
  if (!(err instanceof MongoBulkWriteError) || err.result.getWriteConcernError() !== undefined) return false;
  const refused = [err.writeErrors].flat();
  return refused.length > 0 && refused.every(({ code }) => code === 11000);
}

function clearing({ id, commit }: Parcel): AnyBulkWriteOperation<Document & { _id: string }> {
  const entry = `outbox.${commit}`;
  return {
    updateOne: {
      filter: { _id: id, [entry]: { $exists: true } },
      update: { $unset: { [entry]: '' }, $inc: { waiting: -1 } },
    },
  };
}
