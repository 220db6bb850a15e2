import { AppError } from '#domain/errors.ts';
import type { DiskSpace } from '#ports/disk-space.ts';

/** `disk`: the one that is written to. `diskReserveBytes`: what an export leaves free there, for the responses that come in meanwhile. */
export type DiskGuard = { disk: DiskSpace; diskReserveBytes: number };

/** Errors: `disk-nearly-full`. */
export async function refuseWhenDiskIsFull({ disk, diskReserveBytes }: DiskGuard): Promise<void> {
  const { freeBytes } = await disk.read();
  if (freeBytes >= diskReserveBytes) return;
  const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  throw new AppError('disk-nearly-full', {
    detail: `${mb(freeBytes)} are free on the disk that the export is written to, where ${mb(diskReserveBytes)} stay free for responses (FORMSTEAD_DISK_RESERVE). Make room there.`,
  });
}
