import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { AppError } from '#domain/errors.ts';
import type { SqlRow, SqlTable, SqlValue } from './tables.ts';
import { addTextSearch } from './text-search.ts';

export type Synchronous = 'full' | 'normal';

/** The writing connection. WAL lets readers go on; FULL makes a commit survive a power cut (NORMAL lost up to 809 acknowledged writes in one: npm run test:power). */
export function openWriter(file: string, synchronous: Synchronous): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: 5_000 });
  const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
  if (mode !== 'wal') {
    // A network file system, mostly: what SQLite falls back to there does not survive the kills and power cuts that WAL is tested for.
    throw new AppError('storage-unavailable', {
      detail: `The file system of ${file} cannot hold a write-ahead log (SQLite answers “${mode}”). Set FORMSTEAD_DATA_DIR to a directory on a local disk.`,
    });
  }
  db.exec(`PRAGMA synchronous = ${synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
  // What is deleted is overwritten, so that an erased answer is not left in free pages.
  db.exec('PRAGMA secure_delete = ON');
  db.exec('PRAGMA temp_store = MEMORY');
  db.exec('PRAGMA cache_size = -16000');
  // A checkpoint every 16 MB instead of 4: at a steady load the same hot index pages are written back less often.
  db.exec('PRAGMA wal_autocheckpoint = 4000');
  db.exec('PRAGMA journal_size_limit = 67108864');
  return db;
}

export function openReader(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  db.exec('PRAGMA temp_store = MEMORY');
  db.exec('PRAGMA cache_size = -8000');
  addTextSearch(db);
  return db;
}

/** SQLITE_CORRUPT and SQLITE_NOTADB */
const damaged = [11, 26];

/** Why a file could not be opened, and what to do about it. */
export function openingProblem(file: string, err: unknown): string {
  if (err instanceof AppError) return err.detail;
  const { errcode, message } = err as Error & { errcode?: number };
  // The low byte is the error's class.
  if (errcode !== undefined && damaged.includes(errcode & 0xff))
    return `The database ${file} is damaged or not a database (${message}). Restore the newest backup, or move the file away to begin with an empty one.`;
  return `The database ${file} cannot be opened: ${message}.`;
}

/** Prepares each statement once. */
export function statements(db: DatabaseSync) {
  const preparing = (prepared: Map<string, StatementSync>, returnArrays: boolean) => (sql: string) => {
    let statement = prepared.get(sql);
    if (!statement) {
      statement = db.prepare(sql);
      statement.setReturnArrays(returnArrays);
      prepared.set(sql, statement);
    }
    return statement;
  };
  const named = preparing(new Map(), false);
  const listed = preparing(new Map(), true);
  return {
    /** The values of one row in the order of its columns: half the time of a row with names, where both ends know the columns. */
    values: (sql: string, ...values: SqlValue[]): SqlValue[] | undefined =>
      listed(sql).get(...values) as unknown as SqlValue[] | undefined,
    /** Rows changed. */
    run: (sql: string, ...values: SqlValue[]): number => Number(named(sql).run(...values).changes),
    get: (sql: string, ...values: SqlValue[]): SqlRow | undefined => named(sql).get(...values) as SqlRow | undefined,
    all: (sql: string, ...values: SqlValue[]): SqlRow[] => named(sql).all(...values) as SqlRow[],
    /** The same as lists, for the way between threads: the names of the columns travel once. */
    table(sql: string, ...values: SqlValue[]): SqlTable {
      const statement = listed(sql);
      return {
        names: statement.columns().map(({ name }) => name),
        rows: statement.all(...values) as unknown as SqlValue[][],
      };
    },
  };
}
export type Statements = ReturnType<typeof statements>;
