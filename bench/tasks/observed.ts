import type { Handlers } from '#jobs/registry.ts';
import type { TaskQueue } from '#ports/task-queue.ts';
import { handlersWith } from '../../test/support/handlers.ts';

export const emptyHandlers: Handlers = handlersWith({}, 'empty');

/** A queue that tells when the work on an offer has ended, which is after its settlement was committed. */
export function observed(queue: TaskQueue): { queue: TaskQueue; ended: (id: string) => Promise<void> } {
  const waiting = new Map<string, () => void>();
  return {
    queue: {
      ...queue,
      consume: (name, concurrency, work) =>
        queue.consume(name, concurrency, async (offer) => {
          await work(offer);
          waiting.get(offer.id)?.();
          waiting.delete(offer.id);
        }),
    },
    ended: (id) => new Promise((resolve) => waiting.set(id, resolve)),
  };
}
