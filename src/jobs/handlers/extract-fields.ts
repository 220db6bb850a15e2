import type { ModelParts } from '#app/model/parts.ts';
import type { Clock } from '#ports/clock.ts';
import type { Handler } from '../registry.ts';
import { partOutcome } from './part-outcome.ts';

export function extractFields(parts: ModelParts, clock: Clock): Handler<'extract-fields'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const outcome = await parts.run({ taskId: task.id, lease }, payload.response_id, 'extract', { signal, progress });
    return partOutcome(outcome, clock);
  };
}
