import type { Db } from 'mongodb';
import { fanOutTaskId } from '#domain/consequences.ts';
import type { Prunable } from '#ports/storage.ts';
import { type DocumentRecord, layouts, type TaskRecord } from './collections.ts';

/** Removes bookkeeping documents made before an instant, the oldest first; returns how many. Errors: the driver's. */
export async function prune(db: Db, kind: Prunable, before: number, limit: number): Promise<number> {
  const collection = db.collection<DocumentRecord>(layouts[kind].collection);
  const old = { at: { $lt: before }, waiting: 0, ...(kind === 'delivery' && { status: { $ne: 'pending' } }) };
  const cursor = collection.find(old).sort({ at: 1, _id: 1 }).batchSize(limit).project<{ _id: string }>({ _id: 1 });
  let removed = 0;
  for (let ids = await nextIds(cursor, limit); ids.length > 0; ids = await nextIds(cursor, limit)) {
    const free = kind === 'event' ? await passedOn(db, ids) : ids;
    const going = free.slice(0, limit - removed);
    removed += (await collection.deleteMany({ ...old, _id: { $in: going } })).deletedCount;
    if (removed >= limit) break;
  }
  await cursor.close();
  return removed;
}

async function nextIds(cursor: { next(): Promise<{ _id: string } | null> }, limit: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < limit) {
    const next = await cursor.next();
    if (next === null) break;
    ids.push(next._id);
  }
  return ids;
}

/** An event goes when no delivery of it is left to send its body again, and its fan-out will make none. */
async function passedOn(db: Db, ids: string[]): Promise<string[]> {
  // The fan-out first: one that ends in between has made its deliveries by then.
  const unfinished = { _id: { $in: ids.map(fanOutTaskId) }, status: { $nin: ['succeeded', 'cancelled'] } };
  const tasks = await db
    .collection<TaskRecord>('tasks')
    .find(unfinished)
    .project<{ _id: string }>({ _id: 1 })
    .toArray();
  const deliveries = await db
    .collection<DocumentRecord & { eventId: string }>(layouts.delivery.collection)
    .find({ eventId: { $in: ids } })
    .project<{ eventId: string }>({ eventId: 1 })
    .toArray();
  const waiting = new Set(tasks.map(({ _id }) => _id));
  const sent = new Set(deliveries.map(({ eventId }) => eventId));
  return ids.filter((id) => !sent.has(id) && !waiting.has(fanOutTaskId(id)));
}
