import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { databaseFile, openSqliteStorage, type SqliteOptions } from '../../src/adapters/storage-sqlite/storage.ts';
import { aTask } from '../contract/storage/documents.ts';
import type { Place } from '../contract/storage/kit.ts';

export type SqlitePlace = Place & { dir: string; file: string };

/** An empty directory for a SQLite store. */
export async function sqlitePlace(): Promise<SqlitePlace> {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-sqlite-'));
  const file = join(dir, databaseFile);
  return {
    dir,
    file,
    open: () => open({ dir, synchronous: 'normal' }),
    opener: { module: import.meta.url, args: { dir, synchronous: 'full' } },
    // The table is strict: half a priority fits no column.
    spoiled: (commit) => ({ ...commit, tasks: [...(commit.tasks ?? []), aTask({ priority: 0.5 })] }),
    check: async () => assertSound(file),
    clear: () => rm(dir, { recursive: true, force: true }),
  };
}

export const open = (options: SqliteOptions) => openSqliteStorage(options);

/** SQLite's own check of every page and index. */
export function assertSound(file: string): void {
  const db = new DatabaseSync(file);
  assert.deepEqual(
    db
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => row.integrity_check),
    ['ok'],
  );
  db.close();
}
