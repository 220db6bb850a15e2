import type { Queue } from 'bullmq';
import type { Offer } from '#ports/task-queue.ts';
import { type JobData, jobIdOf, jobOf } from './job.ts';

/** Jobs in one pipeline: Redis answers others in between. */
const batchSize = 500;

export type Producer = {
  offer(offer: Offer): void;
  /** Resolves when what was offered so far is in Redis, or dropped. */
  flushed(): Promise<void>;
};

/** Jobs that nobody works on: those in order, and in `wait` those that a silent worker gave up, which come first. */
export async function countWaiting(queue: Queue<JobData>): Promise<number> {
  const { wait = 0, prioritized = 0 } = await queue.getJobCounts('wait', 'prioritized');
  return wait + prioritized;
}

/**
 * Puts offers into one queue: what comes in during a turn of the event loop, or while a batch is on its way, becomes the next batch. One batch at a time
 * keeps the offers in order, and the window exact within this process; others who offer at the same time may together go beyond it by a batch each.
 */
export function createProducer(deps: {
  queue: Queue<JobData>;
  window: number;
  /** Else BullMQ would wait for the first connection. */
  isConnected(): boolean;
  onDropped(offers: number, err: unknown): void;
}): Producer {
  const { queue, window } = deps;
  const pending = new Map<string, Offer>();
  let flushing: Promise<void> | undefined;

  async function flush(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    while (pending.size > 0) {
      const batch = [...pending.values().take(batchSize)];
      for (const offer of batch) pending.delete(jobIdOf(offer));
      try {
        if (!deps.isConnected()) throw new Error('Redis is not connected');
        const room = Math.max(0, window - (await countWaiting(queue)));
        if (room > 0) await queue.addBulk(batch.slice(0, room).map(jobOf));
      } catch (err) {
        deps.onDropped(batch.length + pending.size, err);
        pending.clear();
      }
    }
    flushing = undefined;
  }

  return {
    offer(offer) {
      if (pending.size >= window) return;
      pending.set(jobIdOf(offer), offer);
      flushing ??= flush();
    },
    flushed: async () => flushing,
  };
}
