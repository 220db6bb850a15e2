import type { Reindexing } from '#app/search/reindexing.ts';
import type { Handler } from '../registry.ts';

export function embedResponses(reindexing: Pick<Reindexing, 'run'>, now: () => number): Handler<'embed-responses'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await reindexing.run({ taskId: task.id, lease }, payload.form_id, { signal, progress });
    // Due again at once, behind whatever else its queue has by then; a new model has everything to do anew.
    if (outcome === 'to-be-continued' || outcome === 'model-changed') return { release: { until: now() } };
    return { done: typeof outcome === 'string' ? { outcome } : { outcome: 'done', ...outcome } };
  };
}
