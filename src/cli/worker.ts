import { isStack } from '#compose.ts';
import { AppError } from '#domain/errors.ts';
import { type QueueName, queueNames } from '#domain/task.ts';
import { refuseStart, runProcess } from './process.ts';
import { configOrExit } from './settings.ts';
import { version } from './version.ts';

/** Works on queues of the stack, without an API. Errors: `value-refused` for a queue that is none, and in the embedded size. */
export async function work(options: { queue: string[] }): Promise<void> {
  const unknown = options.queue.filter((name) => !(queueNames as readonly string[]).includes(name));
  if (unknown.length > 0) {
    const detail = `There is no queue ${unknown.join(', ')}. The queues are ${queueNames.join(', ')}.`;
    throw new AppError('value-refused', { detail });
  }
  const queues = [...new Set(options.queue)] as QueueName[];
  const loaded = configOrExit();
  if (!isStack(loaded.config)) {
    return refuseStart(
      'Workers of their own belong to the stack: set MONGODB_URL and REDIS_URL. In the embedded size serve works on every queue.',
    );
  }
  await runProcess(loaded, { api: false, queues }, async (_program, log) =>
    log.info({ queues, version, pid: process.pid }, 'working'),
  );
}
