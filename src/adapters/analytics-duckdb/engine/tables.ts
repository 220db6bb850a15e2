import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote, sqlTypes } from '../copy-statement.ts';
import { Fault, UnreadableTables } from './faults.ts';
import { type Footer, type Footers, listOf } from './footers.ts';
import type { Instance } from './instance.ts';

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export function pathsOf(tables: readonly TableSource[]): string[] {
  return tables.flatMap(({ files, fresh }) => [...files.map(({ path }) => path), ...(fresh?.paths ?? [])]);
}

/** What tables are read with: footers that are known, and fresh rows that are Parquet already. */
export type Means = { footers: Footers; freshFiles?: ReadonlyMap<TableSource, readonly string[]> };

/** The table as a SELECT. Errors: `UnreadableTables` with what happened as its cause. */
export async function tableSelect(instance: Instance, table: TableSource, means: Means): Promise<string> {
  try {
    return await selectOf(instance, table, means);
  } catch (err) {
    throw new UnreadableTables('', { cause: err });
  }
}

/**
 * A row of a file is taken from it while no fresh row has its response. Which files may hold such rows is seen from the lowest and highest `response_id` in
 * their footers: ids begin with the time, so that new responses touch no file, and the other files are read as if there were no fresh rows.
 */
async function selectOf(instance: Instance, table: TableSource, { footers, freshFiles }: Means): Promise<string> {
  const columns = table.columns.map(({ name }) => quoteName(name)).join(', ');
  const made = freshFiles?.get(table);
  const fresh = made
    ? newestAcross(made.map((path) => readParquet([path])))
    : table.fresh && (await freshView(instance, table, table.fresh.paths));
  const ids = made ? readParquet(made) : fresh;
  const files = await checkedFiles(instance, table, footers);
  const span = made && spanOf(await footers(instance, made));
  const touched = ids === undefined ? new Set<string>() : await touchedFiles(instance, files, { ids, span });
  const parts = groupsOf(files.filter(({ path }) => !touched.has(path))).map((group) => selectFiles(table, group));
  for (const group of groupsOf(files.filter(({ path }) => touched.has(path))))
    parts.push(`SELECT * FROM (${selectFiles(table, group)}) ANTI JOIN ${ids} USING (response_id)`);
  if (fresh !== undefined) parts.push(`SELECT ${columns} FROM ${fresh} WHERE _removed IS NOT TRUE`);
  return parts.length > 0 ? parts.join(' UNION ALL ') : selectFiles(table, []);
}

type File = { path: string; footer: Footer };

/** Errors: `Fault('data-damaged')` for a file that has not as many rows as it should. */
async function checkedFiles(instance: Instance, { files }: TableSource, footers: Footers): Promise<File[]> {
  const paths = files.map(({ path }) => path);
  const read = files.length === 0 ? [] : await footers(instance, paths);
  return files.map(({ path, rows }, i) => {
    const footer = read[i]!;
    if (footer.rows === rows) return { path, footer };
    const message = `The file ${basename(path)} has ${footer.rows} rows in the place of ${rows}.`;
    throw new Fault('data-damaged', message, path);
  });
}

/** Those with the same columns together: to read files of other columns in one go, DuckDB opens each of them twice more. */
function groupsOf(files: readonly File[]): File[][] {
  return [...Map.groupBy(files, ({ footer }) => footer.columns).values()];
}

/** Files with the same columns. */
function selectFiles(table: TableSource, group: readonly File[]): string {
  const found = group[0]?.footer.columns;
  const cells = table.columns.map(({ name, type }) => {
    const [quoted, wanted, is] = [quoteName(name), sqlTypes[type], found?.get(name)];
    if (is === undefined) return `NULL::${wanted} AS ${quoted}`;
    return is === (fullNames[wanted] ?? wanted) ? quoted : `CAST(${quoted} AS ${wanted}) AS ${quoted}`;
  });
  const from = found === undefined ? 'WHERE false' : `FROM ${readParquet(group.map(({ path }) => path))}`;
  return `SELECT ${cells.join(', ')} ${from}`;
}

const fullNames: Record<string, string> = { TIMESTAMPTZ: 'TIMESTAMP WITH TIME ZONE' };

/**
 * The newest fresh rows as a view of the instance: its name, or undefined when there are none. Few are kept as the lines they are: DuckDB's reader of JSON files takes 32 MiB for
 * each reading, and a table of their columns 256 KiB for each (for one row of a form of 500 questions 240 MB).
 */
async function freshView(
  instance: Instance,
  table: TableSource,
  paths: readonly string[],
): Promise<string | undefined> {
  const bytes = (await sizesOf(paths)).reduce((sum, size) => sum + size, 0);
  if (bytes === 0) return undefined;
  const name = quoteName(`fresh ${table.name}`);
  if (bytes > mostLines) {
    await instance.rows(`CREATE TEMP VIEW ${name} AS FROM ${newestOf(readFresh(table, paths))}`);
    return name;
  }
  const lines = quoteName(`lines of ${table.name}`);
  await instance.rows(`CREATE TEMP TABLE ${lines} AS SELECT arg_max(line, (line->>'_changed')::BIGINT) AS line
    FROM (SELECT unnest(string_split(content, chr(10))) AS line FROM read_text(${listOf(paths)})) WHERE line <> '' GROUP BY line->>'response_id'`);
  const types = typesOf(table).map(([column, type]) => `${JSON.stringify(column)}:${JSON.stringify(type)}`);
  await instance.rows(
    `CREATE TEMP VIEW ${name} AS SELECT unnest(from_json(line, ${quote(`{${types.join(',')}}`)})) FROM ${lines}`,
  );
  return name;
}

/** Bytes of lines that are read whole. */
const mostLines = 2 ** 20;

/** Bytes of each. Errors: of the disk, for one that is missing. */
export const sizesOf = (paths: readonly string[]): Promise<number[]> =>
  Promise.all(paths.map(async (path) => (await stat(path)).size));

/**
 * Of each response the newest row. The source is read twice, and no more of it is kept than a number for each response: a window over 200,000 lines took twice the
 * time and three times the memory.
 */
export function newestOf(source: string): string {
  const newest = `SELECT response_id, max(_changed) AS _changed FROM ${source} GROUP BY response_id`;
  return `(SELECT * FROM ${source} AS rows SEMI JOIN (${newest}) AS newest USING (response_id, _changed))`;
}

/** Rows of sources with later ones from one to the next, in each of which a response stands once: of each response the last. */
export function newestAcross(sources: readonly string[]): string {
  // Without names for the two DuckDB 1.5.5 takes two calls of `read_parquet` for one: "* expression without FROM clause".
  return sources.reduce(
    (before, after) =>
      `(SELECT * FROM ${before} AS before ANTI JOIN ${after} AS after USING (response_id) UNION ALL BY NAME SELECT * FROM ${after})`,
  );
}

export const readParquet = (paths: readonly string[]): string => `read_parquet(${listOf(paths)})`;

/** DuckDB keeps several buffers of twice the longest line that it is told of: with the size of the file, or 16 MiB, 100 MB of them. */
export function readFresh({ columns, fresh }: TableSource, paths: readonly string[]): string {
  const types = typesOf({ columns }).map(([name, type]) => `${quoteName(name)}: ${quote(type)}`);
  return `read_json(${listOf(paths)}, columns = {${types.join(', ')}},
    format = 'newline_delimited', auto_detect = false, compression = 'uncompressed', maximum_object_size = ${Math.max(2 ** 20, fresh!.longestLine)})`;
}

const typesOf = ({ columns }: Pick<TableSource, 'columns'>): [name: string, type: string][] => [
  ...columns.map(({ name, type }): [string, string] => [name, sqlTypes[type]]),
  ['_changed', 'BIGINT'],
  ['_removed', 'BOOLEAN'],
];

type Span = { lowest: string; highest: string };

/** From the lowest to the highest `response_id` of files; undefined when one of them does not say. */
function spanOf(footers: readonly Footer[]): Span | undefined {
  const spans = footers.flatMap(({ ids }) => ids ?? []);
  if (spans.length < footers.length) return undefined;
  const lowest = spans.map((span) => span.lowest).sort()[0]!;
  return {
    lowest,
    highest: spans
      .map((span) => span.highest)
      .sort()
      .at(-1)!,
  };
}

/** Those that may hold a response of these fresh rows. With their span, only what it meets is looked at closer: that costs a reading of all their ids. */
async function touchedFiles(
  instance: Instance,
  files: readonly File[],
  fresh: { ids: string; span: Span | undefined },
): Promise<Set<string>> {
  const touched = new Set(files.flatMap(({ path, footer }) => (footer.ids || footer.rows === 0 ? [] : [path])));
  const { span } = fresh;
  const meets = (ids: Span) => span === undefined || (ids.lowest <= span.highest && span.lowest <= ids.highest);
  const ranges = files.flatMap(({ footer: { ids } }, i) =>
    ids && meets(ids) ? [`(${i}, ${quote(ids.lowest)}, ${quote(ids.highest)})`] : [],
  );
  if (ranges.length === 0) return touched;
  const found = await instance.rows(`SELECT file FROM (VALUES ${ranges.join(', ')}) AS ranges(file, lowest, highest)
    WHERE EXISTS (SELECT 1 FROM ${fresh.ids} WHERE response_id BETWEEN lowest AND highest)`);
  for (const [file] of found) touched.add(files[Number(file)]!.path);
  return touched;
}
