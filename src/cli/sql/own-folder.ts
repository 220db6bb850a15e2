import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'sql-';
/** No question runs for so long: the folder is that of a command that was killed. */
const leftBehindMs = 86_400_000;

/**
 * Does the work with a folder that is there for it alone, and only the caller may read: in the data directory, whose disk has room for what is in it; where that can
 * only be read, among the temporary files. Errors: those of `work`, and of the disk.
 */
export async function withOwnFolder<T>(dataDir: string, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await made(dataDir).catch(() => mkdtemp(join(tmpdir(), `formstead-${prefix}`)));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function made(dataDir: string): Promise<string> {
  for (const name of await readdir(dataDir)) {
    const path = join(dataDir, name);
    if (name.startsWith(prefix) && (await stat(path)).mtimeMs < Date.now() - leftBehindMs)
      await rm(path, { recursive: true });
  }
  return mkdtemp(join(dataDir, prefix));
}
