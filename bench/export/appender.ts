import {
  BIGINT,
  BOOLEAN,
  DATE,
  DOUBLE,
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  type DuckDBType,
  type DuckDBValue,
  LIST,
  TIMESTAMP,
  TIMESTAMPTZ,
  VARCHAR,
} from '@duckdb/node-api';
import type { Cell, ExportColumnType, RowPlan } from '#domain/export-rows.ts';
import type { Storage } from '#ports/storage.ts';
import { sqlTypes } from '../../src/adapters/analytics-duckdb/copy-statement.ts';

const types: Record<ExportColumnType, DuckDBType> = {
  string: VARCHAR,
  number: DOUBLE,
  integer: BIGINT,
  boolean: BOOLEAN,
  date: DATE,
  timestamp: TIMESTAMP,
  instant: TIMESTAMPTZ,
  'string[]': LIST(VARCHAR),
};
const chunkRows = 2048;

/** Seconds that DuckDB takes for the same rows: appended in chunks from JavaScript, and then written as Parquet. What the store and the plan take is not counted. */
export async function timeAppender(
  storage: Pick<Storage, 'list'>,
  formId: string,
  plan: RowPlan,
  file: string,
): Promise<{ append: number; copy: number }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const columns = plan.columns.map(({ name, type }) => `"${name}" ${sqlTypes[type]}`).join(', ');
  await connection.run(`CREATE TABLE rows (${columns})`);
  const appender = await connection.createAppender('rows');
  let append = 0;
  let rows: (readonly Cell[])[] = [];
  const flush = () => {
    const from = performance.now();
    const chunk = DuckDBDataChunk.create(plan.columns.map(({ type }) => types[type]));
    chunk.setColumns(plan.columns.map(({ type }, i) => rows.map((cells) => duckdbValue(cells[i]!, type))));
    appender.appendDataChunk(chunk);
    append += performance.now() - from;
    rows = [];
  };
  let after: string | undefined;
  do {
    const page = await storage.list('response', { where: { formId }, limit: 1000, after });
    for (const { doc } of page.items) {
      rows.push(plan.rowOf(doc).cells);
      if (rows.length === chunkRows) flush();
    }
    after = page.next;
  } while (after !== undefined);
  if (rows.length > 0) flush();
  const from = performance.now();
  appender.closeSync();
  append += performance.now() - from;
  const begin = performance.now();
  await connection.run(`COPY rows TO '${file}' (FORMAT parquet, COMPRESSION zstd)`);
  const copy = performance.now() - begin;
  connection.closeSync();
  instance.closeSync();
  return { append: append / 1000, copy: copy / 1000 };
}

function duckdbValue(cell: Cell, type: ExportColumnType): DuckDBValue {
  if (cell === null) return null;
  switch (type) {
    case 'integer':
      return BigInt(cell as number);
    case 'date':
      return new DuckDBDateValue(Date.parse(`${cell}T00:00Z`) / 86_400_000);
    case 'timestamp':
      return new DuckDBTimestampValue(BigInt(Date.parse(`${cell}Z`)) * 1000n);
    case 'instant':
      return new DuckDBTimestampTZValue(BigInt(Date.parse(cell as string)) * 1000n);
    case 'string[]':
      return new DuckDBListValue(cell as string[]);
    default:
      return cell as string | number | boolean;
  }
}
