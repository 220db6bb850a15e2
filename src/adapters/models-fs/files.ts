import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '#domain/errors.ts';

/** Bytes read at once while hashing or copying. */
export const chunkBytes = 1024 * 1024;

/** A new name in a folder survives a power cut only once the folder itself is synced. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

/** Replaces a small file as a whole, durably. */
export async function writeJson(path: string, value: unknown, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    {
      await using file = await open(temporary, 'wx', mode);
      await file.writeFile(`${JSON.stringify(value, undefined, 2)}\n`);
      await file.sync();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (err) {
    await rm(temporary, { force: true }).catch(() => {});
    throw err;
  }
}

/** Undefined when it is not there. Errors: rejects when it cannot be read or is no JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined;
    throw err;
  });
  return text === undefined ? undefined : JSON.parse(text);
}

/** Reads a whole file into `hash`, telling how many bytes each time. */
export async function hashFile(path: string, told?: (bytes: number) => void): Promise<string> {
  const hash = createHash('sha256');
  await using file = await open(path, 'r');
  for await (const chunk of chunksOf(file)) {
    hash.update(chunk);
    told?.(chunk.length);
  }
  return hash.digest('hex');
}

/** The bytes of a file from its beginning; each chunk is overwritten by the next. */
export async function* chunksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/**
 * Writes a stream into a new file while hashing it; durable when it resolves. Errors: `value-refused` when more than `most` bytes come, and whatever the
 * stream or the disk says; then the file is gone.
 */
export async function writeHashed(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { most, told }: { most: number; told?: (bytes: number) => void },
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  await rm(path, { force: true });
  try {
    await using file = await open(path, 'wx', 0o600);
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > most)
        throw new AppError('value-refused', { detail: `${basename(path)} has more than the ${most} bytes expected.` });
      hash.update(chunk);
      await file.writeFile(chunk);
      told?.(chunk.length);
    }
    await file.sync();
  } catch (err) {
    await rm(path, { force: true }).catch(() => {});
    throw err;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** What the file system says in the words of this program. The code tells the operator which it was. */
export async function guarded<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (err) {
    if (err instanceof AppError || !(err instanceof Error) || !('code' in err) || !('syscall' in err)) throw err;
    const { code } = err as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new AppError('disk-nearly-full', {
        detail: `The disk of ${directory} is full. Make room there.`,
        cause: err,
      });
    throw new AppError('storage-unavailable', {
      detail: `${directory} cannot be read or written (${code}). Make it a directory that this user may write to.`,
      cause: err,
    });
  }
}
