import { AppError } from '#domain/errors.ts';
import type { DiskSpace } from '#ports/disk-space.ts';

/** `diskReserveBytes`: what an export leaves free on the disk, for the responses that come in meanwhile. */
export type DiskGuard = { disk: DiskSpace; diskReserveBytes: number };

/** Errors: `disk-nearly-full`. */
export async function refuseWhenDiskIsFull({ disk, diskReserveBytes }: DiskGuard): Promise<void> {
  const { freeBytes } = await disk.read();
  if (freeBytes < diskReserveBytes)
    throw new AppError('disk-nearly-full', { detail: 'The export would take the space that responses need.' });
}
