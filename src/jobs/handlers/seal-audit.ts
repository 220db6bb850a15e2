import type { AuditSealer } from '#app/audit-seal.ts';
import type { Handler } from '../registry.ts';

export function sealAudit(sealer: AuditSealer): Handler<'seal-audit'> {
  return async ({ task, lease, signal }) => ({
    done: { ...(await sealer.seal(signal, { taskId: task.id, lease })) },
  });
}
