import type { ModelParts } from '#app/model/parts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Handler } from '../registry.ts';
import { partOutcome } from './part-outcome.ts';

export function draftReply(parts: ModelParts, clock: Clock): Handler<'draft-reply'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await parts.run({ taskId: task.id, lease }, payload.response_id, 'respond', { signal, progress });
    return partOutcome(outcome, clock);
  };
}
