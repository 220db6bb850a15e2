import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote, sqlTypes } from '../copy-statement.ts';
import { Fault } from './faults.ts';
import type { Instance } from './instance.ts';

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export function pathsOf(tables: readonly TableSource[]): string[] {
  return tables.flatMap(({ files, fresh }) => [...files.map(({ path }) => path), ...(fresh ? [fresh.path] : [])]);
}

/**
 * The table as a SELECT. A row of a file is taken from it while no fresh row has its response. Which files hold such rows at all is seen from the lowest and
 * highest `response_id` in their footers: ids begin with the time, so that new responses touch no file, and the other files are read as if there were no
 * fresh rows.
 */
export async function selectOf(instance: Instance, table: TableSource): Promise<string> {
  const columns = table.columns.map(({ name }) => quoteName(name)).join(', ');
  const fresh = table.fresh && (await loadFresh(instance, table, table.fresh.path));
  const touched = await touchedFiles(instance, table, fresh);
  const untouched = table.files.filter(({ path }) => !touched.has(path)).map(({ path }) => path);
  const parts: string[] = [];
  if (untouched.length > 0 || (touched.size === 0 && fresh === undefined))
    parts.push(await selectFiles(instance, table, untouched));
  if (touched.size > 0)
    parts.push(
      `SELECT * FROM (${await selectFiles(instance, table, [...touched])}) ANTI JOIN ${fresh} USING (response_id)`,
    );
  if (fresh !== undefined) parts.push(`SELECT ${columns} FROM ${fresh} WHERE _removed IS NOT TRUE`);
  return parts.join(' UNION ALL ');
}

async function selectFiles(instance: Instance, table: TableSource, paths: readonly string[]): Promise<string> {
  const source = `read_parquet([${paths.map(quote).join(', ')}], union_by_name => true)`;
  const described = paths.length === 0 ? [] : await instance.rows(`DESCRIBE SELECT * FROM ${source}`);
  const found = new Map(described.map(([name, type]) => [String(name), String(type)]));
  const cells = table.columns.map(({ name, type }) => {
    const wanted = sqlTypes[type];
    const is = found.get(name);
    if (is === undefined) return `NULL::${wanted} AS ${quoteName(name)}`;
    return is === (fullNames[wanted] ?? wanted)
      ? quoteName(name)
      : `CAST(${quoteName(name)} AS ${wanted}) AS ${quoteName(name)}`;
  });
  return `SELECT ${cells.join(', ')}${paths.length === 0 ? ' WHERE false' : ` FROM ${source}`}`;
}

const fullNames: Record<string, string> = { TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE' };

/** Of each response the newest fresh row, as a table of the instance: its name, or undefined when there is none. */
async function loadFresh(instance: Instance, table: TableSource, path: string): Promise<string | undefined> {
  const { size } = await stat(path);
  if (size === 0) return undefined;
  const name = quoteName(`fresh ${table.name}`);
  await instance.rows(`CREATE TEMP TABLE ${name} AS SELECT * FROM ${readFresh(table, path, size)}
    QUALIFY row_number() OVER (PARTITION BY response_id ORDER BY _changed DESC NULLS LAST) = 1`);
  return name;
}

/** DuckDB keeps two buffers of the longest line that it is told of. */
const longestLine = 16 * 2 ** 20;

export function readFresh(table: TableSource, path: string, size: number): string {
  const types = table.columns.map(({ name, type }) => `${quoteName(name)}: ${quote(sqlTypes[type])}`);
  return `read_json(${quote(path)}, columns = {${types.join(', ')}, _changed: 'BIGINT', _removed: 'BOOLEAN'},
    format = 'newline_delimited', auto_detect = false, compression = 'uncompressed', maximum_object_size = ${Math.max(2 ** 20, Math.min(longestLine, size + 1))})`;
}

/** The files with a row group that may hold a fresh row's response. On the way every footer is read, and its rows are counted. */
async function touchedFiles(instance: Instance, table: TableSource, fresh: string | undefined): Promise<Set<string>> {
  if (table.files.length === 0) return new Set();
  const among = 'SELECT 1 FROM fresh_ids WHERE response_id BETWEEN stats_min_value AND stats_max_value';
  const footers =
    await instance.rows(`WITH fresh_ids AS MATERIALIZED (SELECT response_id FROM ${fresh ?? "(SELECT '' AS response_id WHERE false)"})
    SELECT file_name, sum(row_group_num_rows)::DOUBLE, bool_or(stats_min_value IS NULL OR stats_max_value IS NULL OR EXISTS (${among}))
    FROM parquet_metadata([${table.files.map(({ path }) => quote(path)).join(', ')}]) WHERE path_in_schema = 'response_id' GROUP BY file_name`);
  const found = new Map(footers.map(([path, rows, touched]) => [String(path), { rows, touched }]));
  for (const { path, rows } of table.files) {
    const counted = found.get(path)?.rows ?? 0;
    if (counted !== rows)
      throw new Fault('data-damaged', `The file ${basename(path)} has ${counted} rows in the place of ${rows}.`, path);
  }
  if (fresh === undefined) return new Set();
  return new Set([...found].filter(([, { touched }]) => touched === true).map(([path]) => path));
}
