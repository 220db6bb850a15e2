import { rm } from 'node:fs/promises';
import type { Cell, ExportColumn } from '#domain/export-rows.ts';
import type { ExportSink, ExportWriter } from '#ports/export-writer.ts';
import { sqlTypes } from './copy-statement.ts';
import { runDuckdb } from './duckdb-process.ts';
import { openTextFile } from './text-file.ts';
import { createTurn } from './turn.ts';

export type DuckdbExportOptions = {
  /** DuckDB's own limit; the process may take more for a moment. Default 512 MB. */
  memoryBytes?: number;
  /** Default 1: the other cores are for those who wait. */
  threads?: number;
  /** A DuckDB process that has not finished one file by then is killed. Default 20 minutes. */
  deadlineMs?: number;
  /** Told the process id of each DuckDB process. */
  onStart?: (pid: number) => void;
};

/** What a row group holds uncompressed, at most. DuckDB keeps one in memory while it writes; with more than an eighth of 64 MB it ran out of that. */
const rowGroupBytes = 32 * 1024 * 1024;
const memoryPerRowGroup = 8;
/** DuckDB works in vectors of so many rows. */
const vector = 2048;

/**
 * JSON lines and CSV are written by this process, compressed on its thread pool. For Parquet the rows go into a temporary file beside the staged one, as
 * JSON lines; then a DuckDB process reads that and writes the Parquet file. Of these processes there is one at a time. Where both are wanted, DuckDB reads the
 * JSON lines that are kept, so the two cannot differ.
 * (A pipe instead of the file is no way: Node makes its pipes from sockets, and those cannot be opened by name.)
 */
export function createDuckdbExportWriter(options: DuckdbExportOptions = {}): ExportWriter {
  const { memoryBytes = 512e6, threads = 1, deadlineMs = 20 * 60_000, onStart } = options;
  const turn = createTurn();

  return {
    openText: async (file) => openTextFile(file),
    async openParquet({ path, columns, signal }) {
      const input = `${path}.rows`;
      const keys = columns.map((_, i) => `c${i}`);
      const rows = openRows({ input, gzip: false, output: path, columns, keys, signal });
      const sweep = () => rm(input, { force: true });
      return {
        ...rows,
        async close() {
          await rows.close();
          await sweep();
        },
        async discard() {
          await rows.discard();
          // What cannot be removed now goes when the store of files is opened the next time.
          await sweep().catch(() => {});
        },
      };
    },
    openTable: async ({ jsonl, parquet, columns, signal }) =>
      openRows({ input: jsonl, gzip: true, output: parquet, columns, keys: columns.map(({ name }) => name), signal }),
  };

  /** Lines of JSON into `input`, and at the end Parquet from them. */
  function openRows(table: {
    input: string;
    gzip: boolean;
    output: string;
    columns: readonly ExportColumn[];
    keys: readonly string[];
    signal: AbortSignal;
  }): ExportSink<readonly Cell[][]> {
    const { input, gzip, output, columns, keys, signal } = table;
    const spill = `${output}.spill`;
    const rows = openTextFile({ path: input, gzip, signal });
    const lineOf = lineWriter(keys);
    let count = 0;
    let bytes = 0;
    let longestLine = 0;

    async function convert(): Promise<void> {
      const job = {
        input,
        gzip,
        output,
        columns: columns.map(({ name, type }, i) => ({ key: keys[i]!, name, sqlType: sqlTypes[type] })),
        rowGroupSize: rowGroupSize({ bytes, rows: count, memoryBytes }),
        longestLine,
        memoryBytes,
        threads,
        spill,
      };
      const written = await runDuckdb(job, { deadlineMs, signal, onStart });
      if (written !== count) throw new Error(`DuckDB wrote ${written} of ${count} rows`);
    }
    const sweep = () => rm(spill, { recursive: true, force: true });

    return {
      async write(batch) {
        const lines = batch.map(lineOf);
        count += lines.length;
        for (const line of lines) {
          bytes += line.length;
          // A UTF-16 unit takes at most three bytes.
          longestLine = Math.max(longestLine, 3 * line.length);
        }
        await rows.write(lines.join(''));
      },
      async close() {
        await rows.close();
        await turn(signal, convert);
        await sweep();
      },
      async discard() {
        await rows.discard();
        await sweep().catch(() => {});
      },
    };
  }
}

/** A row as a line of JSON; the keys are plain (`[a-z0-9_]+`). */
function lineWriter(keys: readonly string[]): (cells: readonly Cell[]) => string {
  const heads = keys.map((key) => `"${key}":`);
  return (cells) => {
    let members = '';
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i];
      if (cell !== null) members += `${members === '' ? '' : ','}${heads[i]}${JSON.stringify(cell)}`;
    }
    return `{${members}}\n`;
  };
}

/** As many rows as fill a row group, between one vector and DuckDB's own default of 60 vectors. */
export function rowGroupSize(file: { bytes: number; rows: number; memoryBytes: number }): number {
  const room = Math.min(rowGroupBytes, file.memoryBytes / memoryPerRowGroup);
  const rowBytes = Math.max(1, file.bytes / Math.max(1, file.rows));
  const vectors = Math.floor(room / rowBytes / vector);
  return vector * Math.min(60, Math.max(1, vectors));
}
