import { open, rename, rm, stat } from 'node:fs/promises';
import { csvCell } from '#domain/csv.ts';
import type { Json } from '#domain/json.ts';
import type { AnswerColumn } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import { Fault } from './faults.ts';
import { describeParquet } from './footers.ts';
import type { Instance } from './instance.ts';
import { bindParams } from './parameters.ts';
import { type OpenCall, pathsOfFile } from './protocol.ts';
import type { Reader } from './reader.ts';

/** Writes what the reader reads. Errors: those of the reader, and of the disk; the reason of the signal. */
export async function writeText(
  path: string,
  format: 'ndjson' | 'csv',
  reader: Reader,
  signal: AbortSignal,
): Promise<void> {
  const lineOf = format === 'csv' ? csvLines(reader) : jsonLines(reader);
  const file = await open(path, 'wx', 0o600);
  try {
    // Not `write`: on a disk that fills up it writes what fits, tells how much, and is no error.
    if (format === 'csv') await file.appendFile(`${reader.columns.map(({ name }) => csvCell(name)).join(',')}\r\n`);
    for (let more = true; more; ) {
      const batch = await reader.read(signal);
      if (batch.rows.length > 0) await file.appendFile(batch.rows.map(lineOf).join(''));
      more = batch.more;
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

function jsonLines({ columns }: Reader): (row: Json[]) => string {
  const names = columns.map(({ name }) => JSON.stringify(name));
  return (row) => `{${row.map((value, i) => `${names[i]}:${JSON.stringify(value)}`).join(',')}}\n`;
}

/** A number that JSON has no word for is a text there (digits, `-Infinity`); here it stays a number, and its minus sign begins no formula. */
function csvLines({ columns }: Reader): (row: Json[]) => string {
  const isNumber = columns.map(({ type }) => /^(?:U?BIGINT|U?HUGEINT|FLOAT|DOUBLE|DECIMAL\([^)]*\))$/.test(type));
  const cell = (value: Json, i: number) => {
    if (isNumber[i]) return value === null ? '' : String(value);
    return csvCell(value !== null && typeof value === 'object' ? JSON.stringify(value) : value);
  };
  return (row) => `${row.map(cell).join(',')}\r\n`;
}

/**
 * DuckDB writes the file itself. One row more than may be shows that there are more; then the file is written again without it. The columns are those of the
 * file: before its parameters are bound a statement has no types to tell (`$x`, `stars * $x`).
 */
export async function writeParquet(
  instance: Instance,
  path: string,
  { sql, params, rows, bytes }: Pick<OpenCall, 'sql' | 'params' | 'rows' | 'bytes'>,
): Promise<{ columns: AnswerColumn[]; count: number; truncated: boolean }> {
  const [, cut] = pathsOfFile({ path, format: 'parquet' });
  // The checked text stands alone between the brackets: a comment at its end ends with the line.
  const statement = await instance.connection.prepare(copy(`(${sql}\n) LIMIT ${rows + 1}`, path));
  bindParams(statement, params);
  const { rowsChanged } = await statement.run();
  const truncated = rowsChanged > rows;
  if (truncated) {
    try {
      await instance.rows(copy(`read_parquet([${quote(path)}]) LIMIT ${rows}`, cut!));
      await rename(cut!, path);
    } finally {
      await rm(cut!, { force: true });
    }
  }
  const { size } = await stat(path);
  if (size > bytes) throw new Fault('query-too-large', `The answer has more than ${bytes} bytes.`);
  const columns = await describeParquet(instance, path);
  return { columns, count: truncated ? rows : rowsChanged, truncated };
}

const copy = (source: string, path: string) =>
  `COPY (SELECT * FROM ${source}) TO ${quote(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`;
