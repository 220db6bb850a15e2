import type { ExportColumnType } from '#domain/export-rows.ts';
import type { CopyJob } from './protocol.ts';

export const sqlTypes: Record<ExportColumnType, string> = {
  string: 'VARCHAR',
  number: 'DOUBLE',
  integer: 'BIGINT',
  boolean: 'BOOLEAN',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  instant: 'TIMESTAMPTZ',
  'string[]': 'VARCHAR[]',
};

/** Rows go from file to file; DuckDB holds one row group of them. No temporary file of its own: that name would not be among the allowed ones. */
export function copyStatement(job: CopyJob): string {
  const types = job.columns.map(({ key, sqlType }) => `"${key}": ${quote(sqlType)}`).join(', ');
  const names = job.columns.map(({ key, name }) => `"${key}" AS "${name}"`).join(', ');
  const source = `read_json(${quote(job.input)}, columns = {${types}}, format = 'newline_delimited', auto_detect = false,
    compression = '${job.gzip ? 'gzip' : 'uncompressed'}', maximum_object_size = ${Math.max(1 << 20, job.longestLine)})`;
  return `COPY (SELECT ${names} FROM ${source}) TO ${quote(job.output)}
    (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE_BYTES ${job.rowGroupBytes}, USE_TMP_FILE false)`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
