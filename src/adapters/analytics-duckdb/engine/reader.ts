import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import type { Json } from '#domain/json.ts';
import type { AnswerColumn } from '#ports/analytics-engine.ts';
import { Fault } from './faults.ts';
import { converterOf } from './values.ts';

/** A message of so many rows or bytes is sent on. Rows of 1 kB: about as many as DuckDB gives at once. */
const batchRows = 2048;
const batchBytes = 1 << 20;

export type Reader = {
  columns: AnswerColumn[];
  /** The next rows; `more` while there may be others. Errors: `Fault('query-too-large')`; the reason of `signal`, which is the one that the instance heeds. */
  read(signal: AbortSignal): Promise<{ rows: Json[][]; more: boolean }>;
  count(): number;
  truncated(): boolean;
};

/** Reads a streaming result row by row, so that one chunk of 2,048 rows with long texts is never in JavaScript's memory as a whole. */
export function createReader(result: DuckDBResult, limits: { rows: number; bytes: number }): Reader {
  const names = result.deduplicatedColumnNames();
  const types = result.columnTypes();
  const converters = types.map(converterOf);
  let chunk: DuckDBDataChunk | null | undefined;
  let at = 0;
  let count = 0;
  let bytes = 0;
  let truncated = false;

  async function hasRow(signal: AbortSignal): Promise<boolean> {
    while (chunk === undefined || (chunk !== null && at >= chunk.rowCount)) {
      chunk = await result.fetchChunk();
      // An interrupted result gives an empty chunk, as one at its end does (1.5.5).
      signal.throwIfAborted();
      at = 0;
      if (chunk?.rowCount === 0) chunk = null;
    }
    return chunk !== null;
  }

  async function read(signal: AbortSignal): Promise<{ rows: Json[][]; more: boolean }> {
    const rows: Json[][] = [];
    const until = bytes + batchBytes;
    while (await hasRow(signal)) {
      if (count === limits.rows) {
        truncated = true;
        return { rows, more: false };
      }
      if (rows.length === batchRows || bytes >= until) return { rows, more: true };
      const row = converters.map((convert, i) => convert(chunk!.getColumnVector(i).getItem(at)));
      at += 1;
      count += 1;
      bytes += sizeOf(row);
      if (bytes > limits.bytes) throw new Fault('query-too-large', `The answer has more than ${limits.bytes} bytes.`);
      rows.push(row);
    }
    return { rows, more: false };
  }

  return {
    columns: names.map((name, i) => ({ name, type: String(types[i]) })),
    read,
    count: () => count,
    truncated: () => truncated,
  };
}

/** About as many bytes as its JSON. */
function sizeOf(value: Json): number {
  if (typeof value === 'string') return value.length + 3;
  if (value === null || typeof value !== 'object') return 6;
  let bytes = 2;
  for (const item of Object.values(value)) bytes += sizeOf(item);
  return bytes;
}
