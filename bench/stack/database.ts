import { readFileSync } from 'node:fs';
import type { Collection, Db } from 'mongodb';
import { createClient, type MongoOptions } from '#adapters/storage-mongo/connection.ts';

const secret = (name: string) => readFileSync(process.env[name]!, 'utf8').trim();

/** Of all sides: on a busy machine the stand-in may need more than the 2 s of Formstead's own default, and then refusals would be measured. */
export const patienceMs = 20_000;

/** From the secrets that the stack's own containers have. */
export const mongo = (): MongoOptions => ({
  url: secret('MONGODB_URL_FILE'),
  caFile: process.env.MONGODB_CA_FILE,
  operationTimeoutMs: patienceMs,
});
export const redis = () => ({ url: secret('REDIS_URL_FILE'), caFile: process.env.REDIS_CA_FILE });

/**
 * The driver with Formstead's own settings: every write is on the journals of a majority before it is answered. `patienceMs`: how long it waits for an answer,
 * where that is not what a request waits.
 */
export async function openDatabase(patienceMs?: number): Promise<{ db: Db; close: () => Promise<void> }> {
  const client = createClient(mongo(), patienceMs);
  await client.connect();
  return { db: client.db(), close: () => client.close() };
}

/** Of the bare side: the same indexes as Formstead's collection of that name. */
export async function collectionLike<T extends { _id: string }>(db: Db, name: string): Promise<Collection<T>> {
  const copy = db.collection<T>(`bare_${name}`);
  for (const { key, unique, sparse } of await db.collection(name).indexes())
    if (!('_id' in key && Object.keys(key).length === 1))
      await copy.createIndex(key, { ...(unique && { unique }), ...(sparse && { sparse }) });
  return copy;
}
