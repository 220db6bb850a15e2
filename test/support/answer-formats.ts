import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommonQueries } from '#app/queries/common-queries.ts';
import type { Json } from '#domain/json.ts';
import { readParquetRows } from './hyparquet.ts';

/** The answer as JSON, after it was found to be the same in a file of each kind, numbers to nine digits, made in `folder` for as long. `what`: for the messages of failures. */
export async function inEveryFormat(
  queries: CommonQueries,
  question: Awaited<ReturnType<CommonQueries['prepare']>>,
  folder: string,
  what = question.query.name,
) {
  const { answer } = await queries.answer(question);
  const { rows, asOf, ...same } = answer;
  const names = answer.columns.map((column) => column.name);
  for (const format of ['csv', 'ndjson', 'parquet'] as const) {
    const path = join(folder, `${question.query.name}.${format}`);
    const message = `${what}, ${format}`;
    const told = await queries.toFile(question, { path, format }, AbortSignal.timeout(20_000));
    assert.deepEqual(told, { ...same, asOf: told.asOf }, message);
    assert.ok(told.asOf >= asOf, message);
    const bytes = readFileSync(path);
    await rm(path);
    if (format === 'csv') {
      const lines = [names, ...rows].map((row) => `${row.map(csvCell).join(',')}\r\n`);
      assert.equal(nineDigits(bytes.toString()), nineDigits(lines.join('')), message);
      continue;
    }
    const found =
      format === 'ndjson'
        ? bytes.toString().split('\n').filter(Boolean).map(fieldsOf(names))
        : (await readParquetRows(bytes)).map((row) => names.map((name) => plain(row[name])));
    assert.equal(nineDigits(JSON.stringify(found)), nineDigits(JSON.stringify(rows)), message);
  }
  return answer;
}

/** DuckDB sums in any order: the last digits of a mean differ from one asking to the next. */
const nineDigits = (text: string) =>
  text.replace(/\d+\.\d+/g, (number) => String(Number(Number(number).toPrecision(9))));
const csvCell = (cell: Json) =>
  /[",]/.test(String(cell)) ? JSON.stringify(cell).replaceAll('\\"', '""') : (cell ?? '');
const fieldsOf = (names: string[]) => (line: string) => names.map((name) => JSON.parse(line)[name]);
const plain = (value: unknown): Json => {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'bigint' ? Number(value) : ((value ?? null) as Json);
};
