import { type NewTask, type QueueName, rootTaskId } from '../task.ts';
import { newTask } from '../task-kinds.ts';
import type { Delivery, EventType, WebhookEndpoint, WebhookEvent } from './model.ts';
import { attemptsOf } from './schedule.ts';

/** A crash uses up an attempt of the task without one of the delivery: as many may happen before the schedule is cut short. */
const crashesAllowed = 3;

/** Whether an endpoint asked for such an event. A test goes only where it was sent. */
export function isFor(endpoint: WebhookEndpoint, type: EventType, formId: string | undefined): boolean {
  if (endpoint.status !== 'active' || type === 'webhook.test') return false;
  if (endpoint.events.length > 0 && !endpoint.events.includes(type)) return false;
  // An event that belongs to no form (a failed task of the system) goes to those who want everything.
  return endpoint.formIds.length === 0 || (formId !== undefined && endpoint.formIds.includes(formId));
}

/** The delivery of an event to an endpoint; its id is derived from both, so that a second fan-out makes none anew. */
export function newDelivery(event: WebhookEvent, endpoint: WebhookEndpoint, now: number): Delivery {
  return {
    id: `dlv_${event.id.slice(4)}_${endpoint.id.slice(4)}`,
    endpointId: endpoint.id,
    eventId: event.id,
    eventType: event.type,
    responseId: event.responseId,
    status: 'pending',
    attempts: 0,
    earlierAttempts: 0,
    nextAttemptAt: undefined,
    createdAt: now,
    finishedAt: undefined,
  };
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
    earlierAttempts: delivery.attempts,
    nextAttemptAt: undefined,
    finishedAt: undefined,
  };
}

/** Whether a task at its `taskAttempt`-th attempt starts the schedule of its delivery again: a dead letter that was requeued runs from its first attempt on. */
export function isRevived(delivery: Delivery, taskAttempt: number): boolean {
  return delivery.status === 'failed' && taskAttempt === 1;
}
