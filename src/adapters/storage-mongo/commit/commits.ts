import { randomUUID } from 'node:crypto';
import type { Collection, Db } from 'mongodb';
import type { Change, Commit, Committed, Insert, Kind } from '#ports/storage.ts';
import { type RemovalRecord, removalsCollection } from '../change-feed.ts';
import {
  auditRecord,
  type DocumentRecord,
  layouts,
  type OutboxEntry,
  type ResponseRecord,
  recordOf,
  replacementOf,
  type TaskRecord,
} from '../collections.ts';
import { isDuplicate, unavailable } from '../connection.ts';
import { newTaskRecord, settlementUpdate } from '../task-records.ts';
import type { Couriers } from './couriers.ts';
import type { Intake } from './intake.ts';
import { commitsCollection } from './relay.ts';
import type { Removal } from './removal.ts';

type CommitRecord = { _id: string; waiting: number; outbox: Record<string, OutboxEntry>; removal?: Removal };
type Of<O extends Change['op']> = Extract<Change, { op: O }>;

/**
 * One commit: the change of one record, which carries all that follows from it, is the one write that decides. The followers are then moved to their places
 * (relay.ts), before the commit resolves where all goes well.
 *
 * The cause's lease is looked at first, in a read of its own: a worker that loses it in between can still write, but only what the next one would have
 * written: under the same ids, or on a revision that only one of the two finds.
 */
export function createCommits(deps: {
  db: Db;
  intake: Intake;
  couriers: Couriers;
  tasks: Collection<TaskRecord>;
  now: () => number;
}) {
  const { db, intake, couriers, tasks } = deps;
  const commitRecords = db.collection<CommitRecord>(commitsCollection);
  const collectionOf = (kind: Kind) => db.collection<DocumentRecord>(layouts[kind].collection);

  async function commit(wish: Commit): Promise<Committed> {
    if (wish.cause && !(await holds(wish.cause.taskId, wish.cause.lease))) return { outcome: 'lease-lost' };
    const { change } = wish;
    switch (change.op) {
      case 'insert':
        return change.kind === 'response' ? insertResponse(change, wish) : insert(change, wish);
      case 'update':
        return update(change, wish);
      case 'remove':
        return remove(change, wish);
      case 'settle':
        return settle(change, wish);
      case 'none':
        return follow(wish);
    }
  }

  async function holds(taskId: string, leaseToken: string): Promise<boolean> {
    const held = await tasks.findOne({ _id: taskId, leaseToken, status: 'running' }, { projection: { _id: 1 } });
    return held !== null;
  }

  function insertResponse(change: Extract<Of<'insert'>, { kind: 'response' }>, wish: Commit): Promise<Committed> {
    const id = randomUUID();
    const entry = entryOf(wish, true);
    const record = {
      ...recordOf(change, id),
      waiting: 1,
      outbox: { [id]: entry },
      ...(change.doc.idempotency !== undefined && { keyedAt: change.doc.submittedAt }),
    };
    return intake.submit({
      record: record as unknown as ResponseRecord,
      payloadSha256: change.doc.payloadSha256,
      entry,
    });
  }

  async function insert(change: Insert, wish: Commit): Promise<Committed> {
    const collection = collectionOf(change.kind);
    const { id, parcels, carried } = parcelOf(wish, collection.collectionName, change.doc.id);
    const record: DocumentRecord = { ...recordOf(change, id), ...(carried && { waiting: 1, outbox: carried }) };
    try {
      await collection.insertOne(record);
    } catch (err) {
      const landed = await landedAs(collection, record._id, id, err);
      if (!landed && isDuplicate(err)) return { outcome: 'exists', id: await holderOf(collection, record) };
      if (!landed) throw unavailable('The store cannot write.', err);
    }
    await couriers.sent(parcels);
    return { outcome: 'committed', revision: 1 };
  }

  async function update(change: Of<'update'>, wish: Commit): Promise<Committed> {
    const collection = collectionOf(change.kind);
    const _id = change.doc.id;
    const { id, parcels, carried } = parcelOf(wish, collection.collectionName, _id, change.kind === 'response');
    const revision = change.expect + 1;
    const replacement = replacementOf(change);
    const set = { ...replacement, revision, commit: id, ...(carried && { [`outbox.${id}`]: carried[id] }) };
    try {
      const done = await collection.updateOne(
        { _id, revision: change.expect },
        { $set: set, ...(carried && { $inc: { waiting: 1 } }) },
      );
      if (done.matchedCount === 0 && !(await landedAs(collection, _id, id))) return { outcome: 'conflict' };
    } catch (err) {
      const landed = await landedAs(collection, _id, id, err);
      if (!landed && isDuplicate(err))
        return { outcome: 'exists', id: await holderOf(collection, { _id, key: replacement.key as string }) };
      if (!landed) throw unavailable('The store cannot write.', err);
    }
    await couriers.sent(parcels);
    return { outcome: 'committed', revision };
  }

  /** A record that is gone can carry nothing: what follows from a removal, and that it is under way, stands in a record of its own. */
  async function remove(change: Of<'remove'>, wish: Commit): Promise<Committed> {
    const collection = collectionOf(change.kind);
    const { id, parcels, carried } = parcelOf(wish, commitsCollection, undefined, change.kind === 'response');
    if (carried && change.kind === 'response') await noteRemoval(carried[id]!, change);
    const wanted = { _id: change.id, revision: change.expect };
    if (carried) {
      const removal = { collection: collection.collectionName, id: change.id, expect: change.expect, at: deps.now() };
      await commitRecords.insertOne({ _id: id, waiting: 1, outbox: carried, removal });
    }
    const { deletedCount } = await collection.deleteOne(wanted);
    if (deletedCount === 0) {
      if (carried) await commitRecords.deleteOne({ _id: id });
      return { outcome: 'conflict' };
    }
    await couriers.sent(parcels);
    return { outcome: 'committed', revision: 0 };
  }

  /** What the change feed tells of a response that is gone. */
  async function noteRemoval(entry: OutboxEntry, { id, expect }: Of<'remove'>): Promise<void> {
    const projection = { formId: 1, day: 1 };
    const found = await db
      .collection<ResponseRecord>('responses')
      .findOne({ _id: id, revision: expect }, { projection });
    if (!found) return;
    const { formId, day } = found as unknown as Pick<RemovalRecord, 'formId' | 'day'>;
    const record: RemovalRecord = { _id: id, formId, day, revision: expect, unnumbered: true };
    entry.also.push({ collection: removalsCollection, record });
  }

  async function settle({ id: _id, lease, settlement, now }: Of<'settle'>, wish: Commit): Promise<Committed> {
    const { id, parcels, carried } = parcelOf(wish, 'tasks', _id);
    const { $set, $inc } = settlementUpdate(settlement, lease, now);
    const inc = { ...$inc, ...(carried && { waiting: 1 }) };
    try {
      const done = await tasks.updateOne(
        { _id, leaseToken: lease, status: 'running' },
        {
          $set: { ...$set, ...(carried && { [`outbox.${id}`]: carried[id] }) },
          ...(Object.keys(inc).length > 0 && { $inc: inc }),
        },
      );
      if (done.matchedCount === 0) return { outcome: 'lease-lost' };
    } catch (err) {
      const after = await tasks.findOne({ _id, settledBy: lease }, { projection: { _id: 1 } }).catch(() => null);
      if (!after) throw unavailable('The store cannot write.', err);
    }
    await couriers.sent(parcels);
    return { outcome: 'committed', revision: 0 };
  }

  async function follow(wish: Commit): Promise<Committed> {
    const { id, parcels, carried } = parcelOf(wish, commitsCollection);
    if (carried) {
      await commitRecords.insertOne({ _id: id, waiting: 1, outbox: carried });
      await couriers.sent(parcels);
    }
    return { outcome: 'committed', revision: 0 };
  }

  return { commit };
}

/** What a commit carries in its record, and the parcel that the relay makes of it; neither where nothing follows. */
function parcelOf(wish: Commit, collection: string, recordId?: string, response = false) {
  const id = randomUUID();
  const entry = entryOf(wish, response);
  const followers = entry.also.length + entry.tasks.length + entry.audit.length + (entry.drop?.ids.length ?? 0);
  const empty = !response && followers === 0;
  if (empty) return { id, parcels: [], carried: undefined };
  return {
    id,
    parcels: [{ collection, id: recordId ?? id, commit: id, entry }],
    carried: { [id]: entry } as Record<string, OutboxEntry>,
  };
}

function entryOf(wish: Commit, response: boolean): OutboxEntry {
  return {
    also: (wish.also ?? []).map((insert) => ({
      collection: layouts[insert.kind].collection,
      // A follower is written by whoever relays it: it bears no commit's name.
      record: recordOf(insert, ''),
    })),
    tasks: (wish.tasks ?? []).map(newTaskRecord),
    audit: (wish.audit ?? []).map(auditRecord),
    drop: wish.drop ?? null,
    response,
  };
}

/** Whether the record is as this commit left it: after an answer that was lost, or a write that the driver has sent twice. */
async function landedAs(
  collection: Collection<DocumentRecord>,
  _id: string,
  commit: string,
  cause?: unknown,
): Promise<boolean> {
  try {
    return (await collection.findOne({ _id, commit }, { projection: { _id: 1 } })) !== null;
  } catch (err) {
    throw unavailable('The store has not answered; the outcome of this write is unknown.', cause ?? err);
  }
}

async function holderOf(
  collection: Collection<DocumentRecord>,
  { _id, key }: { _id: string; key: string },
): Promise<string> {
  const holder = await collection.findOne({ key }, { projection: { _id: 1 } });
  return holder?._id ?? _id;
}
