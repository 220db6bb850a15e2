import { AppError } from '#domain/errors.ts';
import { backoffMs } from '#domain/retry.ts';
import type { Settlement, Task, TaskError } from '#domain/task.ts';
import { isTaskKind, type TaskPolicy, taskKinds } from '#domain/task-kinds.ts';
import type { AbortReason, HandlerOutcome } from './registry.ts';

/** How an attempt ended, seen from the runner. An abort says no more than its reason: what a handler does after it was asked to stop tells nothing. */
export type Ended = { outcome: HandlerOutcome } | { threw: unknown } | { aborted: AbortReason };

/** Label of the metrics: what became of the attempt. */
export type AttemptOutcome = 'succeeded' | 'retrying' | 'failed' | 'cancelled' | 'handed-back' | 'lost';

/** Used for a task whose kind this process does not know: it never gets as far as a handler that could fail. */
const unknownKindBackoffMs = 10_000;

/** How the attempt is to be settled; undefined when the lease is gone and there is nothing left to settle. `chance` is in [0, 1). */
export function settlementOf(task: Task, ended: Ended, now: number, chance: number): Settlement | undefined {
  if ('aborted' in ended) return settlementOfAbort(task, ended.aborted, now, chance);
  if ('threw' in ended) return failedAttempt(task, errorOf(ended.threw), now, chance);
  const { outcome } = ended;
  if ('done' in outcome) {
    return outcome.done === undefined ? { status: 'succeeded' } : { status: 'succeeded', result: outcome.done };
  }
  if ('dead' in outcome) return { status: 'failed', error: outcome.dead };
  if ('release' in outcome) {
    const { until, error } = outcome.release;
    return { status: 'retrying', runAt: until, giveBack: true, ...(error && { error }) };
  }
  return failedAttempt(task, outcome.error, now, chance, outcome.retryAt);
}

/** Due again now, with its attempt given back. */
export function handBack(now: number): Settlement {
  return { status: 'retrying', runAt: now, giveBack: true };
}

export function outcomeOf(settlement: Settlement): AttemptOutcome {
  return settlement.status === 'retrying' && settlement.giveBack === true ? 'handed-back' : settlement.status;
}

/** What a lease that ran out on the last attempt is buried with. */
export const leaseExpired: TaskError = {
  code: 'lease-expired',
  detail: 'The worker fell silent during the last attempt.',
};

export function errorOf(thrown: unknown): TaskError {
  if (thrown instanceof AppError) return { code: thrown.code, detail: thrown.detail };
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: 'handler-failed', detail: text.slice(0, 300) };
}

function settlementOfAbort(task: Task, reason: AbortReason, now: number, chance: number): Settlement | undefined {
  switch (reason) {
    case 'lease-lost':
      return undefined;
    case 'cancelled':
      return { status: 'cancelled' };
    case 'shutdown':
      return handBack(now);
    case 'time-limit': {
      const detail = `The attempt was stopped after ${task.timeLimitMs} ms.`;
      return failedAttempt(task, { code: 'time-limit', detail }, now, chance);
    }
  }
}

function failedAttempt(task: Task, error: TaskError, now: number, chance: number, retryAt?: number): Settlement {
  if (task.attempts >= task.maxAttempts) return { status: 'failed', error };
  const baseMs = isTaskKind(task.kind) ? (taskKinds[task.kind] as TaskPolicy).backoffMs : unknownKindBackoffMs;
  // A task that a previous count gave back stands at 0 attempts only until its claim, so a claimed one has at least 1.
  return { status: 'retrying', runAt: retryAt ?? now + backoffMs({ attempt: task.attempts, baseMs, chance }), error };
}
