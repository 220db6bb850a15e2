import type { Db } from 'mongodb';
import { AppError } from '#domain/errors.ts';
import type { Move, Part } from '#ports/store-transfer.ts';
import { kinds, layouts } from './collections.ts';
import { commitsCollection } from './commit/relay.ts';
import { isDuplicate } from './connection.ts';

/** The one move that a database can ever see. */
type MoveRecord = {
  _id: string;
  installation: string;
  startedAt: number;
  finishedAt: number | null;
  /** How many records of each part are in place. */
  reached: { [P in Part]?: number };
};

const only = 'move';
const moves = (db: Db) => db.collection<MoveRecord>('moves');

/** Errors: `storage-unavailable` while a move is unfinished: what is written now could be taken for what it has brought. */
export async function assertNoMove(db: Db): Promise<void> {
  if ((await moves(db).findOne({ _id: only, finishedAt: null })) === null) return;
  throw new AppError('storage-unavailable', {
    detail:
      'An installation is being moved into this database, and that is not finished. Run formstead move again until it says so, or drop the database to begin with an empty one.',
  });
}

/** Errors: `storage-unavailable` when there is a move of another installation, or something that none has brought. */
export async function findMove(db: Db, installation: string): Promise<Move | undefined> {
  const found = await moves(db).findOne({ _id: only });
  if (found === null) {
    const holding = await firstHolding(db);
    if (holding === undefined) return undefined;
    throw new AppError('storage-unavailable', {
      detail: `The database that MONGODB_URL names is in use already: its collection ${holding} is not empty. Name another one, or drop it if nobody needs what is there; start the stack only after the move.`,
    });
  }
  if (found.installation !== installation) {
    throw new AppError('storage-unavailable', {
      detail: `The database that MONGODB_URL names belongs to another installation, which was moved there on ${new Date(found.startedAt).toISOString()}. Name another one.`,
    });
  }
  return { startedAt: found.startedAt, finishedAt: found.finishedAt ?? undefined, reached: found.reached };
}

async function firstHolding(db: Db): Promise<string | undefined> {
  const collections = [...kinds.map((kind) => layouts[kind].collection), 'tasks', 'audit', 'chains', commitsCollection];
  for (const name of collections)
    if ((await db.collection(name).findOne({}, { projection: { _id: 1 } })) !== null) return name;
  return undefined;
}

/** False when another process has begun one in the meantime. */
export async function recordMove(db: Db, installation: string, startedAt: number): Promise<boolean> {
  try {
    await moves(db).insertOne({ _id: only, installation, startedAt, finishedAt: null, reached: {} });
    return true;
  } catch (err) {
    if (isDuplicate(err)) return false;
    throw err;
  }
}

export async function recordReached(db: Db, part: Part, reached: number): Promise<void> {
  await moves(db).updateOne({ _id: only }, { $max: { [`reached.${part}`]: reached } });
}

export async function recordFinish(db: Db, finishedAt: number): Promise<void> {
  await moves(db).updateOne({ _id: only, finishedAt: null }, { $set: { finishedAt } });
}
