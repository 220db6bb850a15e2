import { type NewTask, type QueueName, rootTaskId } from '../task.ts';
import { newTask } from '../task-kinds.ts';
import type { CancelReason, Delivery, EventType, WebhookEndpoint, WebhookEvent } from './model.ts';
import { attemptsOf } from './schedule.ts';

/** A crash uses up an attempt of the task without one of the delivery: as many may happen before the schedule is cut short. */
const crashesAllowed = 3;

/** Whether an endpoint asked for such an event, disabled or not: what it misses is kept for it. A test goes only where it was sent. */
export function isFor(endpoint: WebhookEndpoint, type: EventType, formId: string | undefined): boolean {
  if (type === 'webhook.test') return false;
  if (endpoint.events.length > 0 && !endpoint.events.includes(type)) return false;
  // An event that belongs to no form (a failed task of the system) goes to those who want everything.
  return endpoint.formIds.length === 0 || (formId !== undefined && endpoint.formIds.includes(formId));
}

/**
 * The delivery of an event to an endpoint; its id is derived from both, so that a second fan-out makes none anew. For a disabled endpoint it is born
 * cancelled and needs no task: it says what the endpoint misses, until somebody recovers it.
 */
export function newDelivery(event: WebhookEvent, endpoint: WebhookEndpoint, now: number): Delivery {
  const delivery: Delivery = {
    id: `dlv_${event.id.slice(4)}_${endpoint.id.slice(4)}`,
    endpointId: endpoint.id,
    eventId: event.id,
    eventType: event.type,
    responseId: event.responseId,
    status: 'pending',
    cancelReason: undefined,
    attempts: 0,
    earlierAttempts: 0,
    nextAttemptAt: undefined,
    createdAt: now,
    finishedAt: undefined,
  };
  return endpoint.status === 'active' ? delivery : cancelled(delivery, 'endpoint-disabled', now);
}

export function cancelled(delivery: Delivery, cancelReason: CancelReason, now: number): Delivery {
  return { ...delivery, status: 'cancelled', cancelReason, nextAttemptAt: undefined, finishedAt: now };
}

/** Whether `recover` sends it again: it died, or its endpoint was disabled. What a person cancelled stays so. */
export function isRecoverable({ status, cancelReason }: Delivery): boolean {
  return status === 'failed' || (status === 'cancelled' && cancelReason === 'endpoint-disabled');
}

/** The task that makes a delivery's attempts; `suffix` tells a redelivery's from the first one's. */
export function deliveryTask(
  delivery: Delivery,
  endpoint: WebhookEndpoint,
  now: number,
  wish: { queue?: QueueName; suffix?: string } = {},
): NewTask {
  return newTask('deliver-webhook', {
    id: `${deliveryTaskPrefix(delivery.id)}${wish.suffix ?? 'deliver'}`,
    payload: { delivery_id: delivery.id },
    now,
    queue: wish.queue,
    root: delivery.responseId === undefined ? undefined : rootTaskId(delivery.responseId),
    maxAttempts: attemptsOf(endpoint.schedule) + crashesAllowed,
  });
}

/** What the ids of all tasks of a delivery begin with. */
export function deliveryTaskPrefix(deliveryId: string): string {
  return `tsk_${deliveryId.slice(4)}:`;
}

/** Starts the schedule of an ended delivery anew; its attempts go on being numbered. */
export function restarted(delivery: Delivery): Delivery {
  return {
    ...delivery,
    status: 'pending',
    cancelReason: undefined,
    earlierAttempts: delivery.attempts,
    nextAttemptAt: undefined,
    finishedAt: undefined,
  };
}

/** Whether a task at its `taskAttempt`-th attempt starts the schedule of its delivery again: a dead letter that was requeued runs from its first attempt on. */
export function isRevived(delivery: Delivery, taskAttempt: number): boolean {
  return delivery.status === 'failed' && taskAttempt === 1;
}
