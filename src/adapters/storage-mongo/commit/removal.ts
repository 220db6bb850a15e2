import type { Db } from 'mongodb';
import { isYounger } from '#domain/age.ts';
import { commitsCollection } from './relay.ts';

/** What a commit is about to remove. */
export type Removal = { collection: string; id: string; expect: number; at: number };

/** Younger ones are the affair of the process that began them: an operation ends within 2 s. */
const patienceMs = 10_000;

/**
 * What becomes of a removal whose process died between its record and its end: done, unless the document has changed since. Nobody was told that it
 * happened, so both are right; but its followers must not say so of a document that stayed. True when they are to be relayed.
 */
export async function finishRemoval(db: Db, commit: string, removal: Removal, now: number): Promise<boolean> {
  if (isYounger(removal.at, now, patienceMs)) return false;
  const collection = db.collection<{ _id: string; revision: number }>(removal.collection);
  await collection.deleteOne({ _id: removal.id, revision: removal.expect });
  const stayed = await collection.findOne({ _id: removal.id }, { projection: { _id: 1 } });
  if (stayed === null) return true;
  await db.collection<{ _id: string }>(commitsCollection).deleteOne({ _id: commit });
  return false;
}
