import type { Exports } from '#app/exports/exports.ts';
import type { Task } from '#domain/task.ts';
import type { AbortReason, Handler } from '../registry.ts';
import { errorOf } from '../settlement.ts';

export function runExport(exports: Exports): Handler<'run-export'> {
  return async ({ task, lease, payload, signal, progress, log }) => {
    const cause = { taskId: task.id, lease };
    try {
      const { rows, bytes, sha256, misfits } = await exports.run(cause, payload.export_id, { signal, progress });
      if (misfits > 0)
        log.warn({ exportId: payload.export_id, misfits }, 'answers left out, they do not fit their column');
      return { done: { export_id: payload.export_id, rows, bytes, sha256, misfits } };
    } catch (err) {
      if (!isLast(task, signal)) throw err;
      const error = signal.aborted ? stopped[signal.reason as AbortReason] : errorOf(err);
      await exports.fail(cause, payload.export_id, error);
      return { dead: error };
    }
  };
}

const stopped: Record<AbortReason, { code: string; detail: string }> = {
  cancelled: { code: 'cancelled', detail: 'Somebody cancelled the task.' },
  'time-limit': { code: 'time-limit', detail: 'The export took too long; ask for a shorter range.' },
  shutdown: { code: 'shutdown', detail: '' },
  'lease-lost': { code: 'lease-lost', detail: '' },
};

/** Whether nobody will try again: then the export has failed. After a shutdown or a lost lease somebody will. */
function isLast(task: Task, signal: AbortSignal): boolean {
  const spent = task.attempts >= task.maxAttempts;
  if (signal.aborted) return signal.reason === 'cancelled' || (signal.reason === 'time-limit' && spent);
  return spent;
}
