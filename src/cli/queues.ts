import type { QueueAdministration, QueueStanding } from '#app/queues.ts';
import { openQueues } from '#compose/queues.ts';
import { openLog } from '#compose.ts';
import { AppError } from '#domain/errors.ts';
import { type QueueName, queueNames } from '#domain/task.ts';
import { configOrExit } from './settings.ts';
import { tableText } from './table.ts';

const operator = { actor: { kind: 'operator', id: 'command-line' } } as const;

/** Looks at the queues of the stack, or does one thing to them. Errors: `value-refused` for a queue that is none, and in the embedded size. */
export async function queues(
  action: 'list' | 'pause' | 'resume' | 'rebuild',
  options: { queue?: string },
): Promise<void> {
  const name = queueOf(options.queue);
  const { config } = configOrExit();
  const open = await openQueues(config, { log: await openLog({ logLevel: 'error' }) });
  try {
    console.log(await done(open, action, name));
  } finally {
    await open.close();
  }
}

/** What to print. */
async function done(
  administration: QueueAdministration,
  action: 'list' | 'pause' | 'resume' | 'rebuild',
  name: QueueName | undefined,
): Promise<string> {
  const which = name === undefined ? 'All queues are' : `The queue ${name} is`;
  switch (action) {
    case 'list':
      return listed(await administration.list(name));
    case 'pause':
      await administration.pause(operator, name);
      return `${which} paused. What runs goes on; responses are accepted, and their tasks wait.`;
    case 'resume':
      await administration.resume(operator, name);
      return `${which} not paused any more.`;
    case 'rebuild':
      return `${which} made anew, ${await administration.rebuild(operator, name)} due tasks offered.`;
  }
}

function listed(standings: QueueStanding[]): string {
  const head = ['queue', 'pending', 'retrying', 'running', 'dead', 'oldest due', 'in Redis', 'at work', ''];
  const rows = standings.map((each) => [
    each.queue,
    String(each.pending),
    String(each.retrying),
    String(each.running),
    String(each.failed),
    each.oldestDueAt === undefined ? '-' : new Date(each.oldestDueAt).toISOString(),
    String(each.offered),
    String(each.active),
    each.paused ? 'paused' : '',
  ]);
  return tableText([head, ...rows], [1, 2, 3, 4, 6, 7]);
}

function queueOf(text: string | undefined): QueueName | undefined {
  if (text === undefined) return undefined;
  const name = queueNames.find((one) => one === text);
  if (name === undefined)
    throw new AppError('value-refused', {
      detail: `There is no queue ${text}. The queues are ${queueNames.join(', ')}.`,
    });
  return name;
}
