import { AppError } from '#domain/errors.ts';
import type { DiskSpace } from '#ports/disk-space.ts';

/** `disk`: the one that is written to. `diskReserveBytes`: what an export leaves free there, for the responses that come in meanwhile. */
export type DiskGuard = { disk: DiskSpace; diskReserveBytes: number };

/** Errors: `disk-nearly-full`. */
export async function refuseWhenDiskIsFull({ disk, diskReserveBytes }: DiskGuard): Promise<void> {
  const { freeBytes } = await disk.read();
  if (freeBytes < diskReserveBytes)
    throw new AppError('disk-nearly-full', {
      detail: 'FORMSTEAD_DISK_RESERVE is to stay free on the disk that the export is written to.',
    });
}
