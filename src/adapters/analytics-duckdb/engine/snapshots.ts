import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '#domain/hash.ts';
import type { AnalystQuestion } from '#ports/analytics-engine.ts';
import type { MaskedTable } from './protocol.ts';

/** Part of every key: a release that makes other snapshots of the same data counts it up. */
const format = 1;
/**
 * What a process left behind that was killed is that old at least; nothing takes so long to make. A snapshot that nobody asked for so long goes as well: it may
 * hold what was erased or withheld since.
 */
const oldMs = 3_600_000;

const suffix = '.duckdb';

type Kept = { name: string; usedMs: number };

/**
 * Database files with the tables of one moment and what is masked left out, by the key that the caller gives, the tables and the masks. The newest `keep` of the
 * last hour stay on disk, by when they were used last, and those that are held, however many. A start removes all that it finds: after an older store was
 * put back the same key may mean other rows. To remove one that is being read in another process is harmless: the file is open.
 */
export function createSnapshots(settings: {
  folder: string;
  keep: number;
  /** Makes the file. */
  build: (path: string, tables: readonly MaskedTable[]) => Promise<void>;
}) {
  const { folder, keep } = settings;
  const building = new Map<string, Promise<string>>();
  /** By name: how many wait for it or read it. */
  const holders = new Map<string, number>();

  /**
   * Its path, made first when it is not there; who asks at the same time waits for the same making. No sweep removes it before `release` is called, once.
   * Errors: those of `build`, by `path`.
   */
  function hold(question: Pick<AnalystQuestion, 'tables' | 'snapshot'>): { path: Promise<string>; release(): void } {
    const name = `${nameOf(question)}${suffix}`;
    holders.set(name, (holders.get(name) ?? 0) + 1);
    function release(): void {
      const left = holders.get(name)! - 1;
      if (left > 0) holders.set(name, left);
      else holders.delete(name);
    }
    return { path: get(join(folder, name), question), release };
  }

  async function get(path: string, question: Pick<AnalystQuestion, 'tables'>): Promise<string> {
    const running = building.get(path);
    if (running !== undefined) return running;
    const work = ensure(path, question.tables).finally(() => building.delete(path));
    building.set(path, work);
    return work;
  }

  async function ensure(path: string, tables: readonly MaskedTable[]): Promise<string> {
    const now = new Date();
    const isThere = await utimes(path, now, now).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
    // By chance, not by process id: containers that share the folder have the same few.
    const partial = `${path}.${randomUUID()}.partial`;
    try {
      await settings.build(partial, tables);
      await rename(partial, path);
    } catch (err) {
      await removeDatabase(partial);
      throw err;
    }
    await sweep();
    return path;
  }

  async function sweep(): Promise<void> {
    const files = await listed();
    const old = Date.now() - oldMs;
    const snapshots = files.filter(({ name }) => name.endsWith(suffix)).sort((a, b) => b.usedMs - a.usedMs);
    for (const [i, { name, usedMs }] of snapshots.entries())
      if ((i >= keep || usedMs < old) && !holders.has(name)) await removeDatabase(join(folder, name));
    await removeLeftBehind(files, isPartial);
  }

  async function removeLeftBehind(files: readonly Kept[], is: (name: string) => boolean): Promise<void> {
    const old = Date.now() - oldMs;
    for (const { name, usedMs } of files) if (usedMs < old && is(name)) await removeDatabase(join(folder, name));
  }

  async function listed(): Promise<Kept[]> {
    const found = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const { mtimeMs } = (await stat(join(folder, name)).catch(() => undefined)) ?? {};
        return mtimeMs === undefined ? [] : [{ name, usedMs: mtimeMs }];
      }),
    );
    return found.flat();
  }

  return {
    hold,
    /** Removes one that turned out to be torn. */
    forget: (path: string) => removeDatabase(path),
    /** Makes the folder, and removes from it all snapshots, and what killed processes left behind. Before the first `hold`. */
    async prepare(): Promise<void> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const files = await listed();
      for (const { name } of files) if (name.endsWith(suffix)) await removeDatabase(join(folder, name));
      await removeLeftBehind(files, (name) => name.startsWith('spill-') || isPartial(name));
    },
  };
}

const isPartial = (name: string): boolean => name.includes('.partial');

function nameOf({ tables, snapshot }: Pick<AnalystQuestion, 'tables' | 'snapshot'>): string {
  const shapes = tables.map(({ name, columns, masked }) => [
    name,
    columns.map(({ name, type }) => [name, type]),
    [...masked].sort(),
  ]);
  return sha256Hex(JSON.stringify([format, snapshot, shapes])).slice(0, 32);
}

/** A database file with its write-ahead log, if they are there. */
export async function removeDatabase(path: string): Promise<void> {
  await Promise.all([rm(path, { recursive: true, force: true }), rm(`${path}.wal`, { force: true })]);
}
