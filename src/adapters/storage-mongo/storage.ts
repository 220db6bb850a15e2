import { randomUUID } from 'node:crypto';
import type { Db } from 'mongodb';
import type { Clock } from '#ports/clock.ts';
import type { Commit, Storage } from '#ports/storage.ts';
import { createAuditStore } from './audit.ts';
import { createChains } from './chain.ts';
import { createChangeReads, createNumbering } from './change-feed.ts';
import type { TaskRecord } from './collections.ts';
import { createCommits } from './commit/commits.ts';
import { createCouriers } from './commit/couriers.ts';
import { type BatchSeen, createIntake } from './commit/intake.ts';
import { createRelay, responseSequence } from './commit/relay.ts';
import { createSweeper } from './commit/sweeper.ts';
import { answered, assertKeepsPromise, createClient, inTime, type MongoOptions, unavailable } from './connection.ts';
import { createLeases } from './leases.ts';
import { readLines } from './lines.ts';
import { migrate } from './migrations.ts';
import { assertNoMove } from './moves.ts';
import { prune } from './pruning.ts';
import { createDocumentReads } from './read-documents.ts';
import { chainOf, createResponseReads } from './responses.ts';
import { createTaskStore } from './tasks.ts';

export type { MongoOptions } from './connection.ts';

export type MongoStorageOptions = MongoOptions & {
  clock: Clock;
  /** How long a read or write of one document may take in all, where people wait for it; undefined: as long as the driver tries. Milliseconds. */
  patienceMs?: number | undefined;
  /** Opens a store into which an installation is being moved too: for the move itself, to look at what it has brought. */
  unfinishedMove?: boolean;
  /** Called after each batch of responses, for metrics. */
  onBatch?: (seen: BatchSeen) => void;
  /** Something in the background has failed and is tried again. */
  onTrouble?: (err: unknown) => void;
};

/** Counts, searches, walks and the building of indexes take as long as a collection is large. */
const longMs = 600_000;

/** Errors: `storage-unavailable` when the server does not answer, cannot keep the promise, belongs to a newer release, or is being filled by a move. */
export async function openMongoStorage(options: MongoStorageOptions): Promise<Storage> {
  const [client, longClient] = [createClient(options), createClient(options, longMs)];
  const close = async () => void (await Promise.all([client.close(), longClient.close()]));
  try {
    await answered('The MongoDB server does not answer.', client.connect());
    const [db, longDb] = [client.db(), longClient.db()];
    await answered('The MongoDB server does not answer.', assertKeepsPromise(db, options));
    await answered('The schema of the database cannot be brought up to date.', migrate(longDb));
    if (!options.unfinishedMove) await answered('The store cannot read.', assertNoMove(db));
    return await assemble({ db, longDb, options, disconnect: close });
  } catch (err) {
    await close();
    throw err;
  }
}

async function assemble(deps: {
  db: Db;
  /** For what takes long. */
  longDb: Db;
  options: MongoStorageOptions;
  disconnect: () => Promise<void>;
}): Promise<Storage> {
  const { db, longDb, options } = deps;
  const { now } = options.clock;
  const { onBatch = () => {}, onTrouble = () => {}, patienceMs } = options;
  // Claims are not waited for by a majority, and must be seen all the same.
  const tasks = db.collection<TaskRecord>('tasks', { readConcern: { level: 'local' } });
  const relay = createRelay(db);
  const couriers = createCouriers({ relay, onTrouble });
  const chains = createChains(db);
  const intake = createIntake({ db, chains, couriers, onBatch });
  const commits = createCommits({ db, intake, couriers, tasks, now });
  const documents = createDocumentReads(db, longDb);
  const responses = createResponseReads({ db: longDb, chains, tasks });
  const numbering = createNumbering(longDb);
  const sweeper = createSweeper({
    db,
    relay,
    numbering,
    leases: createLeases(db),
    token: randomUUID(),
    now,
    onTrouble,
  });
  await answered('The store cannot finish what an earlier process has begun.', sweeper.sweep());
  sweeper.start();

  const changes = createChangeReads(longDb, numbering.number);
  const underWay = new Set<Promise<unknown>>();
  let closed: Promise<void> | undefined;

  /** Refused once the store is closed; waited for while it is being closed. `ms`: how long the caller waits. */
  function guarded<A extends unknown[], T>(
    what: string,
    work: (...args: A) => Promise<T>,
    ms?: number,
  ): (...args: A) => Promise<T> {
    return (...args) => {
      if (closed !== undefined) return Promise.reject(unavailable('The store is closed.'));
      const running = answered(what, work(...args));
      underWay.add(running);
      const over = () => underWay.delete(running);
      running.then(over, over);
      return ms === undefined ? running : inTime(what, ms, running);
    };
  }
  const reading = <A extends unknown[], T>(work: (...args: A) => Promise<T>, ms?: number) =>
    guarded('The store cannot read.', work, ms);
  const writing = <A extends unknown[], T>(work: (...args: A) => Promise<T>, ms?: number) =>
    guarded('The store cannot write.', work, ms);

  async function close(): Promise<void> {
    await Promise.allSettled(underWay);
    await Promise.all([intake.idle(), sweeper.stop()]);
    await couriers.idle();
    await deps.disconnect();
  }

  return {
    commit: writing((wish: Commit) => commits.commit(wish), patienceMs),
    get: reading(documents.get, patienceMs) as Storage['get'],
    getByKey: reading(documents.getByKey, patienceMs) as Storage['getByKey'],
    list: reading(documents.list) as Storage['list'],
    prune: writing((kind, before, limit) => prune(db, kind, before, limit)) as Storage['prune'],
    tasks: createTaskStore({ tasks, couriers }),
    changes: {
      newest: writing(changes.newest),
      days: reading(changes.days),
      list: reading(changes.list),
    },
    responses: {
      analytics: reading(responses.analytics),
      days: reading(responses.days),
      lines: (query) => readLines(reading(documents.listRecords) as typeof documents.listRecords, query),
      forgetKeys: writing(responses.forgetKeys),
    },
    receipts: {
      head: () => Promise.resolve(intake.head()),
      chains: reading(async () => (await chains.list()).map(chainOf)),
      sign: writing(chains.sign),
      links: reading(responses.links),
    },
    audit: createAuditStore(db, longDb),
    sequence: reading(() => responseSequence(db)),
    ping: writing(async () => {
      await db
        .collection<{ _id: string; at: number }>('pings')
        .updateOne({ _id: 'ping' }, { $set: { at: now() } }, { upsert: true });
    }, patienceMs),
    sizes: reading(async () => {
      const { dataSize = 0, indexSize = 0 } = await db.command({ dbStats: 1 });
      return { database: Math.round(dataSize), indexes: Math.round(indexSize) };
    }),
    close: () => {
      closed ??= close();
      return closed;
    },
  };
}
