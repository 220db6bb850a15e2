import { jittered } from '../retry.ts';
import { isDelivered, type SendOutcome } from './outcome.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Pauses between attempts; the first attempt is made at once, and after the last pause's attempt the delivery is dead. */
const pauses = {
  task: [5 * second, 30 * second, 5 * minute],
  // Standard Webhooks 1.0.0, "Deliverability and reliability": ten attempts over 75 h 35 min.
  standard: [5 * second, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour],
} as const satisfies Record<string, readonly number[]>;

export type DeliverySchedule = keyof typeof pauses;

export const deliverySchedules = Object.keys(pauses) as DeliverySchedule[];

/** A receiver that asks for more patience than this is tried after it all the same. */
const maxRetryAfterMs = 24 * hour;

/** How many attempts a schedule makes before the delivery is dead: 4 or 10. */
export function attemptsOf(schedule: DeliverySchedule): number {
  return pauses[schedule].length + 1;
}

/**
 * - `retry`: another attempt at `at` (ms since the epoch)
 * - `dead`: the schedule is spent; a person decides
 * - `endpoint-gone`: the receiver answered 410; disable the endpoint, its deliveries are dead
 * - `handed-back`: the attempt was ours to stop and does not count; it is due again at once
 */
export type NextStep =
  | { step: 'delivered' }
  | { step: 'retry'; at: number }
  | { step: 'dead' }
  | { step: 'endpoint-gone' }
  | { step: 'handed-back' };

/**
 * What follows from the `attempt`-th attempt (1-based). `chance` in [0, 1) jitters the pause by ±20 %; `now` is ms since the epoch.
 * `Retry-After` can only lengthen the pause. Errors: RangeError for an attempt below 1.
 */
export function nextStep(
  outcome: SendOutcome,
  attempt: number,
  schedule: DeliverySchedule,
  chance: number,
  now: number,
): NextStep {
  if (!Number.isInteger(attempt) || attempt < 1) throw new RangeError(`attempts count from 1, not ${attempt}`);
  if (isDelivered(outcome)) return { step: 'delivered' };
  if (outcome.kind === 'cancelled') return { step: 'handed-back' };
  if (outcome.kind === 'http-status' && outcome.status === 410) return { step: 'endpoint-gone' };
  const pause = pauses[schedule][attempt - 1];
  if (pause === undefined) return { step: 'dead' };
  const asked = outcome.kind === 'http-status' ? retryAfterMs(outcome.retryAfter, now) : 0;
  return { step: 'retry', at: now + Math.max(jittered(pause, chance), asked) };
}

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Milliseconds from `now` that a `Retry-After` header asks for, 0…24 h; 0 when it is missing, past or not understood.
 * Understands whole seconds and the date format RFC 9110 has senders use, not the two obsolete ones.
 */
export function retryAfterMs(header: string | undefined, now: number): number {
  const text = header?.trim() ?? '';
  let asked = 0;
  if (/^\d+$/.test(text)) asked = Number(text) * second;
  else if (httpDate.test(text)) asked = Date.parse(text) - now;
  // NaN (a 31st of February) fails the comparison too.
  return asked > 0 ? Math.min(asked, maxRetryAfterMs) : 0;
}
