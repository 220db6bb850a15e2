import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '#domain/errors.ts';

/** SQLITE_BUSY */
const busy = 5;
const inUseCure = ', or set FORMSTEAD_DATA_DIR to another directory.';

/**
 * Makes the data directory if it is missing and locks it.
 * One server a data directory. The lock is an open exclusive transaction on a file of its own: the system lets go of it when the process ends,
 * however it ends, so there is no stale lock file to remove by hand.
 * Errors: `storage-unavailable` when another server holds it, or it cannot be written to. `cure`: what follows `Stop it` then.
 */
export function lockDataDir(dir: string, cure = inUseCure): { release: () => void } {
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(join(dir, 'lock.sqlite'), { timeout: 0 });
    db.exec('PRAGMA journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (err) {
    db?.close();
    const { errcode, message } = err as Error & { errcode?: number };
    const detail =
      errcode === busy
        ? `Another Formstead server is using the data directory ${dir}. Stop it${cure}`
        : `The data directory ${dir} cannot be used: ${message}. Make it a directory that this user may write to, or set FORMSTEAD_DATA_DIR to another directory.`;
    throw new AppError('storage-unavailable', { detail });
  }
  const held = db;
  return { release: () => held.close() };
}
