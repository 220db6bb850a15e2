import type { ModelParts } from '#app/model/parts.ts';
import type { Handler } from '../registry.ts';

export function classifyResponse(parts: ModelParts): Handler<'classify-response'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await parts.run({ taskId: task.id, lease }, payload.response_id, 'classify', { signal, progress });
    return { done: { outcome } };
  };
}
