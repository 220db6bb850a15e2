import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '#domain/hash.ts';
import type { AnalystQuestion } from '#ports/analytics-engine.ts';
import type { MaskedTable } from './protocol.ts';

/** Part of every key: a release that makes other snapshots of the same data counts it up. */
const format = 1;
/** What a process left behind that was killed is that old at least; nothing takes so long to make. */
const leftBehindMs = 3_600_000;

const suffix = '.duckdb';

type Kept = { name: string; usedMs: number };

/**
 * Database files with the tables of one moment and what is masked left out, by the key that the caller gives, the tables and the masks. The newest `keep` stay
 * on disk, by when they were used last. To remove one that is being read is harmless: the file is open.
 */
export function createSnapshots(settings: {
  folder: string;
  keep: number;
  /** Makes the file. */
  build: (path: string, tables: readonly MaskedTable[]) => Promise<void>;
}) {
  const { folder, keep } = settings;
  const building = new Map<string, Promise<string>>();

  /** Its path, made first when it is not there; who asks at the same time waits for the same making. Errors: those of `build`. */
  async function get(question: Pick<AnalystQuestion, 'tables' | 'snapshot'>): Promise<string> {
    const path = join(folder, `${nameOf(question)}${suffix}`);
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
      await remove(partial);
      throw err;
    }
    await sweep();
    return path;
  }

  async function sweep(): Promise<void> {
    const files = await listed();
    const snapshots = files.filter(({ name }) => name.endsWith(suffix)).sort((a, b) => b.usedMs - a.usedMs);
    for (const { name } of snapshots.slice(keep)) await remove(join(folder, name));
    await removeLeftBehind(files, (name) => name.includes('.partial'));
  }

  async function removeLeftBehind(files: readonly Kept[], is: (name: string) => boolean): Promise<void> {
    const old = Date.now() - leftBehindMs;
    for (const { name, usedMs } of files) if (usedMs < old && is(name)) await remove(join(folder, name));
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
    get,
    /** Removes one that turned out to be torn. */
    forget: (path: string) => remove(path),
    /** Makes the folder, and removes from it what killed processes left behind. */
    async prepare(): Promise<void> {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await removeLeftBehind(await listed(), (name) => name.startsWith('spill-') || name.includes('.partial'));
    },
  };
}

function nameOf({ tables, snapshot }: Pick<AnalystQuestion, 'tables' | 'snapshot'>): string {
  const shapes = tables.map(({ name, columns, masked }) => [
    name,
    columns.map(({ name, type }) => [name, type]),
    [...masked].sort(),
  ]);
  return sha256Hex(JSON.stringify([format, snapshot, shapes])).slice(0, 32);
}

async function remove(path: string): Promise<void> {
  await Promise.all([rm(path, { recursive: true, force: true }), rm(`${path}.wal`, { force: true })]);
}
