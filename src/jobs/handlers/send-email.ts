import type { MailDelivery } from '#app/mail/delivery.ts';
import type { Handler } from '../registry.ts';

export function sendEmail(mail: MailDelivery): Handler<'send-email'> {
  return async ({ task, lease, payload, signal, log }) => {
    const { about, recipient } = payload;
    const result = await mail.deliver({ cause: { taskId: task.id, lease }, task, about, recipient, signal });
    switch (result.end) {
      case 'retry':
        return { retryAt: result.at, error: result.error };
      case 'dead':
        return { dead: result.error };
      case 'later':
        // The code only: what a server says may quote an address. And nothing of what only waits behind the breaker: there may be thousands.
        if (result.tried && result.error)
          log.warn({ code: result.error.code, retryAt: result.until }, 'message waits, not counted');
        return { release: { until: result.until, error: result.error } };
      default:
        return { done: { outcome: result.end } };
    }
  };
}
