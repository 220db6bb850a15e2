import { stat } from 'node:fs/promises';
import type { AnswerColumn } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import type { Instance } from './instance.ts';

/** What is known of a Parquet file without reading its rows. */
export type Footer = {
  rows: number;
  /** Of `response_id`; undefined when the file has no rows or does not say. */
  ids: { lowest: string; highest: string } | undefined;
  /** Its columns, by name; one and the same object for all files that have the same. */
  columns: ReadonlyMap<string, string>;
};

type Known = Footer & { stamp: string };

/** As many as 50 forms have in a year; files with the same columns share what is kept of those. */
const mostKnown = 20_000;

export const listOf = (paths: readonly string[]): string => `[${paths.map(quote).join(', ')}]`;

/**
 * Footers of files by their path, size and time, read once in a process: exported files do not change. The footers of 365
 * files took 280 ms, as long as three questions about their rows (bench/questions.ts).
 */
export function createFooters() {
  const known = new Map<string, Known>();
  const shapes = new Map<string, ReadonlyMap<string, string>>();

  async function columnsOf(instance: Instance, shape: string, path: string): Promise<ReadonlyMap<string, string>> {
    const before = shapes.get(shape);
    if (before !== undefined) return before;
    const described = await describeParquet(instance, path);
    const columns = new Map(described.map(({ name, type }) => [name, type]));
    // Another question may have been faster: all files share one object.
    const first = shapes.get(shape) ?? columns;
    shapes.set(shape, first);
    return first;
  }

  async function read(instance: Instance, paths: readonly string[]): Promise<Map<string, Footer>> {
    const list = listOf(paths);
    const shaped = await instance.rows(`SELECT file_name,
      md5(string_agg(concat_ws(':', name, type, converted_type, logical_type, num_children), ',' ORDER BY column_id))
      FROM parquet_schema(${list}) GROUP BY file_name`);
    const counted = await instance.rows(`SELECT file_name, sum(row_group_num_rows)::DOUBLE,
      min(stats_min_value), max(stats_max_value), bool_and(stats_min_value IS NOT NULL AND stats_max_value IS NOT NULL)
      FROM parquet_metadata(${list}) WHERE path_in_schema = 'response_id' GROUP BY file_name`);
    const counts = new Map(counted.map(([path, ...rest]) => [path, rest]));
    const footers = new Map<string, Footer>();
    for (const [path, shape] of shaped) {
      const [rows = 0, lowest, highest, told] = counts.get(path) ?? [];
      footers.set(String(path), {
        rows: Number(rows),
        ids: told === true ? { lowest: String(lowest), highest: String(highest) } : undefined,
        columns: await columnsOf(instance, String(shape), String(path)),
      });
    }
    return footers;
  }

  /** In the order of the paths. Errors: DuckDB's and those of the disk, for a file that is missing or torn. */
  return async (instance: Instance, paths: readonly string[]): Promise<Footer[]> => {
    const stamps = new Map(await Promise.all(paths.map(async (path) => [path, await stampOf(path)] as const)));
    const found = new Map<string, Footer>();
    for (const path of paths) {
      const footer = known.get(path);
      if (footer !== undefined && footer.stamp === stamps.get(path)) found.set(path, footer);
    }
    const missing = paths.filter((path) => !found.has(path));
    if (missing.length > 0) {
      if (known.size + missing.length > mostKnown) known.clear();
      for (const [path, footer] of await read(instance, missing)) {
        found.set(path, footer);
        known.set(path, { ...footer, stamp: stamps.get(path)! });
      }
    }
    return paths.map((path) => found.get(path)!);
  };
}

export type Footers = ReturnType<typeof createFooters>;

/** The columns of a Parquet file, with the types as which DuckDB reads them. Errors: DuckDB's, for a file that is missing or torn. */
export async function describeParquet(instance: Instance, path: string): Promise<AnswerColumn[]> {
  const described = await instance.rows(`DESCRIBE SELECT * FROM read_parquet(${listOf([path])})`);
  return described.map(([name, type]) => ({ name: String(name), type: String(type) }));
}

async function stampOf(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return `${size} ${mtimeNs} ${ino}`;
}
