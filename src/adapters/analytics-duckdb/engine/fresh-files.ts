import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import type { createInstances } from './instance.ts';
import { newestOf, readFresh, readParquet, sizesOf } from './tables.ts';

/** `path`: of the Parquet file; undefined when it could not be made. `users`: questions that wait for it or read it, and another that is made from it. */
type Made = { path: Promise<string | undefined>; users: number };
type Means = { memoryBytes: number; spill: string };

/** Fewer bytes of lines are parsed in less time than another instance takes to open. */
const worthIt = 256 * 1024;
/** Of other seconds and forms. */
const mostKept = 4;

export type FreshFiles = {
  /** By table, where there is one. */
  paths: ReadonlyMap<TableSource, string>;
  release(): void;
};

/**
 * Fresh rows as Parquet, made once for the same files of lines: while responses come in everybody asks about the same second, and 13 questions parsed 6,000
 * lines each, 40 ms a question. The next second's is made from that of the one before and the lines that are new. What cannot be made is read as lines by the
 * question, which then tells what is wrong.
 */
export function createFreshFiles(instances: Pick<ReturnType<typeof createInstances>, 'open'>, spillBytes: number) {
  const known = new Map<string, Made>();
  let number = 0;

  async function of(tables: readonly TableSource[], means: Means, signal: AbortSignal): Promise<FreshFiles> {
    const paths = new Map<TableSource, string>();
    const used: Made[] = [];
    for (const table of tables) {
      const lines = table.fresh?.paths ?? [];
      const sizes = await sizesOf(lines).catch(() => []);
      if (sizes.reduce((sum, size) => sum + size, 0) < worthIt) continue;
      const key = keyOf(table, lines.length);
      const made = known.get(key) ?? { path: make(table, sizes, means, signal), users: 0 };
      known.set(key, made);
      made.users += 1;
      used.push(made);
      const path = await made.path;
      if (path !== undefined) paths.set(table, path);
      else if (known.get(key) === made) known.delete(key);
    }
    sweep();
    return {
      paths,
      release() {
        for (const made of used.splice(0)) made.users -= 1;
      },
    };
  }

  /** Of whoever asked first are the limits and the signal. */
  async function make(
    table: TableSource,
    sizes: readonly number[],
    means: Means,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const lines = table.fresh!.paths;
    for (let count = lines.length - 1; count > 0; count--) {
      const before = known.get(keyOf(table, count));
      if (before === undefined) continue;
      before.users += 1;
      try {
        const parquet = await before.path;
        if (parquet !== undefined) return await write(table, { parquet, from: count, sizes }, means, signal);
      } finally {
        before.users -= 1;
      }
      break;
    }
    return write(table, { parquet: undefined, from: 0, sizes }, means, signal);
  }

  /** From a Parquet file, where there is one, and the files of lines from a place on. In the folder of this life of the process, which is removed at its end. */
  async function write(
    table: TableSource,
    { parquet, from, sizes }: { parquet: string | undefined; from: number; sizes: readonly number[] },
    { memoryBytes, spill }: Means,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    number += 1;
    const path = join(dirname(spill), `fresh-${number}.parquet`);
    const own = `${spill}-fresh-${number}`;
    const lines = table.fresh!.paths.slice(from);
    const parts = [`SELECT * FROM ${readFresh(table, lines, Math.max(...sizes.slice(from)))}`];
    if (parquet !== undefined) parts.unshift(`SELECT * FROM ${readParquet([parquet])}`);
    try {
      const allowed = [...lines, ...(parquet === undefined ? [] : [parquet]), path];
      const instance = await instances.open({ allowed, memoryBytes, spill: own, spillBytes }, signal);
      try {
        const rows = newestOf(parts.join(' UNION ALL BY NAME '));
        await instance.rows(
          `COPY (${rows}) TO ${quote(path)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
        );
      } finally {
        instance.close();
      }
      return path;
    } catch {
      await rm(path, { force: true });
      return undefined;
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  }

  /** Removes the oldest that nobody reads. */
  function sweep(): void {
    for (const [key, { path, users }] of known) {
      if (known.size <= mostKept) return;
      if (users > 0) continue;
      known.delete(key);
      // One that stays goes with its folder.
      path.then((made) => (made === undefined ? undefined : rm(made, { force: true }))).catch(() => {});
    }
  }

  return { of };
}

/** Of the first `count` files of lines, as rows of the table's columns. */
const keyOf = ({ fresh, columns }: TableSource, count: number): string =>
  JSON.stringify([fresh!.paths.slice(0, count), columns]);
