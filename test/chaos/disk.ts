import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** MongoDB keeps 100 MB of journal ahead, and what these rounds write is a tenth of that. */
const megabytes = 768;
/** The user of MongoDB in its container. */
const owner = 999;

export type Disk = {
  /** Where MongoDB's data is. */
  path: string;
  /** Takes all that is free; `empty` gives it back. */
  fill(): void;
  free(): void;
  /** Without data, as new. */
  wipe(): void;
  remove(): void;
};

/** A file system in a file, mounted. Needs root. */
export function makeDisk(): Disk {
  const place = mkdtempSync(join(tmpdir(), 'formstead-chaos-'));
  const image = join(place, 'image');
  const mounted = mkdtempSync(join(place, 'disk-'));
  const path = join(mounted, 'data');
  const filling = join(mounted, 'filling');
  writeFileSync(image, '');
  truncateSync(image, megabytes * 1024 ** 2);
  // Without blocks that only root may use: what is full is full for root, too.
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
  execFileSync('mount', ['-o', 'loop,noatime', image, mounted]);
  chmodSync(place, 0o755);
  const disk: Disk = {
    path,
    fill() {
      for (let left = 1; left > 0; ) {
        const { bavail, bsize } = statfsSync(mounted);
        left = bavail * bsize;
        try {
          writeFileSync(filling, Buffer.alloc(Math.min(left, 64 * 1024 ** 2)), { flag: 'a' });
        } catch (err) {
          if ((err as NodeJS.ErrnoException).code !== 'ENOSPC') throw err;
          return;
        }
      }
    },
    free: () => rmSync(filling, { force: true }),
    wipe() {
      disk.free();
      for (const name of readdirSync(mounted)) {
        if (name !== 'lost+found') rmSync(join(mounted, name), { recursive: true });
      }
      execFileSync('mkdir', ['-m', '700', path]);
      chownSync(path, owner, owner);
    },
    remove() {
      execFileSync('umount', [mounted]);
      rmSync(place, { recursive: true, force: true });
    },
  };
  disk.wipe();
  return disk;
}
