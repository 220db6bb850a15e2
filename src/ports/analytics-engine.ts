import type { ExportColumn } from '#domain/export-rows.ts';
import type { Json } from '#domain/json.ts';

/**
 * A table as a question sees it: the rows of its Parquet files, except those that `fresh` has a word about, and of `fresh` the newest row of each response.
 * `columns` holds `response_id`. A file that lacks a later column has null there.
 */
export type TableSource = {
  /** `[a-z_][a-z0-9_]*`, in one question once. */
  name: string;
  columns: readonly ExportColumn[];
  /** `rows`: as the manifest says; a file with another count is damaged. */
  files: readonly { path: string; rows: number }[];
  /**
   * NDJSON, one changed row a line by column name, instants as ISO text. `_changed` orders the rows of one response; the highest counts. With
   * `"_removed": true` the response is gone, and needs no other column. In several files, each with later changes than the one before: whoever asks again names those
   * of before and one more, and only that one is new to the engine.
   */
  fresh?: FreshLines;
};

/** `longestLine`: at least the bytes of each line; the engine's buffers are that large. */
export type FreshLines = { paths: readonly string[]; longestLine: number };

/** A text for a DATE, a TIMESTAMP and so on. */
export type Param = string | number | boolean | null;
/** By name for `$name`, in order for `?`, `$1`. */
export type Params = Readonly<Record<string, Param>> | readonly Param[];

export type Question = { sql: string; params?: Params; tables: readonly TableSource[] };

export type AnalystQuestion = Omit<Question, 'tables'> & {
  /** `masked`: columns that are null for who asks. */
  tables: readonly (TableSource & { masked: readonly string[] })[];
  /** What the data is: with the same text the tables hold the same rows. Manifest versions and the newest sequence, for example. */
  snapshot: string;
};

export type QueryLimits = {
  /** From the call to the last row, waiting for a place included. */
  timeMs: number;
  /** What comes after them is left out, and `truncated` says so. */
  rows: number;
  /** Of DuckDB; more than the engine has for one question is cut to that. Default: as much as it has. */
  memoryBytes?: number;
  /** Of the answer, about. Default 64 MiB, for a file 1 GiB. */
  bytes?: number;
  signal?: AbortSignal;
};

/** `type`: as DuckDB writes it, such as `BIGINT` or `VARCHAR[]`. */
export type AnswerColumn = { name: string; type: string };

/** Values as docs/reference/sql.md says. */
export type AnswerChunk = { columns: readonly AnswerColumn[]; rows: readonly Json[][] };

/** Called with one chunk after the other, at least once, and waited for. What it throws ends the question. */
export type TakeChunk = (chunk: AnswerChunk) => void | Promise<void>;

/** A new file; it is removed when there is no answer. */
export type AnswerFile = { path: string; format: 'ndjson' | 'csv' | 'parquet' };

export type Answered = {
  columns: readonly AnswerColumn[];
  rows: number;
  truncated: boolean;
  /** Whether the same question about the same data has the same answer tomorrow: it asks for no clock and no sample. Told of `ask` only. */
  repeatable?: boolean;
};

/** Errors of both: `QueryError`; the reason of `signal`; what `TakeChunk` throws. */
export type AnalyticsEngine = {
  /** For our own SQL: it may read the tables, and nothing else. */
  query(question: Question, limits: QueryLimits, into: TakeChunk | AnswerFile): Promise<Answered>;
  /** For SQL of others: checked, and run on a copy of the tables that lacks what is masked. */
  ask(question: AnalystQuestion, limits: QueryLimits, into: TakeChunk | AnswerFile): Promise<Answered>;
  /** Removes copies of tables that nobody reads: those of before the start, those that nobody asked for in an hour, and all where the disk is fuller than it should be. */
  tidy(): Promise<void>;
  /** A question is coming: what takes a while to start is started meanwhile, where it does not run. */
  wake(): void;
  close(): Promise<void>;
};
