import type { Learning } from '#app/learning.ts';
import type { Handler } from '../registry.ts';

export function trainHead(learning: Learning): Handler<'train-head'> {
  return async ({ task, lease, payload, signal }) => {
    const { trained, reason, head } = await learning.train({ taskId: task.id, lease }, payload.form_id, signal);
    return {
      done: {
        trained,
        reason: reason ?? null,
        examples: head?.examples ?? null,
        accuracy: head?.accuracy ?? null,
        threshold: head?.threshold ?? null,
        milliseconds: head?.milliseconds ?? null,
      },
    };
  };
}
