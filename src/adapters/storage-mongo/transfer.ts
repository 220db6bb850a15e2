import { BSON, type Collection, type Db, type Document } from 'mongodb';
import { AppError } from '#domain/errors.ts';
import type { KeptResponse } from '#domain/response.ts';
import type { Insert } from '#ports/storage.ts';
import type { MovedDocument, MovedRecord, Part, TransferTarget } from '#ports/store-transfer.ts';
import { entryOf, sealedPlace } from './audit.ts';
import { type ChainRecord, linkOf } from './chain.ts';
import {
  type AuditRecord,
  auditRecord,
  type DocumentRecord,
  layouts,
  recordOf,
  storedOf,
  type TaskRecord,
} from './collections.ts';
import { counterNames, countersCollection, insertMissing } from './commit/relay.ts';
import { answered, assertKeepsPromise, createClient, type MongoOptions } from './connection.ts';
import { migrate } from './migrations.ts';
import { findMove, recordFinish, recordMove, recordReached } from './moves.ts';
import { chainOf } from './responses.ts';
import { taskOf, taskRecord } from './task-records.ts';

type AnyRecord = Document & { _id: string };

/** Building indexes, counting and reading everything take as long as a collection is large. */
const patienceMs = 600_000;
const recordsAtOnce = 200;
/** What MongoDB takes in one record. */
const mostBytes = 16 * 1024 * 1024;

/**
 * A database for an installation that is moved. Nothing is written before `begin`.
 * Errors: `storage-unavailable` when the server does not answer or cannot keep the promise.
 */
export async function openMongoTransfer(options: MongoOptions): Promise<TransferTarget> {
  const client = createClient(options, patienceMs);
  try {
    await answered('The MongoDB server does not answer.', client.connect());
    await answered('The MongoDB server does not answer.', assertKeepsPromise(client.db(), options));
  } catch (err) {
    await client.close();
    throw err;
  }
  const db = client.db();
  const collection = (part: Part): Collection<AnyRecord> => db.collection(collectionOf(part));

  async function begin(installation: string, at: number) {
    const found = await findMove(db, installation);
    // Also of one that goes on: it may have been begun by an older release.
    await migrate(db);
    if (found) return found;
    if (await recordMove(db, installation, at)) return { startedAt: at, finishedAt: undefined, reached: {} };
    return (await findMove(db, installation))!;
  }

  async function write(part: Part, records: MovedRecord[], reached: number): Promise<void> {
    await insertMissing(collection(part), records.map(toRecord));
    await recordReached(db, part, reached);
  }

  async function finish(at: number): Promise<void> {
    await continueCounters(db);
    await recordFinish(db, at);
  }

  return {
    begin: (installation, at) => answered('The database cannot be prepared.', begin(installation, at)),
    write: (part, records, reached) => answered('The store cannot write.', write(part, records, reached)),
    finish: (at) => answered('The store cannot write.', finish(at)),
    count: (part) => answered('The store cannot read.', collection(part).countDocuments()),
    read: (part) => batches(part, collection(part)),
    close: () => client.close(),
  };
}

async function* batches(part: Part, collection: Collection<AnyRecord>): AsyncGenerator<MovedRecord[]> {
  const cursor = collection.find({}, { projection: { outbox: 0 }, batchSize: recordsAtOnce }).sort({ _id: 1 });
  try {
    while (await answered('The store cannot read.', cursor.hasNext()))
      yield cursor.readBufferedDocuments().map((record) => fromRecord(part, record as AnyRecord));
  } finally {
    await cursor.close();
  }
}

/** New chains are numbered behind those that were moved, and whoever compares sequences sees that something is there. */
async function continueCounters(db: Db): Promise<void> {
  const last = await db.collection<ChainRecord>('chains').findOne({}, { sort: { number: -1 } });
  const responses = await db.collection('responses').countDocuments();
  const counters = db.collection<{ _id: string; n: number }>(countersCollection);
  await counters.updateOne({ _id: counterNames.chains }, { $max: { n: last?.number ?? 0 } });
  await counters.updateOne({ _id: counterNames.responses }, { $max: { n: responses } });
}

function collectionOf(part: Part): string {
  switch (part) {
    case 'chain':
      return 'chains';
    case 'task':
      return 'tasks';
    case 'audit':
      return 'audit';
    default:
      return layouts[part].collection;
  }
}

function toRecord(moved: MovedRecord): AnyRecord {
  switch (moved.part) {
    case 'chain': {
      const { id, startedAt, previous, signed } = moved.chain;
      return { _id: id, number: moved.number, startedAt, previous: previous ?? null, signed: signed ?? null };
    }
    case 'task':
      return taskRecord(moved.task);
    case 'audit': {
      const { entry, seal } = moved;
      return { ...auditRecord(entry), ...(seal && { place: sealedPlace(seal.seq), seal: { ...seal } }) };
    }
    default:
      return fitting(documentRecord(moved), moved.part);
  }
}

function documentRecord(moved: MovedDocument): DocumentRecord {
  const insert = { kind: moved.part, doc: moved.doc } as Insert;
  // No commit of this store has written it.
  const record = { ...recordOf(insert, ''), revision: moved.revision, at: moved.at };
  if (moved.part !== 'response') return record;
  const { receipt, idempotency } = moved.doc as KeptResponse;
  const keyed = idempotency !== undefined && { keyedAt: moved.at };
  return { ...record, link: linkOf(receipt.chain, receipt.seq), receipt, ...keyed } as DocumentRecord;
}

/** Errors: `value-refused` for a document that is larger than a record can be. */
function fitting(record: AnyRecord & DocumentRecord, part: Part): AnyRecord {
  const characters = record.doc.length + (typeof record.answers === 'string' ? record.answers.length : 0);
  // A character takes up to three bytes, and answers are kept twice.
  if (characters * 6 < mostBytes || BSON.calculateObjectSize(record) <= mostBytes) return record;
  throw new AppError('value-refused', {
    detail: `${part} ${record._id} is larger than the 16 MB that MongoDB takes; nothing larger can be moved.`,
  });
}

function fromRecord(part: Part, record: AnyRecord): MovedRecord {
  switch (part) {
    case 'chain':
      return { part, number: record.number, chain: chainOf(record as unknown as ChainRecord) };
    case 'task':
      return { part, task: taskOf(record as unknown as TaskRecord) };
    case 'audit': {
      const audit = record as unknown as AuditRecord;
      return { part, entry: entryOf(audit), seal: audit.seal };
    }
    default: {
      const kept = record as unknown as DocumentRecord;
      return { part, at: kept.at, ...storedOf(part, kept) } as MovedDocument;
    }
  }
}
