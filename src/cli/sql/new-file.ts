import { randomUUID } from 'node:crypto';
import { link, lstat, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError } from '#domain/errors.ts';

/**
 * Has a file written under a name that nobody else has, and gives it its own: it appears whole or not at all, and takes no other's place. Errors: `already-exists`,
 * also for one that appeared meanwhile; those of `write`, and of the disk.
 */
export async function intoNewFile<T>(name: string, write: (unfinished: string) => Promise<T>): Promise<T> {
  const path = resolve(name);
  await refuseWhenThere(path);
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
