import { createAuditor } from '#app/audit.ts';
import { createQueueAdministration, type QueueAdministration } from '#app/queues.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import { isStack } from './size.ts';
import { mongoOptions, redisOptions } from './stack.ts';

/**
 * The queues of the stack, for a command that does one thing to them.
 * Errors: `value-refused` in the embedded size, `storage-unavailable` when MongoDB or Redis does not answer.
 */
export async function openQueues(
  config: Config,
  { log }: { log: Log },
): Promise<QueueAdministration & { close(): Promise<void> }> {
  if (!isStack(config)) {
    throw new AppError('value-refused', {
      detail:
        'These commands are for the stack: set MONGODB_URL and REDIS_URL. In the embedded size the queues are in the memory of the server; GET /api/v1/queues shows them, and a start fills them anew.',
    });
  }
  const [mongo, bullmq, { createIds }, { systemClock: clock }] = await Promise.all([
    import('#adapters/storage-mongo/storage.ts'),
    import('#adapters/queue-bullmq/bullmq-queue.ts'),
    import('#adapters/ids-uuid/ids.ts'),
    import('#adapters/clock-system/clock.ts'),
  ]);
  const storage = await mongo.openMongoStorage({ ...mongoOptions(config), clock });
  const queue = await bullmq.openBullmqQueue({ ...redisOptions(config), prefix: config.redisPrefix, log });
  const close = async () => {
    await queue.close();
    await storage.close();
  };
  try {
    await queue.depths();
  } catch (err) {
    await close();
    const detail = 'Redis does not answer. Check REDIS_URL and whether the server runs.';
    throw new AppError('storage-unavailable', { detail, cause: err });
  }
  const audit = createAuditor({ ids: createIds({ clock }), clock });
  return { ...createQueueAdministration({ storage, queue, clock, audit }), close };
}
