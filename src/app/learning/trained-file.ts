import { AppError } from '#domain/errors.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Log } from '#ports/log.ts';

/** Where a head or a tagger is kept; `sha256`: of its bytes, hex. */
type Trained = { file: string; sha256: string };

/** The bytes of a head or a tagger. Errors: `gone` when they are not there, or are not those that were written. */
export async function trainedBytes(blobs: Pick<BlobStore, 'read'>, { file, sha256 }: Trained): Promise<Uint8Array> {
  const bytes = await blobs.read(file);
  if (!bytes || sha256Hex(bytes) !== sha256)
    throw new AppError('gone', { detail: `${file} is missing or damaged; a training of its form makes it anew.` });
  return bytes;
}

/** The head or tagger of before, if its file is there as it was written: a restored copy may lack it, a disk may have damaged it. */
export async function stillUsable<T extends Trained>(
  { blobs, log }: { blobs: Pick<BlobStore, 'describe'>; log: Pick<Log, 'warn'> },
  trained: T | undefined,
): Promise<T | undefined> {
  if (!trained) return undefined;
  const { file, sha256 } = trained;
  if ((await blobs.describe(file))?.sha256 === sha256) return trained;
  log.warn({ file }, 'the file of a head or tagger is missing or damaged, training anew');
  return undefined;
}
