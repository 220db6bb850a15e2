import type { JobsOptions } from 'bullmq';
import type { QueueName } from '#domain/task.ts';
import type { Offer } from '#ports/task-queue.ts';

/** What Redis keeps of an offer; the queue is in the key. Nothing that anybody wrote is among it. */
export type JobData = Pick<Offer, 'id' | 'attempts' | 'priority'>;

/**
 * BullMQ ignores a job whose id it still knows. With the attempts in the id, an offer twice is one job, and the next attempt of a running task another.
 * BullMQ refuses `:` in ids.
 */
export function jobIdOf(offer: Offer): string {
  return `${offer.id.replaceAll('%', '%25').replaceAll(':', '%3A')}@${offer.attempts}`;
}

export function jobOf(offer: Offer): { name: string; data: JobData; opts: JobsOptions } {
  const { id, attempts, priority } = offer;
  // BullMQ runs jobs without a priority first: 1…10 keeps all of ours in the one ordered set. What has ended is forgotten, or its id could not come again.
  const opts = { jobId: jobIdOf(offer), priority: priority + 1, removeOnComplete: true, removeOnFail: true };
  return { name: 'task', data: { id, attempts, priority }, opts };
}

/** The offer a job was made of; undefined for what is left of one whose data was flushed in between. */
export function offerOf(queue: QueueName, data: Partial<JobData>): Offer | undefined {
  const { id, attempts, priority } = data;
  if (typeof id !== 'string' || typeof attempts !== 'number' || typeof priority !== 'number') return undefined;
  return { id, attempts, queue, priority };
}
