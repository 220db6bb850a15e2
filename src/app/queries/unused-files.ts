import type { BlobStore } from '#ports/blob-store.ts';
import { answerArea } from './answer-files.ts';
import { freshArea } from './fresh-rows.ts';

/** Of what questions make for themselves: nothing there is worth keeping. */
const temporary = [freshArea, answerArea];

export const isTemporaryArea = (area: string): boolean => temporary.some(({ name }) => name === area);

/**
 * Removes the files that no question reads any more, by their age: whoever made them may have died, or is never asked about the same form again. Tells how many.
 * Errors: `storage-unavailable`, where a file could not be removed once all others are.
 */
export async function removeUnusedFiles(
  blobs: Pick<BlobStore, 'list' | 'remove'>,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  const failures: unknown[] = [];
  let removed = 0;
  for (const area of temporary) {
    for (const { name, at } of await blobs.list(area.name)) {
      if (signal.aborted) return removed;
      if (now - at <= area.unusedAfterMs) continue;
      try {
        await blobs.remove(name);
        removed += 1;
      } catch (err) {
        failures.push(err);
      }
    }
  }
  if (failures.length > 0) throw failures[0];
  return removed;
}
