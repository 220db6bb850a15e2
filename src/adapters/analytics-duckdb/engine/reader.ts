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

export type ReaderLimits = {
  rows: number;
  /** Of the answer as JSON, the names of columns included. */
  bytes: number;
  /** Each row is written with the names. */
  named: boolean;
  /** Waits while the process is beyond its mark; asked between two cells. */
  room: () => undefined | Promise<void>;
};

/** Reads a streaming result row by row, so that one chunk of 2,048 rows with long texts is never in JavaScript's memory as a whole. */
export function createReader(result: DuckDBResult, limits: ReaderLimits): Reader {
  const names = distinct(result.columnNames());
  const types = result.columnTypes();
  const columns = names.map((name, i) => ({ name, type: String(types[i]) }));
  const converters = types.map(converterOf);
  // A comma or a bracket for each cell, and for a name its colon.
  const emptyRow = 2 + names.reduce((sum, name) => sum + 1 + (limits.named ? 1 + jsonBytes(name) : 0), 0);
  let chunk: DuckDBDataChunk | null | undefined;
  let at = 0;
  let count = 0;
  let bytes = limits.named ? 0 : jsonBytes(columns);
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
      bytes += emptyRow;
      const row: Json[] = [];
      for (const [i, convert] of converters.entries()) {
        const cell = convert(chunk!.getColumnVector(i).getItem(at));
        row.push(cell);
        bytes += jsonBytes(cell);
        if (bytes > limits.bytes) throw new Fault('query-too-large', `The answer has more than ${limits.bytes} bytes.`);
        const wait = limits.room();
        if (wait !== undefined) await wait;
      }
      at += 1;
      count += 1;
      rows.push(row);
    }
    return { rows, more: false };
  }

  return {
    columns,
    read,
    count: () => count,
    truncated: () => truncated,
  };
}

/** Each name once: a repeated one gets the first number that makes no name of another column. */
export function distinct(names: readonly string[]): string[] {
  const taken = new Set(names);
  const seen = new Set<string>();
  const next = new Map<string, number>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    let n = next.get(name) ?? 1;
    while (taken.has(`${name}:${n}`)) n += 1;
    next.set(name, n + 1);
    taken.add(`${name}:${n}`);
    return `${name}:${n}`;
  });
}

/** As many bytes as `JSON.stringify` and UTF-8 make of it, without making them. */
export function jsonBytes(value: Json): number {
  if (typeof value === 'string') return textBytes(value);
  if (value === null || typeof value !== 'object') return String(value).length;
  let bytes = 1;
  if (Array.isArray(value)) for (const item of value) bytes += jsonBytes(item) + 1;
  else for (const [key, item] of Object.entries(value)) bytes += textBytes(key) + jsonBytes(item) + 2;
  return Math.max(2, bytes);
}

const escaped = /["\\\u0000-\u001f]/;
const shortEscapes = new Set('"\\\b\f\n\r\t');

function textBytes(text: string): number {
  let bytes = Buffer.byteLength(text) + 2;
  if (!escaped.test(text)) return bytes;
  for (let i = 0; i < text.length; i++)
    if (shortEscapes.has(text[i]!)) bytes += 1;
    else if (text.charCodeAt(i) < 0x20) bytes += 5;
  return bytes;
}
