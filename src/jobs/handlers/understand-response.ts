import type { UnderstandingUseCase } from '#app/understanding.ts';
import type { Handler } from '../registry.ts';

export function understandResponse(understanding: UnderstandingUseCase): Handler<'understand-response'> {
  return async ({ task, lease, payload, progress }) => {
    const outcome = await understanding.understand({ taskId: task.id, lease }, payload.response_id, progress);
    return { done: { outcome } };
  };
}
