import { AppError } from './errors.ts';

const refusal = 'The disk refused';

/** What Node throws for a call that the file system refused. */
type SystemError = Error & { code?: unknown; path?: unknown };

/**
 * `storage-unavailable` for a file system that refused (ENOSPC, EDQUOT, EROFS, EACCES, EIO …). It is all one to a program; the detail tells whoever has to mend it
 * which it was and where. Who asked for an export reads it too, so of the path it has the file and its folder only.
 * `file`: the path, for an error of an open file, which names none.
 */
export function diskRefusal(error: SystemError, file?: string): AppError {
  const reason = /^[A-Z][A-Z0-9_]*: [^,]*/.exec(error.message)?.[0] ?? String(error.code);
  const path = typeof error.path === 'string' ? error.path : file;
  const where = path === undefined ? '' : ` ${path.split(/[\\/]/).slice(-2).join('/')}`;
  const detail = `${refusal}${where}: ${reason}`;
  return new AppError('storage-unavailable', { detail, retryAfterSeconds: 10, cause: error });
}

export const isDiskRefusal = ({ detail }: AppError): boolean => detail.startsWith(refusal);
