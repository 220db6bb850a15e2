import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote, sqlTypes } from '../copy-statement.ts';
import { Fault, UnreadableTables } from './faults.ts';
import type { Instance } from './instance.ts';

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export function pathsOf(tables: readonly TableSource[]): string[] {
  return tables.flatMap(({ files, fresh }) => [...files.map(({ path }) => path), ...(fresh ? [fresh.path] : [])]);
}

/** The table as a SELECT. Errors: `UnreadableTables` with what happened as its cause. */
export async function tableSelect(instance: Instance, table: TableSource): Promise<string> {
  try {
    return await selectOf(instance, table);
  } catch (err) {
    throw new UnreadableTables('', { cause: err });
  }
}

/**
 * A row of a file is taken from it while no fresh row has its response. Which files hold such rows at all is seen from the lowest and
 * highest `response_id` in their footers: ids begin with the time, so that new responses touch no file, and the other files are read as if there were no
 * fresh rows.
 */
async function selectOf(instance: Instance, table: TableSource): Promise<string> {
  const columns = table.columns.map(({ name }) => quoteName(name)).join(', ');
  const fresh = table.fresh && (await loadFresh(instance, table, table.fresh.path));
  await checkRows(instance, table);
  const touched = fresh === undefined ? new Set<string>() : await touchedFiles(instance, table, fresh);
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
  const source = `read_parquet(${listOf(paths)}, union_by_name => true)`;
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

const listOf = (paths: readonly string[]): string => `[${paths.map(quote).join(', ')}]`;

/** Reads every footer. Errors: `Fault('data-damaged')` for a file that has not as many rows as it should. */
async function checkRows(instance: Instance, { files }: TableSource): Promise<void> {
  if (files.length === 0) return;
  const paths = listOf(files.map(({ path }) => path));
  const found = await instance.rows(`SELECT file_name, num_rows::DOUBLE FROM parquet_file_metadata(${paths})`);
  const counts = new Map(found.map(([path, rows]) => [path, rows]));
  for (const { path, rows } of files) {
    const is = counts.get(path);
    if (is !== rows)
      throw new Fault('data-damaged', `The file ${basename(path)} has ${is} rows in the place of ${rows}.`, path);
  }
}

/** The files with a row group that may hold a response of this table of fresh rows. */
async function touchedFiles(instance: Instance, { files }: TableSource, fresh: string): Promise<Set<string>> {
  if (files.length === 0) return new Set();
  const among = `SELECT 1 FROM ${fresh} WHERE response_id BETWEEN stats_min_value AND stats_max_value`;
  const touched = await instance.rows(`SELECT DISTINCT file_name
    FROM parquet_metadata(${listOf(files.map(({ path }) => path))}) WHERE path_in_schema = 'response_id'
    AND (stats_min_value IS NULL OR stats_max_value IS NULL OR EXISTS (${among}))`);
  return new Set(touched.map(([path]) => String(path)));
}
