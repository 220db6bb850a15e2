import type { Cell, ExportColumn } from '#domain/export-rows.ts';

/**
 * Export writer: makes the bytes of an export file while its rows come in, a batch at a time; no table is ever held in memory.
 *
 * The file at `path` is new (a staged one) and belongs to the writer until `close` or `discard`. An aborted `signal` stops everything that runs for the file.
 * Errors: `AppError('storage-unavailable')` when the disk refuses; the signal's reason after an abort; any other error is a fault of the engine, and the same
 * rows may be tried again. No error quotes a value of a row.
 */
export interface ExportWriter {
  /** Texts one after the other, UTF-8, compressed with gzip where asked. One that is UTF-8 already belongs to the writer from then on. */
  openText(file: {
    path: string;
    gzip: boolean;
    signal: AbortSignal;
  }): Promise<ExportSink<Iterable<string | Uint8Array>>>;
  /** Parquet, zstd. Each row has one cell for each column, in their order, and each cell has its column's type or is null. */
  openParquet(file: {
    path: string;
    columns: readonly ExportColumn[];
    signal: AbortSignal;
  }): Promise<ExportSink<readonly Cell[][]>>;
  /** The same rows twice: JSON lines (gzip) with the columns' names as keys, without those that are null, and Parquet (zstd). */
  openTable(files: {
    jsonl: string;
    parquet: string;
    columns: readonly ExportColumn[];
    signal: AbortSignal;
  }): Promise<ExportSink<readonly Cell[][]>>;
}

export interface ExportSink<T> {
  /** Resolves when the next batch may come: whoever waits for it keeps the memory flat. */
  write(batch: T): Promise<void>;
  /** Resolves when the file is complete; it is not durable yet. */
  close(): Promise<void>;
  /** Stops and removes everything but the file itself. Never rejects; harmless after `close`. */
  discard(): Promise<void>;
}
