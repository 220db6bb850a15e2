import type { ModelParts } from '#app/model/parts.ts';
import type { Handler } from '../registry.ts';

export function draftReply(parts: ModelParts): Handler<'draft-reply'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await parts.run({ taskId: task.id, lease }, payload.response_id, 'respond', { signal, progress });
    return { done: { outcome } };
  };
}
