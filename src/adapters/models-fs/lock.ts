import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#domain/errors.ts';
import { stopped } from './http-get.ts';

/** SQLITE_BUSY */
const busy = 5;
const pauseMs = 200;

/**
 * Does `work` while no other process does any under the same name. The lock is an open transaction on a file of its own: the system lets go of it when the
 * process ends, however it ends, so there is no stale one to remove by hand. `waiting` is told once. Errors: `conflict` when it is not free within `waitMs`.
 */
export async function withLock<T>(
  folder: string,
  name: string,
  options: { waitMs: number; waiting?: (() => void) | undefined; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const until = performance.now() + options.waitMs;
  let held = tryLock(folder, name);
  if (held === undefined) options.waiting?.();
  while (held === undefined) {
    if (options.signal?.aborted) throw stopped();
    if (performance.now() >= until)
      throw new AppError('conflict', {
        detail: `Another process is at work on ${name}. Wait until it has ended, or stop it.`,
      });
    await sleep(pauseMs);
    held = tryLock(folder, name);
  }
  try {
    return await work();
  } finally {
    held.close();
  }
}

function tryLock(folder: string, name: string): DatabaseSync | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(join(folder, `${name}.lock`), { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (err) {
    db?.close();
    const { errcode, message } = err as Error & { errcode?: number };
    if (errcode === busy) return undefined;
    throw new AppError('storage-unavailable', {
      detail: `${folder} cannot be used: ${message}. Make it a directory that this user may write to.`,
      cause: err,
    });
  }
}
