/**
 * Circuit breaker: stops asking a remote that keeps failing, then asks once in a while. An open breaker delays work, it never fails it.
 *
 *            5 failures in a row                 cool-down over, one probe
 *   closed ───────────────────────▶ open ───────────────────────────────▶ half-open
 *     ▲                              ▲                                        │ │
 *     │                              └── failure: cool-down doubles, ≤ 10 min ┘ │
 *     └─────────────────────────────── success ─────────────────────────────────┘
 *
 * The state is plain data (it is kept in the store and shared by processes); times are ms since the epoch.
 */
export type BreakerState =
  | { phase: 'closed' /** Consecutive failures so far. */; failures: number }
  | { phase: 'open'; until: number; coolDownMs: number }
  | { phase: 'half-open' /** The probe that runs counts as lost then. */; until: number; coolDownMs: number };

/** `try`: an attempt is about to be made, apply it before sending. `success`, `failure`: what came of one. */
export type BreakerEvent = 'try' | 'success' | 'failure';

export type BreakerRules = {
  failuresToOpen: number;
  firstCoolDownMs: number;
  maxCoolDownMs: number;
  /** How long a probe may take before another one is let through: longer than its time limit, so that a killed worker jams nothing. */
  probeMs: number;
};

export const breakerRules: BreakerRules = {
  failuresToOpen: 5,
  firstCoolDownMs: 30_000,
  maxCoolDownMs: 600_000,
  probeMs: 30_000,
};

export const closedBreaker: BreakerState = { phase: 'closed', failures: 0 };

/** Whether an attempt may be made now, or from when on it is worth asking again. */
export function mayTry(state: BreakerState, now: number): { yes: true } | { yes: false; until: number } {
  if (state.phase === 'closed' || now >= state.until) return { yes: true };
  // No breaker waits for longer: the clock was set back since, and by it the wait would be as long as the step.
  if (state.until - now > breakerRules.maxCoolDownMs) return { yes: true };
  return { yes: false, until: state.until };
}

/**
 * The state after an event. Writing it with compare-and-set makes the probe exclusive: of two processes that saw the cool-down end,
 * one gets its `try` in.
 */
export function afterEvent(
  state: BreakerState,
  event: BreakerEvent,
  now: number,
  rules: BreakerRules = breakerRules,
): BreakerState {
  switch (event) {
    case 'try':
      if (mayTry(state, now).yes && state.phase !== 'closed') {
        return { phase: 'half-open', until: now + rules.probeMs, coolDownMs: state.coolDownMs };
      }
      return state;
    case 'success':
      // Also from open: an attempt that began before may end well late, and that is proof enough.
      return closedBreaker;
    case 'failure':
      return afterFailure(state, now, rules);
  }
}

function afterFailure(state: BreakerState, now: number, rules: BreakerRules): BreakerState {
  switch (state.phase) {
    case 'closed': {
      const failures = state.failures + 1;
      if (failures < rules.failuresToOpen) return { phase: 'closed', failures };
      return { phase: 'open', until: now + rules.firstCoolDownMs, coolDownMs: rules.firstCoolDownMs };
    }
    case 'open':
      // An attempt that began before the breaker opened: the cool-down must not grow with the number that ran at once.
      return state;
    case 'half-open': {
      const coolDownMs = Math.min(state.coolDownMs * 2, rules.maxCoolDownMs);
      return { phase: 'open', until: now + coolDownMs, coolDownMs };
    }
  }
}
