import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { Change, Commit, Committed, Prunable, ReceiptStore, Storage, TaskStore } from '#ports/storage.ts';
import type { Synchronous } from './connection.ts';
import { lockDataDir } from './lock.ts';
import { assertNotMoved } from './moved-mark.ts';
import { type PackedCommitted, unpackCommitted } from './packing.ts';
import type { AuditRow, ChangeOp } from './protocol.ts';
import { createAuditReads } from './reads/audit.ts';
import { createChangeReads } from './reads/changes.ts';
import { createDocumentReads } from './reads/documents.ts';
import { createLineReads } from './reads/lines.ts';
import { createResponseReads } from './reads/responses.ts';
import { createTaskReads } from './reads/tasks.ts';
import { rowOf, type SqlValue, tables, taskOf, taskRow } from './tables.ts';
import { type BatchSeen, lazyReader, type Reader, startReader, startWriter, type Writer } from './threads.ts';

export type SqliteOptions = {
  /** The data directory; made if missing. */
  dir: string;
  synchronous?: Synchronous;
  /** A store for looking only (`formstead verify` beside a running server): takes no lock, every write is refused. */
  readOnly?: boolean;
  /** Called after each transaction, for metrics. */
  onBatch?: (seen: BatchSeen) => void;
  /** The storage thread has died: the process cannot keep its promise any more and should end. */
  onFatal?: (err: Error) => void;
};

export const databaseFile = 'formstead.sqlite';

export function databaseExists(dir: string): boolean {
  return existsSync(join(dir, databaseFile));
}

/**
 * Which of these files, and folders that are not empty, are in a data directory where the database is not: somebody has lost it. None in a new directory, and
 * where the database is there.
 */
export function leftWithoutDatabase(dir: string, names: readonly string[]): string[] {
  if (databaseExists(dir)) return [];
  return names.filter((name) => {
    const found = statSync(join(dir, name), { throwIfNoEntry: false });
    return found?.isDirectory() ? readdirSync(join(dir, name)).length > 0 : found !== undefined;
  });
}

/** Errors: `storage-unavailable` when the directory is in use or was moved, the file cannot be opened, or belongs to a newer release. */
export async function openSqliteStorage(options: SqliteOptions): Promise<Storage> {
  const file = join(options.dir, databaseFile);
  const onFatal = options.onFatal ?? (() => {});
  const lock = options.readOnly ? undefined : lockDataDir(options.dir);
  let writer: Writer | undefined;
  try {
    // Behind the lock: a move that goes on holds it.
    if (!options.readOnly) assertNotMoved(options.dir);
    writer = options.readOnly
      ? refusingWriter()
      : await startWriter({
          file,
          synchronous: options.synchronous ?? 'full',
          onBatch: options.onBatch ?? (() => {}),
          onFatal,
        });
    const reader = await startReader({ file, onFatal });
    const longReader = lazyReader(() => startReader({ file, onFatal }));
    const readOnly = options.readOnly === true;
    return assemble({ file, writer, reader, longReader, readOnly, release: () => lock?.release() });
  } catch (err) {
    await writer?.close();
    lock?.release();
    throw err;
  }
}

function refusingWriter(): Writer {
  const refusal = () =>
    Promise.reject(new AppError('storage-unavailable', { detail: 'The store was opened for reading only.' }));
  return { write: refusal, head: () => undefined, newest: () => 0, close: () => Promise.resolve() };
}

function assemble(deps: {
  file: string;
  writer: Writer;
  reader: Reader;
  longReader: Reader;
  readOnly: boolean;
  release: () => void;
}): Storage {
  const { writer, reader, longReader } = deps;
  const documents = createDocumentReads(reader, longReader);
  const responses = createResponseReads(longReader);
  const newest = deps.readOnly
    ? async () => Number((await reader.get('SELECT newest FROM feed'))?.newest ?? 0)
    : () => Promise.resolve(writer.newest());
  let closed: Promise<void> | undefined;

  async function commit(wish: Commit): Promise<Committed> {
    const answer = await writer.write<PackedCommitted>({
      op: 'commit',
      change: changeOp(wish.change),
      also: (wish.also ?? []).map((insert) => ({ kind: insert.kind, row: rowOf(insert, 1) })),
      tasks: (wish.tasks ?? []).map(taskRow),
      audit: (wish.audit ?? []).map(auditRow),
      cause: wish.cause,
      drop: wish.drop,
    });
    return unpackCommitted(answer);
  }

  const receipts: ReceiptStore = {
    head: () => Promise.resolve(writer.head()),
    chains: responses.chains,
    sign: async (chain, signed) => {
      await writer.write({ op: 'sign', chain, signed: JSON.stringify(signed) });
    },
    links: responses.links,
  };

  return {
    commit,
    ...documents,
    prune: (kind, before, limit) => writer.write({ op: 'prune', limit, ...prunable(kind, before) }),
    tasks: taskStore(writer, createTaskReads(reader)),
    responses: {
      analytics: responses.analytics,
      days: responses.days,
      lines: createLineReads(longReader),
      forgetKeys: (before, limit) => writer.write({ op: 'forget-keys', before, limit }),
    },
    receipts,
    audit: {
      ...createAuditReads(reader, longReader),
      seal: (seals) => writer.write({ op: 'seal', seals: seals.map(({ id, seal }) => ({ id, ...seal })) }),
    },
    sequence: newest,
    changes: createChangeReads(longReader, newest),
    ping: async () => {
      await writer.write({ op: 'ping', now: Date.now() });
    },
    sizes: () => Promise.resolve(sizes(deps.file)),
    close: () => {
      closed ??= close();
      return closed;
    },
  };

  async function close(): Promise<void> {
    // The writer last: only the last connection that may write can empty the log into the database, where what was removed is overwritten.
    await Promise.all([reader.close(), longReader.close()]);
    await writer.close();
    deps.release();
  }
}

function taskStore(writer: Writer, reads: ReturnType<typeof createTaskReads>): TaskStore {
  return {
    ...reads,
    claim: async (id, lease, now) => {
      const op = { op: 'claim', id, token: lease.token, until: lease.until, now } as const;
      const values = await writer.write<SqlValue[] | undefined>(op);
      return values && taskOf(values);
    },
    extend: (held, until) => writer.write({ op: 'extend', held, until }),
    voidLeases: (now) => writer.write({ op: 'void-leases', now }),
    bringForward: (beyond, now) => writer.write({ op: 'bring-forward', beyond, now }),
    cancel: (id, now, audit) => writer.write({ op: 'cancel', id, now, audit: audit.map(auditRow) }),
    requeue: (id, now, audit) => writer.write({ op: 'requeue', id, now, audit: audit.map(auditRow) }),
    drop: (id, now, audit) => writer.write({ op: 'drop', id, now, audit: audit.map(auditRow) }),
    prune: (before, limit) =>
      writer.write({
        op: 'prune',
        table: 'tasks',
        where: `status IN ('succeeded', 'cancelled') AND finished_at < ?`,
        values: [before],
        limit,
      }),
  };
}

function changeOp(change: Change): ChangeOp {
  switch (change.op) {
    case 'insert': {
      const payloadSha256 = change.kind === 'response' ? change.doc.payloadSha256 : undefined;
      return { op: 'insert', kind: change.kind, row: rowOf(change, 1), payloadSha256 };
    }
    case 'update':
      return {
        op: 'update',
        kind: change.kind,
        id: change.doc.id,
        row: rowOf(change, change.expect + 1),
        expect: change.expect,
      };
    case 'settle': {
      const { settlement } = change;
      return {
        op: 'settle',
        id: change.id,
        lease: change.lease,
        now: change.now,
        status: settlement.status,
        runAt: settlement.status === 'retrying' ? settlement.runAt : null,
        giveBack: settlement.status === 'retrying' && settlement.giveBack === true,
        result:
          settlement.status === 'succeeded' && settlement.result !== undefined
            ? JSON.stringify(settlement.result)
            : null,
        error: 'error' in settlement && settlement.error ? JSON.stringify(settlement.error) : null,
      };
    }
    default:
      return change;
  }
}

const auditRow = (entry: AuditEntry): AuditRow => ({
  id: entry.id,
  at: entry.at,
  action: entry.action,
  doc: JSON.stringify(entry),
});

function prunable(kind: Prunable, before: number): { table: string; where: string; values: number[] } {
  const table = tables[kind].name;
  switch (kind) {
    case 'delivery':
      return { table, where: `at < ? AND status <> 'pending'`, values: [before] };
    // An event goes when no delivery of it is left to send its body again, and none will be made: the id below is that of `fanOutTaskId`.
    case 'event':
      return {
        table,
        where: `at < ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE event_id = events.id)
          AND NOT EXISTS (SELECT 1 FROM tasks WHERE id = 'tsk_' || substr(events.id, 5) || ':fan-out' AND status NOT IN ('succeeded', 'cancelled'))`,
        values: [before],
      };
    default:
      return { table, where: 'at < ?', values: [before] };
  }
}

function sizes(file: string): Record<string, number> {
  const bytes = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return { database: bytes(file), wal: bytes(`${file}-wal`) };
}
