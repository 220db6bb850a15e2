import { queueNames } from '#domain/task.ts';
import { type BreakerState, mayTry } from '#domain/webhook/breaker.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { QueueDepth, TaskStore } from '#ports/storage.ts';
import type { TextModel, TextModelState } from '#ports/text-model.ts';

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

const modelStates: readonly TextModelState['status'][] = ['none', 'stopped', 'starting', 'ready', 'failed'];
/** The causes for which a process is started again. */
const restartReasons = ['crashed', 'memory', 'hung', 'unfit'];

/** Registers what a scrape shows of the language model, in the process that asks it. */
export function registerModelGauges(deps: {
  textModel: Pick<TextModel, 'state'>;
  calls: { breaker: () => BreakerState };
  clock: Clock;
  metrics: Pick<Metrics, 'gauge'>;
}): void {
  const { textModel, calls, clock, metrics } = deps;
  const purpose = 'text';
  for (const state of modelStates)
    metrics.gauge('formstead_model_state', { purpose, state }, () => (textModel.state().status === state ? 1 : 0));
  for (const reason of restartReasons)
    metrics.gauge('formstead_model_restarts', { purpose, reason }, () => textModel.state().restarts[reason] ?? 0);
  metrics.gauge('formstead_model_memory_bytes', { purpose }, () => textModel.state().memoryBytes);
  metrics.gauge('formstead_model_breaker_open', {}, () => (mayTry(calls.breaker(), clock.now()).yes ? 0 : 1));
}
