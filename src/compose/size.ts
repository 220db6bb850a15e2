import type { Config } from '#config.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import type { TaskQueue } from '#ports/task-queue.ts';

/** What the two sizes have of their own: the embedded one in one process, the stack in many. Everything else is the same. */
export type Size = {
  storage: Storage;
  queue: TaskQueue;
  cache: Cache;
  /** All keys come from it. */
  secret: string;
  /** Whether another process may be working on the same store. */
  shared: boolean;
  /** Queue first, store last. */
  close(): Promise<void>;
};

export type SizeDeps = {
  clock: Clock;
  log: Log;
  metrics: Metrics;
  /** For looking only, beside a running server. */
  readOnly: boolean;
  /** People wait for what it does. */
  answers: boolean;
  /** The store has died under us. */
  onFatal: ((err: Error) => void) | undefined;
};

export const isStack = (config: Pick<Config, 'mongodbUrl' | 'redisUrl'>): boolean =>
  config.mongodbUrl !== undefined && config.redisUrl !== undefined;

/** The metrics of what a store commits at once. */
export const batchObserver =
  (metrics: Metrics) =>
  ({ size, commitMs }: { size: number; commitMs: number }): void => {
    metrics.observe('formstead_storage_batch_size', {}, size);
    metrics.observe('formstead_storage_fsync_seconds', {}, commitMs / 1000);
  };
