import type { WebhookDelivery } from '#app/webhooks/delivery.ts';
import type { Handler } from '../registry.ts';

export function deliverWebhook(delivery: WebhookDelivery): Handler<'deliver-webhook'> {
  return async ({ task, lease, payload, signal }) => {
    const result = await delivery.deliver({
      cause: { taskId: task.id, lease },
      deliveryId: payload.delivery_id,
      taskAttempt: task.attempts,
      signal,
    });
    switch (result.end) {
      case 'retry':
        return { retryAt: result.at, error: result.error };
      case 'dead':
        return { dead: result.error };
      case 'later':
        return { release: { until: result.until } };
      default:
        return { done: { outcome: result.end } };
    }
  };
}
