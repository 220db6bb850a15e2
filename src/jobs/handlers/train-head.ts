import type { Heads } from '#app/learning/heads.ts';
import type { Handler } from '../registry.ts';

export function trainHead(heads: Heads): Handler<'train-head'> {
  return async ({ task, lease, payload, signal }) => {
    const { trained, reason, head } = await heads.train({ taskId: task.id, lease }, payload.form_id, signal);
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
