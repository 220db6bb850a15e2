import type { ChainHead, Receipt } from '#domain/receipt.ts';
import type { Kind, LinePage, LinesQuery } from '#ports/storage.ts';
import type { PackedOp } from './packing.ts';
import type { SqlTable, SqlValue } from './tables.ts';

/** What the main thread asks of the writer thread: rows ready to bind, so that the thread only checks and writes. */
export type WriteOp =
  | CommitOp
  | { op: 'claim'; id: string; token: string; until: number; now: number }
  | { op: 'extend'; held: { id: string; token: string; progress: number }[]; until: number }
  | { op: 'void-leases'; now: number }
  | { op: 'bring-forward'; beyond: number; now: number }
  | { op: 'cancel'; id: string; now: number; audit: AuditRow[] }
  | { op: 'requeue'; id: string; now: number; audit: AuditRow[] }
  | { op: 'drop'; id: string; now: number; audit: AuditRow[] }
  | { op: 'prune'; table: string; where: string; values: SqlValue[]; limit: number }
  | { op: 'forget-keys'; before: number; limit: number }
  | { op: 'sign'; chain: string; signed: string }
  | { op: 'seal'; seals: { id: string; seq: number; sha256: string; previous: string }[] }
  | { op: 'ping'; now: number };

export type AuditRow = { id: string; at: number; action: string; doc: string };

export type CommitOp = {
  op: 'commit';
  change: ChangeOp;
  also: { kind: Kind; row: SqlValue[] }[];
  tasks: SqlValue[][];
  audit: AuditRow[];
  drop?: { ids: string[]; now: number };
  cause?: { taskId: string; lease: string };
};

export type ChangeOp =
  | { op: 'insert'; kind: Kind; row: SqlValue[] /** responses only */; payloadSha256?: string }
  | { op: 'update'; kind: Kind; id: string; row: SqlValue[]; expect: number }
  | { op: 'remove'; kind: Kind; id: string; expect: number }
  | {
      op: 'settle';
      id: string;
      lease: string;
      status: string;
      runAt: number | null;
      giveBack: boolean;
      result: string | null;
      error: string | null;
      now: number;
    }
  | { op: 'none' };

/** One for each operation of the batch: what it resolves to, or the message of one that could not be written (nothing of it was). */
export type WriteResult = { value: unknown } | { error: string };

export type CommitResult =
  | { outcome: 'committed'; revision: number; receipt?: Receipt }
  | { outcome: 'conflict' }
  | { outcome: 'exists'; id: string }
  | { outcome: 'lease-lost' };

export type WriterMessage = { batch: PackedOp[] } | { close: true };
/** `newest`: number of the newest change of a response that is committed. */
export type WriterAnswer =
  | { ready: true; newest: number }
  | { failed: string }
  /** `errors` only when there are any; by the position in the batch. */
  | { values: unknown[]; errors?: Map<number, string>; commitMs: number; head: ChainHead | undefined; newest: number }
  | { closed: true };

export type SqlRead = { sql: string; params: SqlValue[] };
/** The next page of lines, after the response of this time and number. */
export type LineRead = LinesQuery & { after: [at: number, n: number] | undefined };
export type ReadOp = SqlRead | { lines: LineRead };
export type ReaderMessage = { reads: { id: number; read: ReadOp }[] } | { close: true };
export type ReaderAnswer = { ready: true } | { failed: string } | { answers: ReadAnswer[] };
export type ReadAnswer = { id: number } & ({ table: SqlTable } | { lines: LineAnswer } | { error: string });
/** `next` undefined: there are no more. */
export type LineAnswer = { page: LinePage | undefined; next: LineRead['after'] };
