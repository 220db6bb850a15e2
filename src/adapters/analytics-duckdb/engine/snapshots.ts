import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '#domain/hash.ts';
import { QueryError } from '#domain/query-error.ts';
import type { AnalystQuestion } from '#ports/analytics-engine.ts';
import type { MaskedTable } from './protocol.ts';
import { sizesOf } from './tables.ts';

/** Part of every key: a release that makes other snapshots of the same data counts it up. */
const format = 1;
/**
 * What a process left behind that was killed is that old at least; nothing takes so long to make. A snapshot that nobody asked for so long goes as well: it may
 * hold what was erased or withheld since.
 */
const oldMs = 3_600_000;

const suffix = '.duckdb';

/**
 * What a copy may take, above what was measured: 20,000 responses in 2.3 MB of Parquet became 3.7 MB, 200 of them 0.5 MB, and while it is made its log stands beside
 * it. Bytes; for each byte of Parquet, and of lines.
 */
const smallest = 1_000_000;
const ofParquet = 4;
const ofLines = 3;

type Kept = { name: string; bytes: number; usedMs: number };

/**
 * Database files with the tables of one moment and what is masked left out, by the key that the caller gives, the tables and the masks. The newest `keep` of the
 * last hour stay on disk, by when they were used last, and those that are held, however many. A start removes all that it finds: after an older store was
 * put back the same key may mean other rows. To remove one that is being read in another process is harmless: the file is open.
 *
 * A copy is made for one question, and responses need the disk more: there is none for which there is too little room, and where room is short those that nobody
 * holds go at once.
 */
export function createSnapshots(settings: {
  folder: string;
  keep: number;
  /** Makes the file. */
  build: (path: string, tables: readonly MaskedTable[]) => Promise<void>;
  /** Bytes that may still be written to the disk; negative when it is fuller than it should be. Absent: as many as one likes. */
  room?: (() => Promise<number>) | undefined;
}) {
  const { folder, keep, room = async () => Number.POSITIVE_INFINITY } = settings;
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
      void freeWhenShort().catch(() => {});
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
    await makeRoom(await largestOf(tables));
    try {
      await settings.build(partial, tables);
      await rename(partial, path);
    } catch (err) {
      await removeDatabase(partial);
      throw err;
    }
    await sweep(keep);
    return path;
  }

  /** Errors: `disk-nearly-full` when it is not there, even without the snapshots that nobody holds. */
  async function makeRoom(bytes: number): Promise<void> {
    const free = await room();
    if (free >= bytes || free + (await sweep(0)) >= bytes) return;
    throw new QueryError('disk-nearly-full', `A copy of the tables may take ${Math.ceil(bytes / 1e6)} MB of the disk.`);
  }

  async function freeWhenShort(): Promise<void> {
    if ((await room()) < 0) await sweep(0);
  }

  /** Removes what is older than an hour, and where room is short whatever nobody holds. */
  async function tidy(): Promise<void> {
    await sweep(keep);
    await freeWhenShort();
  }

  /** Resolves to the bytes of what it has removed. */
  async function sweep(most: number): Promise<number> {
    const files = await listed();
    const old = Date.now() - oldMs;
    const snapshots = files.filter(({ name }) => name.endsWith(suffix)).sort((a, b) => b.usedMs - a.usedMs);
    let removed = 0;
    for (const [i, { name, bytes, usedMs }] of snapshots.entries()) {
      if ((i < most && usedMs >= old) || holders.has(name)) continue;
      await removeDatabase(join(folder, name));
      removed += bytes;
    }
    await removeLeftBehind(files, isPartial);
    return removed;
  }

  async function removeLeftBehind(files: readonly Kept[], is: (name: string) => boolean): Promise<void> {
    const old = Date.now() - oldMs;
    for (const { name, usedMs } of files) if (usedMs < old && is(name)) await removeDatabase(join(folder, name));
  }

  async function listed(): Promise<Kept[]> {
    const found = await Promise.all(
      (await readdir(folder)).map(async (name) => {
        const found = await stat(join(folder, name)).catch(() => undefined);
        return found === undefined ? [] : [{ name, bytes: found.size, usedMs: found.mtimeMs }];
      }),
    );
    return found.flat();
  }

  return {
    hold,
    tidy,
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

/** What a copy of the tables takes at most, about. */
async function largestOf(tables: readonly MaskedTable[]): Promise<number> {
  const bytes = await Promise.all(
    tables.map(async ({ files, fresh }) => {
      const [parquet, lines] = await Promise.all([sizesOf(files.map(({ path }) => path)), sizesOf(fresh?.paths ?? [])]);
      return ofParquet * sum(parquet) + ofLines * sum(lines);
    }),
  ).catch(() => []);
  return smallest + sum(bytes);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

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
