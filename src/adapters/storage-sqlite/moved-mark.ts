import { readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '#domain/errors.ts';

/** What stands in the note: whether the move of this data directory into the stack has begun or is over, and since when (RFC 3339). */
export type MovedMark = { state: 'begun' | 'finished'; at: string };

const fileName = 'moved.json';

/** Leaves the note; durable when it resolves. Errors: the file system's, as `storage-unavailable`. */
export async function markMoved(dir: string, mark: MovedMark): Promise<void> {
  const path = join(dir, fileName);
  try {
    await using file = await open(`${path}.new`, 'w', 0o600);
    await file.writeFile(`${JSON.stringify(mark)}\n`);
    await file.sync();
    await rename(`${path}.new`, path);
    await using folder = await open(dir, 'r');
    await folder.sync();
  } catch (err) {
    const detail = `The note that ${dir} is being moved cannot be written: ${(err as Error).message}.`;
    throw new AppError('storage-unavailable', { detail, cause: err });
  }
}

/**
 * Two installations that began as one would each go on from the same receipts. Whoever wants that must say so by removing the note.
 * Errors: `storage-unavailable` when there is a note, whatever is in it.
 */
export function assertNotMoved(dir: string): void {
  const path = join(dir, fileName);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT' || (err as NodeJS.ErrnoException).code === 'ENOTDIR') return;
    throw err;
  }
  const detail = text.includes('"finished"')
    ? `What is in ${dir} was moved into the stack, and what has come since is there. Start the stack; to go back to the state before the move and lose what has come since, remove ${path}.`
    : `The move of ${dir} into the stack has begun and is not finished. Run formstead move again; to stay here instead, drop the database that it was to go to and remove ${path}.`;
  throw new AppError('storage-unavailable', { detail });
}
