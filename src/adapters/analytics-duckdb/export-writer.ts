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
  /** A DuckDB process that has not finished one file by then is killed. Default 20 minutes. */
  deadlineMs?: number;
  /** Told the id of the DuckDB process at the beginning of each Parquet file. */
  onStart?: (pid: number) => void;
};

/**
 * What a row group holds uncompressed, at most, whatever its number of rows: 6,000 of 0.8 kB, or 25 of 200 kB. Measured in rows, as DuckDB does by itself, 750
 * responses of 240 kB took more than 512 MB. It has one in memory while it writes, and several times as much for a moment.
 */
const rowGroupBytes = 5 * 1024 * 1024;
const memoryPerRowGroup = 8;

/**
 * JSON lines and CSV are written by this process, compressed on its thread pool. For Parquet the rows go into a temporary file beside the staged one, as
 * JSON lines; then a DuckDB process reads that and writes the Parquet file. Of these processes there is one at a time. Where both are wanted, DuckDB reads the
 * JSON lines that are kept, so the two cannot differ.
 * (A pipe instead of the file is no way: Node makes its pipes from sockets, and those cannot be opened by name.)
 */
export function createDuckdbExportWriter(options: DuckdbExportOptions = {}): ExportWriter {
  const { memoryBytes = 512e6, deadlineMs = 20 * 60_000, onStart } = options;
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
        rowGroupBytes: Math.floor(Math.min(rowGroupBytes, memoryBytes / memoryPerRowGroup)),
        longestLine: lines.written().longestLine,
        memoryBytes,
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
