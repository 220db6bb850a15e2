import type { Datasets } from '#app/exports/datasets.ts';
import type { Handler } from '../registry.ts';

export function updateDataset(datasets: Datasets): Handler<'update-dataset'> {
  return async ({ task, lease, payload, signal, progress, log }) => {
    const report = await datasets.update({ taskId: task.id, lease }, payload.form_id, { signal, progress });
    if (report.misfits > 0)
      log.warn({ formId: payload.form_id, misfits: report.misfits }, 'answers left out, they do not fit their column');
    return { done: { ...report } };
  };
}
