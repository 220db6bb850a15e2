import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import type { Task } from '#domain/task.ts';
import type { Chain, Kind, Stored } from './storage.ts';

/**
 * Store transfer: a whole store record by record, as it is, for the move of an installation from one store into another. The storage port writes only what
 * happens; this one writes what has happened elsewhere, with its revision, its receipt and its seal.
 *
 * Terminology
 * - **part**: everything of one kind: documents of a kind, receipt chains, tasks, audit entries. Datasets are none: their numbers are of the change feed of one
 *   store, and the next update writes their files anew.
 * - **installation**: what has begun on one empty store. Its name is derived from what its store has kept since then.
 *
 * Errors: as the storage port.
 */
export const parts = [
  'user',
  'token',
  'session',
  'form',
  'form-version',
  'endpoint',
  'breaker',
  'chain',
  'response',
  'event',
  'delivery',
  'attempt',
  'export',
  'examples',
  'head',
  'model-fit',
  'vector',
  'tagger',
  'refusals',
  'task',
  'audit',
] as const satisfies readonly Part[];
export type Part = Kind | 'chain' | 'task' | 'audit';

/** `at`: when the document was made. Its unique key is in the document; one that was forgotten is not. */
export type MovedDocument<K extends Kind = Kind> = {
  [P in K]: { part: P; revision: number; at: number; doc: Stored<P>['doc'] };
}[K];

export type MovedRecord =
  | MovedDocument
  /** `number`: 1 for the first chain of the installation. */
  | { part: 'chain'; number: number; chain: Chain }
  /** The lease of a running one is void: it ended at `runAt`. */
  | { part: 'task'; task: Task }
  | { part: 'audit'; entry: AuditEntry; seal: AuditSeal | undefined };

export interface TransferReads {
  count(part: Part): Promise<number>;
  /** Everything of a part, a bounded batch at a time, in an order that is the same at every reading of a store that does not change. */
  read(part: Part): AsyncIterable<MovedRecord[]>;
  close(): Promise<void>;
}

/** A store that nobody else can write while it is open. */
export interface TransferSource extends TransferReads {
  installation(): Promise<string>;
  /** Leaves a note with the store, durably: nobody may begin to write it again, until the operator removes the note. */
  mark(state: 'begun' | 'finished', at: number): Promise<void>;
}

export interface TransferTarget extends TransferReads {
  /**
   * Begins the move of an installation, or goes on with it. Until `finish` no program starts on this store.
   * Errors: `storage-unavailable` when the store holds something that this move has not brought.
   */
  begin(installation: string, at: number): Promise<Move>;
  /** Adds those that are missing, by id, and changes none; durable when it resolves. `reached`: how many records of the part are in place with these. */
  write(part: Part, records: MovedRecord[], reached: number): Promise<void>;
  finish(at: number): Promise<void>;
}

export type Move = {
  startedAt: number;
  /** Undefined while it goes on. */
  finishedAt: number | undefined;
  /** How many of each part, in the order of the source, are in place. */
  reached: { [P in Part]?: number };
};
