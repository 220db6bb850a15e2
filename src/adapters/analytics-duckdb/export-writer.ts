import { rm } from 'node:fs/promises';
import type { Cell, ExportColumn } from '#domain/export-rows.ts';
import type { ExportSink, ExportWriter } from '#ports/export-writer.ts';
import { sqlTypes } from './copy-statement.ts';
import { createDuckdbProcess } from './duckdb-process.ts';
import { createJsonLines } from './json-lines.ts';
import { openTextFile } from './text-file.ts';
import { createTurn } from './turn.ts';

export type DuckdbExportOptions = {
  /** DuckDB's own limit; the process may take more for a moment. Default 512 MB. */
  memoryBytes?: number;
  /** Default 1: the other cores are for those who wait. */
  threads?: number;
  /** A DuckDB process that has not finished one file by then is killed. Default 20 minutes. */
  deadlineMs?: number;
  /** Told the id of the DuckDB process at the beginning of each Parquet file. */
  onStart?: (pid: number) => void;
};

/** What a row group holds uncompressed, at most. DuckDB keeps one in memory while it writes; with more than an eighth of 64 MB it ran out of that. */
const rowGroupBytes = 10 * 1024 * 1024;
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
  const duckdb = createDuckdbProcess({ deadlineMs, onStart });

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
    const lines = createJsonLines(columns.map(({ type }, i) => ({ key: keys[i]!, type })));

    async function convert(): Promise<void> {
      const job = {
        input,
        gzip,
        output,
        columns: columns.map(({ name, type }, i) => ({ key: keys[i]!, name, sqlType: sqlTypes[type] })),
        rowGroupSize: rowGroupSize({ ...lines.written(), memoryBytes }),
        longestLine: lines.written().longestLine,
        memoryBytes,
        threads,
        spill,
      };
      const written = await duckdb.run(job, signal);
      const { rows: given } = lines.written();
      if (written !== given) throw new Error(`DuckDB wrote ${written} of ${given} rows`);
    }
    const sweep = () => rm(spill, { recursive: true, force: true });

    return {
      write: (batch) => rows.write(lines.of(batch)),
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

/** As many rows as fill a row group, between one vector and DuckDB's own default of 60 vectors. */
export function rowGroupSize(file: { bytes: number; rows: number; memoryBytes: number }): number {
  const room = Math.min(rowGroupBytes, file.memoryBytes / memoryPerRowGroup);
  const rowBytes = Math.max(1, file.bytes / Math.max(1, file.rows));
  const vectors = Math.floor(room / rowBytes / vector);
  return vector * Math.min(60, Math.max(1, vectors));
}
