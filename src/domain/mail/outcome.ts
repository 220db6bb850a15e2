import { jittered } from '../retry.ts';
import type { TaskError } from '../task.ts';

/**
 * What came of one try to hand a message to the SMTP server.
 *
 * - `sent`: the server has taken it
 * - `refused`: it never will (5xx to the sender, the recipient or the message)
 * - `deferred`: it may later (4xx: greylisting, a full mailbox, a limit)
 * - `unreachable`: we did not get as far as the message: no connection, no TLS, no greeting, no login, or a sender that may send nothing
 * - `interrupted`: the connection ended, or the time did, after we had begun with the message; the server may have taken it
 * - `busy`: every connection had other messages to carry for as long as this one could wait; the server has not heard of it
 * - `not-configured`: no server is set
 * - `cancelled`: we stopped it ourselves; says nothing about the server
 */
export type MailOutcome =
  | { kind: 'sent' | 'not-configured' | 'cancelled' }
  /** `status`: the SMTP reply, where the server gave one. `detail`: for a person, at most 300 characters; nobody decides by it. */
  | { kind: 'refused' | 'deferred' | 'unreachable' | 'interrupted' | 'busy'; status?: number; detail: string };

/** What a try tells the breaker of the server; undefined when it says nothing about it. A server that refuses a message works, and so may one that is slow. */
export function breakerEventOf({ kind }: MailOutcome): 'success' | 'failure' | undefined {
  if (kind === 'cancelled' || kind === 'not-configured' || kind === 'busy') return undefined;
  return kind === 'unreachable' || kind === 'interrupted' ? 'failure' : 'success';
}

/**
 * - `retry`: the attempt counts; another one at `at` (epoch ms), if one is left
 * - `wait`: not the message's fault: the attempt is given back, due again at `at`
 * - `dead`: no further try would help
 */
export type NextMailStep =
  | { step: 'sent' }
  | { step: 'retry' | 'wait'; at: number; error?: TaskError }
  | { step: 'dead'; error: TaskError };

const minuteMs = 60_000;
/** After the first, second and third attempt that counts. A greylisting server takes a message after 5 minutes, a few after 15. */
const pauses = [minuteMs, 5 * minuteMs, 15 * minuteMs] as const;
/** While the server is away. The breaker opens after five failures and has its own, growing pauses. */
const awayPauseMs = 10_000;
/** For connections that others use: meanwhile the worker may do something else. */
const busyPauseMs = 10_000;
/**
 * A server that is away on Friday evening is mended on Monday. Beyond that a try in vain is the last. Age without a try ends nothing: what is requeued, or waited
 * while no worker ran, would never be sent.
 */
export const longestWaitMs = 3 * 86_400_000;

/**
 * What follows from the `attempt`-th try (1-based) at a message that was first due at `since`; `chance` in [0, 1) jitters pauses by ±20 %. How many attempts
 * there are is the task's to know.
 */
export function nextMailStep(
  outcome: MailOutcome,
  given: { attempt: number; since: number; now: number; chance: number },
): NextMailStep {
  const { now, chance } = given;
  switch (outcome.kind) {
    case 'sent':
      return { step: 'sent' };
    case 'cancelled':
      return { step: 'wait', at: now };
    case 'busy':
      return { step: 'wait', at: now + jittered(busyPauseMs, chance), error: errorOf('mail-server-busy', outcome) };
    case 'not-configured':
      return {
        step: 'dead',
        error: {
          code: 'mail-not-configured',
          detail: 'This worker knows no SMTP server: set FORMSTEAD_SMTP_URL for it too.',
        },
      };
    case 'refused':
      return { step: 'dead', error: errorOf('mail-refused', outcome) };
    case 'unreachable': {
      const error = errorOf('mail-server-away', outcome);
      if (now - given.since > longestWaitMs) return { step: 'dead', error };
      return { step: 'wait', at: now + jittered(awayPauseMs, chance), error };
    }
    default: {
      const pause = pauses[Math.min(given.attempt, pauses.length) - 1]!;
      return { step: 'retry', at: now + jittered(pause, chance), error: errorOf(`mail-${outcome.kind}`, outcome) };
    }
  }
}

function errorOf(code: string, { status, detail }: Extract<MailOutcome, { detail: string }>): TaskError {
  return { code, detail: status === undefined ? detail : `SMTP ${status}: ${detail}` };
}
