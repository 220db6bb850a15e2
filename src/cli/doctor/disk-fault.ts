import { isDiskRefusal } from '#domain/disk-refusal.ts';
import type { AppError } from '#domain/errors.ts';

const ownership = 'Give it to the user that runs Formstead, with all else in the data directory: chown -R.';
const noFolder = 'A file stands where a folder belongs: move it away.';
const space = 'Free some space on that disk.';
const cures: Record<string, string> = {
  EACCES: ownership,
  EPERM: ownership,
  EROFS: 'Mount that file system for writing.',
  ENOTDIR: noFolder,
  EEXIST: noFolder,
  ENOSPC: space,
  EDQUOT: space,
  EIO: 'The disk is failing: see the log of the system, and make a backup.',
};

/**
 * What the file system said when it refused, with the path where it names one, and what the operator can do; undefined for every other error. For terminals
 * alone.
 */
export function diskFault(err: unknown): { reason: string; cure: string } | undefined {
  const { code = '', message } = err instanceof Error ? (err as NodeJS.ErrnoException) : { message: '' };
  const cure = cures[code];
  return cure === undefined ? undefined : { reason: message, cure };
}

/** What an error says to the operator at a terminal; of a disk that refused, which path, why, and the cure too. */
export function sentencesOf(err: AppError): string {
  const { detail, cause } = err;
  const fault = isDiskRefusal(err) ? diskFault(cause) : undefined;
  // The reason has the whole path, of which the detail shows the end.
  return fault === undefined ? detail : `The disk refused: ${fault.reason}. ${fault.cure}`;
}
