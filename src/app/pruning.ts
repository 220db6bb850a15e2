import { refusalDays } from '#domain/refusals.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Storage } from '#ports/storage.ts';
import { removeUnusedFiles } from './queries/unused-files.ts';

type Deps = {
  storage: Pick<Storage, 'prune' | 'tasks' | 'responses'>;
  blobs: Pick<BlobStore, 'list' | 'remove' | 'sweep'>;
  taskRetentionMs: number;
  idempotencyLifeMs: number;
  sessionLifeMs: number;
};

/** Rows removed in one write: short enough that no commit waits behind it for long. */
const batch = 500;
/** Ended deliveries, their attempts and the bodies of their events can be looked at and sent again for this long. */
const deliveryRetentionMs = 30 * 86_400_000;
/** Of a day: two more than are shown, for the zones on both sides of UTC. */
const refusalRetentionMs = (refusalDays + 2) * 86_400_000;

export type Pruned = {
  tasks: number;
  sessions: number;
  deliveries: number;
  attempts: number;
  events: number;
  keys: number;
  refusals: number;
  /** Files that no question reads any more. */
  files: number;
  /** Files that dead processes have left half-written: they hold answers. */
  unfinished: number;
};

/** Removes bookkeeping that nobody needs any more, and files that are of no use. A response keeps its own status, so `verify` needs no task of the past. */
export function createPruning({ storage, blobs, ...lives }: Deps) {
  /** `now`: the time by which things are past theirs, epoch ms. */
  async function prune(now: number, signal: AbortSignal): Promise<Pruned> {
    const all = async (remove: () => Promise<number>): Promise<number> => {
      let removed = 0;
      while (!signal.aborted) {
        const count = await remove();
        removed += count;
        if (count < batch) break;
      }
      return removed;
    };
    return {
      tasks: await all(() => storage.tasks.prune(now - lives.taskRetentionMs, batch)),
      sessions: await all(() => storage.prune('session', now - lives.sessionLifeMs, batch)),
      deliveries: await all(() => storage.prune('delivery', now - deliveryRetentionMs, batch)),
      attempts: await all(() => storage.prune('attempt', now - deliveryRetentionMs, batch)),
      events: await all(() => storage.prune('event', now - deliveryRetentionMs, batch)),
      keys: await all(() => storage.responses.forgetKeys(now - lives.idempotencyLifeMs, batch)),
      refusals: await all(() => storage.prune('refusals', now - refusalRetentionMs, batch)),
      unfinished: await blobs.sweep(),
      files: await removeUnusedFiles(blobs, now, signal),
    };
  }
  return { prune };
}
export type Pruning = ReturnType<typeof createPruning>;
