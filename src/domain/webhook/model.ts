import type { BreakerState } from './breaker.ts';
import type { DeliverySchedule } from './schedule.ts';

/** The events an endpoint can ask for. */
export const webhookEvents = [
  'response.accepted',
  'response.understood',
  'response.reviewed',
  'response.erased',
  'task.failed',
  'export.ready',
] as const;
export type SubscribableEvent = (typeof webhookEvents)[number];

/** What an endpoint can ask for, and the test that only its button sends. */
export type EventType = SubscribableEvent | 'webhook.test';

/** Something that happened, with the body every delivery of it carries: frozen when it happened, kept once. */
export type WebhookEvent = {
  id: string;
  type: EventType;
  formId: string | undefined;
  responseId: string | undefined;
  at: number;
  /** The exact bytes that are signed and sent: JSON of `{ type, timestamp, data }`. */
  body: string;
};

export type WebhookEndpoint = {
  id: string;
  url: string;
  /** Every event when empty. */
  events: SubscribableEvent[];
  /** Every form when empty. */
  formIds: string[];
  schedule: DeliverySchedule;
  status: 'active' | 'disabled';
  /** Why and when it was disabled, e.g. `answered 410`. */
  disabledReason: string | undefined;
  /** Sealed by the key ring under the endpoint's id; the current one first, then those that a rotation still lets live. */
  secrets: { sealed: string; validUntil?: number }[];
  createdAt: number;
  updatedAt: number;
};

/** An endpoint's circuit breaker, an aggregate of its own: deliveries that end at once must not contend for the endpoint. */
export type Breaker = { id: string; state: BreakerState };

export type DeliveryStatus = 'pending' | 'delivered' | 'failed' | 'cancelled';

/** What was cancelled because its endpoint was disabled can be recovered; the rest is over unless somebody redelivers it. */
export const cancelReasons = ['endpoint-disabled', 'endpoint-removed', 'event-removed', 'by-request'] as const;
export type CancelReason = (typeof cancelReasons)[number];

/** One event on its way to one endpoint. */
export type Delivery = {
  id: string;
  endpointId: string;
  eventId: string;
  eventType: EventType;
  responseId: string | undefined;
  status: DeliveryStatus;
  /** Only of a cancelled one. */
  cancelReason: CancelReason | undefined;
  /** Attempts made; rows of their own under `dlv_…:n`. */
  attempts: number;
  /** Attempts made before the newest redelivery began: its schedule counts from there. */
  earlierAttempts: number;
  nextAttemptAt: number | undefined;
  createdAt: number;
  finishedAt: number | undefined;
};

export type DeliveryAttempt = {
  id: string;
  deliveryId: string;
  endpointId: string;
  number: number;
  at: number;
  milliseconds: number;
  /** HTTP status, absent when there was no answer. */
  httpStatus: number | undefined;
  outcome: string;
  /** First kilobyte of the answer, or what went wrong. */
  excerpt: string;
};

export function attemptId(deliveryId: string, number: number): string {
  return `${deliveryId}:${number}`;
}

/** The exact text that is kept, signed and sent at every attempt: nothing may parse and serialise it again. `at` is epoch ms. */
export function eventBody(type: EventType, at: number, data: object): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}
