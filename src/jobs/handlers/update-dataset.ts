import type { Datasets } from '#app/exports/datasets.ts';
import type { Handler } from '../registry.ts';

export function updateDataset(datasets: Datasets): Handler<'update-dataset'> {
  return async ({ task, lease, payload, signal, progress, log }) => {
    const { form_id: formId, rebuild, damaged } = payload;
    if (damaged !== undefined) log.warn({ formId, file: damaged }, 'a damaged file is written again');
    const report = await datasets.update({ taskId: task.id, lease }, formId, {
      signal,
      progress,
      rebuild,
      damaged,
    });
    if (report.misfits > 0)
      log.warn({ formId, misfits: report.misfits }, 'answers left out, they do not fit their column');
    return { done: { ...report } };
  };
}
