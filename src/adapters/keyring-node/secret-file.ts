import { randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { minSecretLength } from './key-ring.ts';

export type SecretFile =
  | { secret: string; path: string; created: boolean }
  /** Why the file may not be used, and what the operator can do about it. The secret is in neither. */
  | { mistake: { name: string; problem: string; cure: string } };

export const secretFileName = 'secret.key';

/**
 * The master secret of a data directory, made on the first start: 32 random bytes in base64url, in a file only its owner may read. Of two processes
 * that start at once, one makes it and both use it. Where `mayCreate` is false (there is a database already) a missing file is a mistake: a fresh secret
 * would open nothing that the lost one has sealed. Errors: rejects when the directory cannot be written.
 */
export async function loadOrCreateSecret(dataDir: string, mayCreate = true): Promise<SecretFile> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, secretFileName);
  const existing = await loadSecret(dataDir);
  if (existing) return existing;
  if (!mayCreate) {
    return refuse(
      `${path} is missing, and the database beside it was written with the secret it held`,
      'Restore the file from a backup, or set FORMSTEAD_SECRET_KEY to that secret.',
    );
  }
  const secret = randomBytes(32).toString('base64url');
  if (await create(path, dataDir, secret)) return { secret, path, created: true };
  const made = await loadSecret(dataDir);
  if (made) return made;
  throw new Error(`${path} appeared and disappeared while it was being made`);
}

/** The master secret of a data directory that has one. Errors: rejects when the disk fails. */
export async function loadSecret(dataDir: string): Promise<SecretFile | undefined> {
  const path = join(dataDir, secretFileName);
  try {
    return await readSecret(path);
  } catch (err) {
    const { code = '' } = err as NodeJS.ErrnoException;
    if (!['EACCES', 'EPERM'].includes(code)) throw err;
    return refuse(
      `${path} cannot be read by this user (${code})`,
      `Run this as the user that runs Formstead; where the file is not that user's: chown USER ${path}.`,
    );
  }
}

async function readSecret(path: string): Promise<SecretFile | undefined> {
  const stat = await lstat(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined;
    throw err;
  });
  if (!stat) return undefined;
  if (!stat.isFile())
    return refuse(
      `${path} is not a regular file`,
      `Put the secret into a plain file, or set FORMSTEAD_SECRET_KEY_FILE to where it is.`,
    );
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    return refuse(
      `${path} can be read or written by other users of this machine (mode ${mode.toString(8)})`,
      `Run: chmod 600 ${path}. If others may have read it, put a new secret in its place and keep the old one in FORMSTEAD_SECRET_KEY_PREVIOUS.`,
    );
  }
  const secret = (await readFile(path, 'utf8')).trim();
  if (secret.length < minSecretLength) {
    return refuse(
      `${path} holds ${secret.length} characters, at least ${minSecretLength} are needed`,
      'Put the file back from your backup. In a data directory that holds nothing yet, delete it: the next start makes a new one.',
    );
  }
  return { secret, path, created: false };
}

/** False when another process was first. The file is complete and on the disk before it has its name, so a power cut leaves no half of it. */
async function create(path: string, dataDir: string, secret: string): Promise<boolean> {
  const temporary = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const file = await open(temporary, 'wx', 0o600);
  await writeAndClose(file, `${secret}\n`);
  try {
    // A link, unlike a rename, fails when the name is taken: the secret of the other process is never overwritten.
    await link(temporary, path);
    await rm(temporary);
  } catch (err) {
    const code = (err as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') {
      await rm(temporary);
      return false;
    }
    // File systems without hard links (some network mounts).
    if (!['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK'].includes(code)) throw err;
    await rename(temporary, path);
  }
  const directory = await open(dataDir, 'r');
  await directory.sync().finally(() => directory.close());
  return true;
}

async function writeAndClose(file: FileHandle, text: string): Promise<void> {
  try {
    // The mode given to open() is cut by the umask; a secret must have exactly this one.
    await file.chmod(0o600);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function refuse(problem: string, cure: string): SecretFile {
  return { mistake: { name: 'FORMSTEAD_SECRET_KEY', problem, cure } };
}
