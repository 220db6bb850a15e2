import type { WebhookDelivery } from '#app/webhooks/delivery.ts';
import type { Handler } from '../registry.ts';

export function fanOutEvent(delivery: WebhookDelivery): Handler<'fan-out-event'> {
  return async ({ task, lease, payload }) => {
    const deliveries = await delivery.fanOut({ taskId: task.id, lease }, payload.event_id);
    return { done: { deliveries } };
  };
}
