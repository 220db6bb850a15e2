import type { MailFanOut } from '#app/mail/fan-out.ts';
import type { Handler } from '../registry.ts';

export function fanOutEmail(mail: MailFanOut): Handler<'fan-out-email'> {
  return async ({ task, lease, payload }) => ({
    done: { ...(await mail.fanOut({ taskId: task.id, lease }, payload.about)) },
  });
}
