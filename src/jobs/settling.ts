import type { QueueName, Settlement, Task } from '#domain/task.ts';
import { isTaskKind } from '#domain/task-kinds.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import type { TaskQueue } from '#ports/task-queue.ts';
import { type AfterDeath, consequencesOfDeath, type WantsEvent } from './failure.ts';
import type { AttemptOutcome } from './settlement.ts';

export interface Settling {
  /**
   * Commits how an attempt ended, with what follows from it. False when the lease is not held any more.
   * Errors: `storage-unavailable`; then it may have happened or not.
   */
  commit(task: Task, token: string, settlement: Settlement, now: number): Promise<boolean>;
  count(task: Task, outcome: AttemptOutcome): void;
}

/** What the runner (its own attempts) and the reconciler (those of workers that fell silent) do alike. */
export function createSettling(deps: {
  storage: Pick<Storage, 'commit'>;
  queue: Pick<TaskQueue, 'offer'>;
  wantsEvent: WantsEvent;
  afterDeath?: AfterDeath | undefined;
  log: Log;
  metrics: Pick<Metrics, 'count'>;
}): Settling {
  const { storage, queue, wantsEvent, log, metrics } = deps;

  return {
    async commit(task, token, settlement, now) {
      const change = { op: 'settle', id: task.id, lease: token, settlement, now } as const;
      if (settlement.status !== 'failed') return (await storage.commit({ change })).outcome === 'committed';
      const after = await consequencesOfDeath(task, settlement.error, now, wantsEvent, deps.afterDeath);
      const { outcome } = await storage.commit({ change, ...after });
      if (outcome !== 'committed') return false;
      queue.offer(after.tasks.map(offerOf));
      return true;
    },
    count(task, outcome) {
      const kind = isTaskKind(task.kind) ? task.kind : 'unknown';
      metrics.count('formstead_tasks_total', { kind, outcome });
      if (outcome !== 'failed') return;
      metrics.count('formstead_dead_letters_total', { kind });
      const fields = { taskId: task.id, kind: task.kind, attempts: task.attempts };
      log.error(fields, 'task failed for good, kept as a dead letter');
    },
  };
}

function offerOf(task: { id: string; queue: QueueName; priority: number }) {
  return { id: task.id, attempts: 0, queue: task.queue, priority: task.priority };
}
