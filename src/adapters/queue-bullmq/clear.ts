import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobData } from './job.ts';

/**
 * Removes all keys of a queue but `meta`, where BullMQ keeps the pause. BullMQ's own `obliterate` pauses the queue and walks its lists: a job that is in
 * none of them would stay, and its task would never be accepted again. For workers it is as if Redis had been flushed.
 */
export async function clearQueue(redis: Redis, queue: Queue<JobData>): Promise<void> {
  const start = queue.toKey('');
  const match = `${start.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', match, 'COUNT', 1000);
    const doomed = keys.filter((key) => key !== `${start}meta`);
    if (doomed.length > 0) await redis.unlink(...doomed);
    cursor = next;
  } while (cursor !== '0');
}
