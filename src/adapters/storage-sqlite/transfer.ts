import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { MovedDocument, MovedRecord, Part, TransferSource } from '#ports/store-transfer.ts';
import { openingProblem, openReader } from './connection.ts';
import { lockDataDir } from './lock.ts';
import { checkSchema, migrations } from './migrations.ts';
import { markMoved } from './moved-mark.ts';
import { chainOf } from './reads/responses.ts';
import { databaseExists, databaseFile } from './storage.ts';
import { docOf, type SqlRow, tables, taskOfRow } from './tables.ts';

/** Of one batch: few enough to be in memory at once, and for one message to a database. */
const mostRecords = 200;
const mostCharacters = 4_000_000;

/**
 * The store of a data directory, to be moved elsewhere: locked as by a server, and read only.
 * Errors: `storage-unavailable` when there is none, a server is using it, or its schema is not that of this release.
 */
export function openSqliteTransfer(dir: string): TransferSource {
  const file = join(dir, databaseFile);
  if (!databaseExists(dir)) {
    throw new AppError('storage-unavailable', {
      detail: `There is no Formstead database in ${dir}. Name the data directory of the embedded installation.`,
    });
  }
  const lock = lockDataDir(dir, ' first: what it keeps meanwhile would not be moved.');
  let db: DatabaseSync | undefined;
  try {
    db = openReader(file);
    checkSchema(db);
    assertUpToDate(db, dir);
    return assemble({ db, dir, release: () => lock.release() });
  } catch (err) {
    db?.close();
    lock.release();
    throw err instanceof AppError
      ? err
      : new AppError('storage-unavailable', { detail: openingProblem(file, err), cause: err });
  }
}

function assertUpToDate(db: DatabaseSync, dir: string): void {
  const newest = Number(db.prepare('SELECT max(number) AS newest FROM schema_steps').get()?.newest ?? 0);
  if (newest >= migrations.length) return;
  throw new AppError('storage-unavailable', {
    detail: `The database in ${dir} was written by an older release. Start and stop the embedded server of this release on it once, then move it.`,
  });
}

function assemble({ db, dir, release }: { db: DatabaseSync; dir: string; release: () => void }): TransferSource {
  return {
    /** The instant of its first start, and the first thing that was done in it: neither ever changes. */
    async installation() {
      const begun = db.prepare('SELECT at FROM schema_steps ORDER BY number LIMIT 1').get();
      const first = db.prepare('SELECT id FROM audit ORDER BY n LIMIT 1').get();
      return createHash('sha256').update(`${begun?.at}\n${first?.id}`).digest('hex');
    },
    async count(part) {
      return Number(db.prepare(`SELECT count(*) AS n FROM ${tableOf(part)}`).get()!.n);
    },
    async *read(part) {
      // Rows come one by one as they are asked for.
      const rows = db.prepare(`SELECT ${columnsOf(part)} FROM ${tableOf(part)} ORDER BY ${orderOf(part)}`).iterate();
      let batch: MovedRecord[] = [];
      let characters = 0;
      for (const row of rows as Iterable<SqlRow>) {
        batch.push(recordOf(part, row));
        characters += sizeOf(row);
        if (batch.length < mostRecords && characters < mostCharacters) continue;
        yield batch;
        batch = [];
        characters = 0;
      }
      if (batch.length > 0) yield batch;
    },
    mark: (state, at) => markMoved(dir, { state, at: new Date(at).toISOString() }),
    async close() {
      db.close();
      release();
    },
  };
}

function tableOf(part: Part): string {
  switch (part) {
    case 'chain':
      return 'chains';
    case 'task':
      return 'tasks';
    case 'audit':
      return 'audit';
    default:
      return tables[part].name;
  }
}

const columnsOf = (part: Part): string => (part === 'chain' ? 'rowid AS number, *' : '*');

/** As they were written; tasks have no such order. */
function orderOf(part: Part): string {
  if (part === 'task') return 'id';
  return part === 'chain' ? 'rowid' : 'n';
}

function recordOf(part: Part, row: SqlRow): MovedRecord {
  switch (part) {
    case 'chain':
      return { part, number: row.number as number, chain: chainOf(row) };
    case 'task': {
      const task = taskOfRow(row);
      return { part, task: { ...task, lease: task.lease && { ...task.lease, until: task.runAt } } };
    }
    case 'audit': {
      const entry: AuditEntry = JSON.parse(row.doc as string);
      const { seq, sha256, previous } = row as { seq: number | null; sha256: string; previous: string };
      return { part, entry, seal: seq === null ? undefined : { seq, sha256, previous } };
    }
    default:
      return { part, revision: row.revision, at: row.at, doc: docOf(part, row) } as MovedDocument;
  }
}

function sizeOf(row: SqlRow): number {
  let characters = 0;
  for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length;
  return characters;
}
