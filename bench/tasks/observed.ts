import type { Handlers } from '#jobs/registry.ts';
import type { TaskQueue } from '#ports/task-queue.ts';

const empty = async () => ({ done: undefined });
export const emptyHandlers: Handlers = {
  'understand-response': empty,
  'classify-response': empty,
  'extract-fields': empty,
  'draft-reply': empty,
  'fit-model': empty,
  'train-tagger': empty,
  'embed-responses': empty,
  'train-head': empty,
  'fan-out-event': empty,
  'deliver-webhook': empty,
  'fan-out-email': empty,
  'send-email': empty,
  'mail-summary': empty,
  'run-export': empty,
  'daily-export': empty,
  'seal-audit': empty,
  prune: empty,
};

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
