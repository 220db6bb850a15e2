import type { ModelFitting } from '#app/model/fit.ts';
import type { Handler } from '../registry.ts';

export function fitModel(fitting: ModelFitting): Handler<'fit-model'> {
  return async ({ task, lease, payload, signal, progress }) => {
    const cause = { taskId: task.id, lease };
    const { fitted, reason, fit } = await fitting.fit(cause, payload.form_id, payload.model_sha256, {
      signal,
      progress,
    });
    return {
      done: {
        fitted,
        reason: reason ?? null,
        texts: fit?.texts ?? null,
        head_accuracy: fit?.headAccuracy ?? null,
        model_accuracy: fit?.modelAccuracy ?? null,
        joint_accuracy: fit?.jointAccuracy ?? null,
        useful: fit?.useful ?? null,
      },
    };
  };
}
