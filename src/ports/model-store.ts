import type { ModelEntry, ModelId, ModelPurpose, RegisteredModel } from '#domain/model.ts';
import type { CustomFlags } from '#domain/models/gguf-entry.ts';
import type { Selection } from '#domain/models/selection.ts';

/** Model store: model files on this machine, each verified by its checksum before it is used, and which of them are in use. */
export type InstalledModel = {
  entry: ModelEntry;
  /** Absolute path of each file of the entry, by its role. */
  files: Record<string, string>;
  bytes: number;
  installedAt: number;
};

export interface ModelStore {
  /**
   * The model in use for a purpose; undefined where there is none. Cheap: asked before every call of a model; a change made by another process is seen within
   * two seconds. Errors: `model-unavailable` when the one in use is not there, or its file is not what it was when installed (size or time changed).
   */
  active(purpose: ModelPurpose): Promise<InstalledModel | undefined>;
  /** In the order of their names, of one name the newest first. One whose record cannot be read is left out. */
  installed(): Promise<InstalledModel[]>;
}

export type FetchOptions = {
  signal?: AbortSignal;
  /** Bytes of the files that are there, of all bytes. */
  progress?: (done: number, total: number) => void;
  /** Another process is at work on the same model; told once, then it is waited for. */
  waiting?: () => void;
};

/**
 * What the operator does to the model store. Every method may run in several processes at once and beside a running server.
 * Errors of all: `storage-unavailable` (the disk refuses), `conflict` (another process is at work and does not end).
 */
export interface ModelFiles extends ModelStore {
  /**
   * Fetches, checks and installs; goes on where an earlier try stopped. `installed`: it was there already.
   * Errors: `value-refused` (checksum, size or archive are not as the entry says; no checksum), `not-found`, `timeout` (the network), `disk-nearly-full`.
   */
  pull(model: RegisteredModel, options?: FetchOptions): Promise<{ model: InstalledModel; installed: boolean }>;
  /** Copies files of this machine in: those of a known model by their checksums, or one GGUF file. Errors: `value-refused`, `already-exists`, `not-found`, `disk-nearly-full`. */
  importFiles(
    paths: readonly string[],
    known: readonly RegisteredModel[],
    flags: CustomFlags,
    options?: FetchOptions,
  ): Promise<InstalledModel>;
  /** Reads every file again; one sentence for each that is wrong. Files that are right count as unchanged from then on. */
  verify(model: InstalledModel, progress?: (done: number, total: number) => void): Promise<string[]>;
  selection(): Promise<Selection>;
  /** Reads, changes and writes the selection, one process at a time; durable when it resolves. Errors: those of `change`. */
  select(change: (before: Selection) => Selection): Promise<Selection>;
  /** Refuses nothing: the caller knows what is in use. */
  remove(model: ModelId): Promise<void>;
  /** Adds a line to `history.jsonl`. */
  note(line: { [key: string]: unknown }): Promise<void>;
}
