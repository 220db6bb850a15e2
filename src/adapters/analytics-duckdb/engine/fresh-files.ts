import { rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TableSource } from '#ports/analytics-engine.ts';
import { quote } from '../copy-statement.ts';
import type { createInstances } from './instance.ts';
import { newestFresh } from './tables.ts';

/** `path`: of the Parquet file; undefined when it could not be made. `users`: questions that wait for it or read it. */
type Made = { path: Promise<string | undefined>; users: number };

/** A smaller file of lines is parsed in less time than another instance takes to open. */
const worthIt = 256 * 1024;
/** Of other seconds and forms. */
const mostKept = 4;

export type FreshFiles = {
  /** By table, where there is one. */
  paths: ReadonlyMap<TableSource, string>;
  release(): void;
};

/**
 * Fresh rows as Parquet, made once for each file of lines: while responses come in everybody asks about the same second, and 13 questions parsed 6,000 lines
 * each, 40 ms a question. What cannot be made is read as lines by the question, which then tells what is wrong.
 */
export function createFreshFiles(instances: Pick<ReturnType<typeof createInstances>, 'open'>, spillBytes: number) {
  const known = new Map<string, Made>();
  let number = 0;

  async function of(
    tables: readonly TableSource[],
    means: { memoryBytes: number; spill: string },
    signal: AbortSignal,
  ): Promise<FreshFiles> {
    const paths = new Map<TableSource, string>();
    const used: Made[] = [];
    for (const table of tables) {
      const { size } = (table.fresh && (await stat(table.fresh.path).catch(() => undefined))) ?? { size: 0 };
      if (size < worthIt) continue;
      const key = JSON.stringify([table.fresh!.path, table.columns]);
      const made = known.get(key) ?? { path: make(table, size, means, signal), users: 0 };
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

  /** In the folder of this life of the process, which is removed at its end. Of whoever asked first are the limits and the signal. */
  async function make(
    table: TableSource,
    size: number,
    { memoryBytes, spill }: { memoryBytes: number; spill: string },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    number += 1;
    const path = join(dirname(spill), `fresh-${number}.parquet`);
    const own = `${spill}-fresh-${number}`;
    try {
      const allowed = [table.fresh!.path, path];
      const instance = await instances.open({ allowed, memoryBytes, spill: own, spillBytes }, signal);
      try {
        await instance.rows(
          `COPY (${newestFresh(table, table.fresh!.path, size)}) TO ${quote(path)} (FORMAT parquet, COMPRESSION snappy, USE_TMP_FILE false)`,
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
