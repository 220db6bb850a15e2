import { createHash, randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { diskRefusal } from '#domain/disk-refusal.ts';
import { AppError } from '#domain/errors.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';

const namePattern = /^[a-z0-9][a-z0-9._-]{0,99}\/[a-z0-9][a-z0-9._-]{0,199}$/;
const areaPattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;
/** Begins with a dot, so no area can have its name. */
const stagingFolder = '.staging';
/** A staged file this old belongs to a process that died; another process may be writing younger ones. Milliseconds. */
const staleMs = 6 * 60 * 60 * 1000;
/** Bytes read at once while hashing. */
const chunkBytes = 256 * 1024;

/**
 * Blobs as files under `directory`, `<area>/<file>`, readable by the owner only. A file appears under its name whole and durable, or not at all.
 * Opening sweeps too. Errors: `storage-unavailable` when the disk refuses.
 */
export async function openFileBlobs(deps: {
  directory: string;
  clock: Clock;
  /** For looking only: makes no folder and sweeps nothing. */
  readOnly?: boolean;
  /** No other process writes here, so whatever is staged at opening is of a dead one. */
  alone?: boolean;
}): Promise<BlobStore> {
  const { directory } = deps;
  const staging = join(directory, stagingFolder);
  const digests = new Map<string, { stamp: string; bytes: number; sha256: string }>();
  if (!deps.readOnly) {
    await guarded(async () => {
      await mkdir(staging, { recursive: true, mode: 0o700 });
      await sweep(staging, deps.alone ? Number.POSITIVE_INFINITY : deps.clock.now() - staleMs);
    });
  }

  function pathOf(name: string): string {
    if (!namePattern.test(name)) throw new TypeError(`not a blob name: ${JSON.stringify(name.slice(0, 100))}`);
    return join(directory, name);
  }

  function stagedPath(name: string): string {
    return join(staging, `${randomUUID()}-${name.slice(name.indexOf('/') + 1)}`);
  }

  /** Moves a finished file to its name; durable, where that is asked for, when it resolves. */
  async function place(from: string, to: string, durable = true): Promise<void> {
    const folder = dirname(to);
    const made = await mkdir(folder, { recursive: true, mode: 0o700 });
    await rename(from, to);
    if (!durable) return;
    await syncFolder(folder);
    if (made !== undefined) await syncFolder(directory);
  }

  return {
    async write(name, bytes, { durable } = { durable: true }) {
      const path = pathOf(name);
      const temporary = stagedPath(name);
      await guarded(async () => {
        try {
          await using file = await open(temporary, 'wx', 0o600);
          await file.writeFile(bytes);
          if (durable) await file.sync();
          await place(temporary, path, durable);
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      }, temporary);
    },

    pathOf,

    read: (name) => unlessMissing(() => readFile(pathOf(name))),

    async describe(name) {
      const path = pathOf(name);
      return await unlessMissing(async () => {
        const { mtimeNs, size, ino } = await stat(path, { bigint: true });
        const stamp = `${ino}:${mtimeNs}:${size}`;
        const known = digests.get(name);
        if (known?.stamp === stamp) return { bytes: known.bytes, sha256: known.sha256 };
        const digest = await digestOf(path);
        if (digests.size >= 1000) digests.clear();
        digests.set(name, { stamp, ...digest });
        return digest;
      });
    },

    async *stream(name, range, bytes) {
      const path = pathOf(name);
      const { file, length } = await guarded(() => openToRead(path, range, bytes), path);
      let left = length;
      // Reads to its end or until the consumer stops; either way the handle is closed.
      const chunks = file.createReadStream(range);
      try {
        for await (const chunk of chunks) {
          left -= chunk.length;
          yield chunk as Uint8Array;
        }
        // Whoever was promised so many bytes would wait for the rest.
        if (left > 0)
          throw new AppError('storage-unavailable', {
            detail: `The file ends ${left} bytes before its end: it was cut off`,
          });
      } catch (error) {
        throw refused(error, path);
      } finally {
        chunks.destroy();
      }
    },

    async stage(name) {
      const path = pathOf(name);
      const temporary = stagedPath(name);
      return {
        path: temporary,
        finish: () =>
          guarded(async () => {
            const digest = await digestOf(temporary, { sync: true });
            await place(temporary, path);
            return digest;
          }, temporary),
        discard: () => guarded(() => rm(temporary, { force: true })),
      };
    },

    async remove(name) {
      const path = pathOf(name);
      digests.delete(name);
      await unlessMissing(async () => {
        await rm(path);
        await syncFolder(dirname(path));
      });
    },

    sweep: () => guarded(() => sweep(staging, deps.clock.now() - staleMs)),

    async areas() {
      const found = await unlessMissing(() => readdir(directory, { withFileTypes: true }));
      return (found ?? []).flatMap((entry) =>
        entry.isDirectory() && areaPattern.test(entry.name) ? [entry.name] : [],
      );
    },

    async list(area) {
      if (!areaPattern.test(area)) throw new TypeError(`not an area: ${JSON.stringify(area.slice(0, 100))}`);
      const found = await unlessMissing(() => readdir(join(directory, area), { withFileTypes: true }));
      const names = (found ?? []).filter((entry) => entry.isFile()).map((entry) => `${area}/${entry.name}`);
      // A file that was removed since is left out.
      const files = await Promise.all(
        names.sort().map((name) => unlessMissing(async () => described(name, await stat(join(directory, name))))),
      );
      return files.filter((file) => file !== undefined);
    },
  };
}

const described = (name: string, { size, mtimeMs }: Stats) => ({ name, bytes: size, at: Math.floor(mtimeMs) });

async function sweep(staging: string, before: number): Promise<number> {
  let removed = 0;
  for (const name of await readdir(staging)) {
    const path = join(staging, name);
    const found = await unlessMissing(() => stat(path));
    if (found === undefined || found.mtimeMs >= before) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

/** A new name in a folder survives a power cut only once the folder itself is synced. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

/** Size and sha256 of a file; with `sync` it is durable under its present name when this resolves. */
async function digestOf(path: string, { sync = false } = {}): Promise<{ bytes: number; sha256: string }> {
  await using file = await open(path, sync ? 'r+' : 'r');
  if (sync) await file.sync();
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, null);
    if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(buffer.subarray(0, bytesRead));
    bytes += bytesRead;
  }
}

/** `length`: bytes that there are to read. Errors: `not-found`, `range-not-satisfiable`. */
async function openToRead(
  path: string,
  range: { start: number; end: number } | undefined,
  bytes: number | undefined,
): Promise<{ file: FileHandle; length: number }> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new AppError('not-found', { detail: 'The file is gone', cause: error }) : error;
  });
  const { size } = await file.stat();
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const whole = bytes === undefined || bytes === size;
  if (whole && range === undefined) return { file, length: size };
  if (whole && start >= 0 && start <= end && start < size) return { file, length: Math.min(end, size - 1) - start + 1 };
  await file.close();
  if (!whole) throw new AppError('not-found', { detail: `The file has ${size} bytes instead of ${bytes}` });
  throw new AppError('range-not-satisfiable', { detail: `The file has ${size} bytes` });
}

async function guarded<T>(work: () => Promise<T>, file?: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw refused(error, file);
  }
}

async function unlessMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refused(error);
  }
}

function refused(error: unknown, file?: string): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !('code' in error)) return error;
  return diskRefusal(error, file);
}
