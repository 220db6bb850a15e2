import type { MailFanOut } from '#app/mail/fan-out.ts';
import type { Handler } from '../registry.ts';

export function mailSummary(mail: MailFanOut): Handler<'mail-summary'> {
  return async ({ task, lease, payload }) => ({
    done: { ...(await mail.summarize({ taskId: task.id, lease }, payload.tick)) },
  });
}
