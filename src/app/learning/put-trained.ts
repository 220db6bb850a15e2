import { AppError } from '#domain/errors.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Insert, Storage } from '#ports/storage.ts';
import type { Cause } from '../understanding.ts';

type Deps = { storage: Pick<Storage, 'commit' | 'get'>; blobs: Pick<BlobStore, 'write' | 'remove'> };

/** A head or a tagger, and its bytes. */
type Made = Insert<'head' | 'tagger'> & { bytes: Uint8Array };

/** What it was trained to take the place of; undefined: there was none. */
type Former = { revision: number; doc: { file: string } } | undefined;

export const nothingNew = 'nothing new to learn';

/**
 * Puts what a training made in the place of the one before, file first. Errors: `conflict` when another training of the form has put something else there since;
 * the task's retry learns on what that has left.
 */
export async function putTrained(
  { storage, blobs }: Deps,
  { bytes, ...made }: Made,
  former: Former,
  cause: Cause,
): Promise<{ trained: boolean; reason?: string }> {
  const { id, sha256, file } = made.doc;
  await blobs.write(file, bytes);
  const change = former
    ? ({ op: 'update', ...made, expect: former.revision } as const)
    : ({ op: 'insert', ...made } as const);
  const { outcome } = await storage.commit({ change, cause });
  if (outcome === 'lease-lost') return { trained: false, reason: 'another worker has taken over' };
  if (outcome !== 'committed') {
    // The same examples give the same bytes: then another training has done the work of this one.
    if ((await storage.get(made.kind, id))?.doc.sha256 === sha256) return { trained: false, reason: nothingNew };
    throw new AppError('conflict', { detail: 'Another training of this form finished at the same time.' });
  }
  // 8 MB with 77 labels, at every burst of reviews. One that cannot be removed now stays: it harms nobody.
  if (former && former.doc.file !== file) await blobs.remove(former.doc.file).catch(() => {});
  return { trained: true };
}
