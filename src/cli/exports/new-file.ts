import { access, constants, lstat } from 'node:fs/promises';
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

/** Errors: `already-exists`. */
export async function refuseWhenThere(path: string): Promise<void> {
  if (await lstat(path).catch(() => undefined)) throw alreadyThere(path);
}

export const alreadyThere = (path: string) =>
  new AppError('already-exists', { detail: `${path} is there already; choose another name.` });
