import type { ModelParts } from '#app/model/parts.ts';
import type { Handler } from '../registry.ts';

export function extractFields(parts: ModelParts): Handler<'extract-fields'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await parts.run({ taskId: task.id, lease }, payload.response_id, 'extract', { signal, progress });
    return { done: { outcome } };
  };
}
