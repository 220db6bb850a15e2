import { randomUUID } from 'node:crypto';
import { access, constants, link, lstat, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError } from '#domain/errors.ts';

/**
 * The absolute path of a file that a command is to make where `--out` says. Asked before there is anything to write, so that nobody waits for an answer that has no
 * place. Errors: `already-exists`; `value-refused` for a folder that is not there or takes no file.
 */
export async function newFile(out: string): Promise<string> {
  const path = resolve(out);
  await refuseWhenThere(path);
  const folder = dirname(path);
  try {
    // Ends in a slash, so that a file of that name is no folder.
    await access(`${folder}/`, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    const detail = missing
      ? `There is no folder ${folder}; make it, or name another one with --out.`
      : `The folder ${folder} cannot be written to (${code}); name another one with --out.`;
    throw new AppError('value-refused', { detail, cause });
  }
  return path;
}

/**
 * Has a file written under a name that nobody else has, and gives it its own: it appears whole or not at all, and takes no other's place. Errors: `already-exists`
 * for one that appeared since `newFile`; those of `write`, and of the disk.
 */
export async function intoNewFile<T>(path: string, write: (unfinished: string) => Promise<T>): Promise<T> {
  const unfinished = `${path}.${randomUUID()}.part`;
  try {
    const told = await write(unfinished);
    await place(unfinished, path);
    return told;
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function place(from: string, to: string): Promise<void> {
  try {
    // Unlike a rename, a link never takes the place of another file.
    await link(from, to);
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw alreadyThere(to);
    // FAT and some network disks have no links.
    if (code !== 'EPERM' && code !== 'ENOTSUP') throw err;
    await refuseWhenThere(to);
    await rename(from, to);
  }
}

async function refuseWhenThere(path: string): Promise<void> {
  if (await lstat(path).catch(() => undefined)) throw alreadyThere(path);
}

const alreadyThere = (path: string) =>
  new AppError('already-exists', { detail: `${path} is there already; choose another name.` });
