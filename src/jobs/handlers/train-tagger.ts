import type { Taggers } from '#app/learning/taggers.ts';
import type { Handler } from '../registry.ts';

export function trainTagger(taggers: Taggers): Handler<'train-tagger'> {
  return async ({ task, lease, payload, signal }) => {
    const { trained, reason, tagger } = await taggers.train({ taskId: task.id, lease }, payload.form_id, signal);
    return {
      done: {
        trained,
        reason: reason ?? null,
        fields: tagger?.fields ?? null,
        examples: tagger?.examples ?? null,
        milliseconds: tagger?.milliseconds ?? null,
      },
    };
  };
}
