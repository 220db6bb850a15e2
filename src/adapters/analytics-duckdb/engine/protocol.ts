import type { Json } from '#domain/json.ts';
import type { QueryFault } from '#domain/query-error.ts';
import type { AnswerColumn, AnswerFile, Params, TableSource } from '#ports/analytics-engine.ts';

/* What the parent and its DuckDB process say to each other. */

/** `memoryBytes`: of the process; beyond, the parent ends it. */
export type EngineStart = { threads: number; spillBytes: number; memoryBytes: number };

export type MaskedTable = TableSource & { masked: readonly string[] };

/** Where the tables are: in files, or already in a snapshot. */
export type Source = { tables: readonly TableSource[] } | { snapshot: string; names: readonly string[] };

type Means = { memoryBytes: number; spill: string };

export type OpenCall = Means & {
  op: 'open';
  sql: string;
  params: Params;
  source: Source;
  rows: number;
  bytes: number;
  file: AnswerFile | undefined;
};

export type EngineCall =
  | OpenCall
  | { op: 'next'; cursor: number }
  | { op: 'close'; cursor: number }
  | (Means & { op: 'snapshot'; path: string; tables: readonly MaskedTable[] });

/** A piece of an answer; with `cursor` there is more. */
export type Piece = {
  columns: AnswerColumn[];
  rows: Json[][];
  cursor: number | undefined;
  /** So far. */
  count: number;
  truncated: boolean;
  repeatable: boolean | undefined;
};

/** `snapshot-gone`: the file of the snapshot is not there any more, or torn. */
export type Failure = { failed: QueryFault | 'snapshot-gone'; message: string; file?: string | undefined };

export type EngineAnswer = Piece | Failure | 'done';

/** What an answer in a file takes on disk while it is made. */
export const pathsOfFile = ({ path, format }: AnswerFile): string[] =>
  format === 'parquet' ? [path, `${path}.cut`] : [path];
