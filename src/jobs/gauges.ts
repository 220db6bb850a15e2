import { queueNames } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { QueueDepth, TaskStore } from '#ports/storage.ts';

/** Registers what a scrape shows of the tasks in the store. The gauges of one scrape share one read. */
export function registerTaskGauges(deps: {
  tasks: Pick<TaskStore, 'depths'>;
  clock: Clock;
  metrics: Pick<Metrics, 'gauge'>;
}): void {
  const { tasks, clock, metrics } = deps;
  let reading: Promise<QueueDepth[]> | undefined;

  function depths(): Promise<QueueDepth[]> {
    reading ??= tasks.depths(clock.now()).finally(() => {
      reading = undefined;
    });
    return reading;
  }

  for (const queue of queueNames) {
    const depth = async () => (await depths()).find((row) => row.queue === queue);
    for (const state of ['pending', 'running', 'retrying'] as const) {
      metrics.gauge('formstead_queue_depth', { queue, state }, async () => (await depth())?.[state]);
    }
    metrics.gauge('formstead_queue_oldest_seconds', { queue }, async () => {
      const row = await depth();
      if (row === undefined) return undefined;
      return row.oldestDueAt === undefined ? 0 : Math.max(0, clock.now() - row.oldestDueAt) / 1000;
    });
  }
  metrics.gauge('formstead_dead_letters', {}, async () => (await depths()).reduce((sum, row) => sum + row.failed, 0));
}
