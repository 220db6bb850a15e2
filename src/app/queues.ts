import { type QueueName, queueNames } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { QueueDepth, Storage } from '#ports/storage.ts';
import type { QueueControl, TaskQueue } from '#ports/task-queue.ts';
import type { Auditor, Caller } from './audit.ts';

export type QueueStanding = QueueDepth & {
  /** Offers in the queue that nobody works on, and those in work. */
  offered: number;
  active: number;
  paused: boolean;
};

/** As many as a reconciler offers ahead; the workers' own see to the rest. */
const offersAhead = 2000;

/** What an operator does to the queues, each to one queue or to all. Pauses and rebuilds are in the audit log. */
export function createQueueAdministration(deps: {
  storage: Pick<Storage, 'commit'> & { tasks: Pick<Storage['tasks'], 'depths' | 'due'> };
  queue: Pick<TaskQueue, 'depths' | 'offer'> & QueueControl;
  clock: Clock;
  audit: Auditor;
}) {
  const { storage, queue, clock, audit } = deps;
  const those = (name: QueueName | undefined): readonly QueueName[] => (name === undefined ? queueNames : [name]);

  async function note(caller: Caller, action: string, name: QueueName | undefined): Promise<void> {
    const entries = those(name).map((each) => audit(caller, action, `queue:${each}`));
    await storage.commit({ change: { op: 'none' }, audit: entries });
  }

  return {
    async list(name?: QueueName): Promise<QueueStanding[]> {
      const [stored, held] = await Promise.all([storage.tasks.depths(clock.now()), queue.depths()]);
      return stored
        .filter((depth) => those(name).includes(depth.queue))
        .map((depth) => {
          const { waiting = 0, active = 0, paused = false } = held.find((one) => one.queue === depth.queue) ?? {};
          return { ...depth, offered: waiting, active, paused };
        });
    },
    async pause(caller: Caller, name?: QueueName): Promise<void> {
      await queue.pauseEverywhere(name);
      await note(caller, 'queue.pause', name);
    },
    async resume(caller: Caller, name?: QueueName): Promise<void> {
      await queue.resumeEverywhere(name);
      await note(caller, 'queue.resume', name);
    },
    /** Returns how many tasks were offered: those that are due, the first of a long backlog. */
    async rebuild(caller: Caller, name?: QueueName): Promise<number> {
      await queue.clear(name);
      const due = await Promise.all(those(name).map((each) => storage.tasks.due(each, clock.now(), offersAhead)));
      queue.offer(due.flat());
      await note(caller, 'queue.rebuild', name);
      return due.flat().length;
    },
  };
}
export type QueueAdministration = ReturnType<typeof createQueueAdministration>;
