import type { WebhookDelivery } from '#app/webhooks/delivery.ts';
import type { Handler } from '../registry.ts';

export function fanOutEvent(delivery: WebhookDelivery): Handler<'fan-out-event'> {
  return async ({ task, lease, payload }) => {
    const result = await delivery.fanOut({ taskId: task.id, lease }, payload.event_id);
    // It is removed only after this task has ended: whoever is missing it has lost something, and trying again brings nothing back.
    if (result.end === 'event-missing')
      return { dead: { code: 'event-missing', detail: `There is no event ${payload.event_id}.` } };
    return { done: result };
  };
}
