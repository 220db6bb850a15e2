import { statfs } from 'node:fs/promises';
import type { DiskReading, DiskSpace } from '#ports/disk-space.ts';

// A statfs takes 36 µs through the thread pool, and the accept path would ask for every response. What is written in a second is far below the reserve.
const maxAgeMs = 1000;

type Statfs = (path: string) => Promise<{ bsize: number; blocks: number; bavail: number }>;

/**
 * Readings of the file system under `directory`. One reading is shared for a second and by all who ask meanwhile; a failed one is not kept.
 * `elapsedMs` is a monotonic clock.
 */
export function createDiskSpace(deps: { directory: string; elapsedMs?: () => number; statfs?: Statfs }): DiskSpace {
  const elapsedMs = deps.elapsedMs ?? (() => performance.now());
  const ask: Statfs = deps.statfs ?? statfs;
  let newest: { reading: Promise<DiskReading>; at: number } | undefined;

  async function measure(): Promise<DiskReading> {
    const { bsize, blocks, bavail } = await ask(deps.directory);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  }

  return {
    read() {
      const at = elapsedMs();
      if (newest === undefined || at - newest.at >= maxAgeMs) {
        const mine = { reading: measure(), at };
        newest = mine;
        mine.reading.catch(() => {
          if (newest === mine) newest = undefined;
        });
      }
      return newest.reading;
    },
  };
}
