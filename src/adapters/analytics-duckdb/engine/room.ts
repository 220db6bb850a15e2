import { setTimeout } from 'node:timers/promises';

/** JavaScript makes some MB in this time; a look takes some µs. */
const lookEveryMs = 5;
const waitMs = 10;

/**
 * For work that makes much memory in one go, and lets no beat out meanwhile: to be asked between its parts. Beyond the mark it gives what to wait for: the parent
 * hears the next beat and ends the process, as it does for memory of every other kind, or room is made by others first.
 */
export function createRoom(memoryBytes: number): () => undefined | Promise<void> {
  const isBeyond = () => process.memoryUsage.rss() > memoryBytes;
  async function untilRoom(): Promise<void> {
    do await setTimeout(waitMs);
    while (isBeyond());
  }
  let looked = 0;
  return () => {
    const now = performance.now();
    if (now - looked < lookEveryMs) return undefined;
    looked = now;
    return isBeyond() ? untilRoom() : undefined;
  };
}
