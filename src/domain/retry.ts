/** How long to wait before trying again. Chance is an argument in [0, 1): the caller draws it. */

/** Spread of the jitter: a delay varies by ±20 %, so that what failed together does not come back together. */
const spread = 0.2;

/** `ms` varied by ±20 %, in whole milliseconds. */
export function jittered(ms: number, chance: number): number {
  return Math.round(ms * (1 - spread + 2 * spread * chance));
}

/**
 * Milliseconds to wait after `attempt` failures (1-based): 10 s, 20 s, 40 s, … by default, jittered ±20 %, never above `maxMs`.
 * Errors: RangeError for an attempt below 1.
 */
export function backoffMs(input: { attempt: number; chance: number; baseMs?: number; maxMs?: number }): number {
  const { attempt, chance, baseMs = 10_000, maxMs = 3_600_000 } = input;
  if (!Number.isInteger(attempt) || attempt < 1) throw new RangeError(`attempts count from 1, not ${attempt}`);
  // Capped before the jitter at a value whose jitter still fits, so that late attempts stay spread out instead of meeting at maxMs.
  return jittered(Math.min(baseMs * 2 ** (attempt - 1), maxMs / (1 + spread)), chance);
}
