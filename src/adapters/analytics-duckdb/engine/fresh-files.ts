import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import type { createInstances } from './instance.ts';
import { newestAcross, newestOf, readFresh, readParquet, sizesOf } from './tables.ts';

/** Parquet of the lines of one file after the other: `from` is the number of the first one. `holders`: those whose part it is; without one it is removed. */
type Part = { path: string; from: number; holders: number };
/** One part or two: most rows, and those that have come since. */
type Parts = readonly Part[];
/** `parts`: undefined when they could not be made. `users`: questions that wait for them or read them, and others that are made from them. */
type Made = { parts: Promise<Parts | undefined>; users: number };
type Means = { memoryBytes: number; spill: string };

/** Fewer bytes of lines are parsed in less time than another instance takes to open. */
const worthIt = 256 * 1024;
/** Of other seconds and forms. */
const mostKept = 4;
/**
 * After so many files of lines the second part is put to the first. With 20,000 rows of 30 columns in the first one, 600 new lines took 18 ms into a part of their own
 * and 51 ms together with those; a question takes 1 ms more for two parts.
 */
const mostInSecond = 8;

/** DuckDB holds one row group for each of its threads; with its own size, by rows, 400,000 fresh rows took more than a question may have. */
const rowGroupBytes = 8 * 2 ** 20;

export type FreshFiles = {
  /** By table, where there are some: Parquet files, with later rows from one to the next. */
  paths: ReadonlyMap<TableSource, readonly string[]>;
  release(): void;
};

/**
 * Fresh rows as Parquet, made once for the same files of lines: while responses come in everybody asks about the same second, and 13 questions parsed 6,000
 * lines each, 40 ms a question. The next second's are made from those of the one before and the lines that are new. What cannot be made is read as lines by the
 * question, which then tells what is wrong.
 */
export function createFreshFiles(instances: Pick<ReturnType<typeof createInstances>, 'open'>, spillBytes: number) {
  const known = new Map<string, Made>();
  let number = 0;

  async function of(tables: readonly TableSource[], means: Means, signal: AbortSignal): Promise<FreshFiles> {
    const paths = new Map<TableSource, readonly string[]>();
    const used: Made[] = [];
    for (const table of tables) {
      const lines = table.fresh?.paths ?? [];
      const sizes = await sizesOf(lines).catch(() => []);
      if (sizes.reduce((sum, size) => sum + size, 0) < worthIt) continue;
      const key = keyOf(table, lines.length);
      const made = known.get(key) ?? { parts: make(table, means, signal).then(hold), users: 0 };
      known.set(key, made);
      made.users += 1;
      used.push(made);
      const parts = await made.parts;
      const found = parts?.map(({ path }) => path);
      if (found !== undefined) paths.set(table, found);
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
  async function make(table: TableSource, means: Means, signal: AbortSignal): Promise<Parts | undefined> {
    const write = async (kept: Parts, before: Parts, from: number) => {
      const part = await writePart({ table, before, from }, means, signal);
      return part && [...kept, part];
    };
    const count = table.fresh!.paths.length;
    for (let done = count - 1; done > 0; done--) {
      const made = known.get(keyOf(table, done));
      if (made === undefined) continue;
      made.users += 1;
      try {
        const before = await made.parts;
        if (before === undefined) break;
        const [first, second] = before;
        if (second !== undefined && count - second.from > mostInSecond) return await write([], before, done);
        return await write([first!], second === undefined ? [] : [second], done);
      } finally {
        made.users -= 1;
      }
    }
    return write([], [], 0);
  }

  /** Of parts that follow each other and the files of lines from a place on. In the folder of this life of the process, which is removed at its end. */
  async function writePart(
    what: { table: TableSource; before: Parts; from: number },
    { memoryBytes, spill }: Means,
    signal: AbortSignal,
  ): Promise<Part | undefined> {
    const { table, before, from } = what;
    number += 1;
    const path = join(dirname(spill), `fresh-${number}.parquet`);
    const own = `${spill}-fresh-${number}`;
    const lines = table.fresh!.paths.slice(from);
    try {
      const allowed = [...lines, ...before.map((part) => part.path), path];
      const columns = table.columns.length;
      const instance = await instances.open(
        { allowed, columns, memoryBytes, spill: own, spillBytes, ordered: false },
        signal,
      );
      try {
        const added = newestOf(readFresh(table, lines));
        const rows = newestAcross([...before.map((part) => readParquet([part.path])), added]);
        await instance.rows(
          `COPY ${rows} TO ${quote(path)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE_BYTES ${rowGroupBytes}, USE_TMP_FILE false)`,
        );
      } finally {
        instance.close();
      }
      return { path, from: before[0]?.from ?? from, holders: 0 };
    } catch {
      await rm(path, { force: true });
      return undefined;
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  }

  /** Forgets the oldest that nobody reads. */
  function sweep(): void {
    for (const [key, made] of known) {
      if (known.size <= mostKept) return;
      if (made.users > 0) continue;
      known.delete(key);
      void made.parts.then((parts) => parts?.forEach(letGo));
    }
  }

  return { of };
}

function hold(parts: Parts | undefined): Parts | undefined {
  for (const part of parts ?? []) part.holders += 1;
  return parts;
}

/** A file that stays goes with its folder. */
function letGo(part: Part): void {
  part.holders -= 1;
  if (part.holders === 0) rm(part.path, { force: true }).catch(() => {});
}

/** Of the first `count` files of lines, as rows of the table's columns. */
const keyOf = ({ fresh, columns }: TableSource, count: number): string =>
  JSON.stringify([fresh!.paths.slice(0, count), columns]);
