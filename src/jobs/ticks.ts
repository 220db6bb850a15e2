import { Cron } from 'croner';

/** The instants at which something is due, in epoch milliseconds. */
export interface Ticks {
  /** The latest tick at or before `now`, if there is one. */
  last(now: number): number | undefined;
  /** The first tick after `now`, if there is one. */
  next(now: number): number | undefined;
}

/** Ticks at the whole multiples of `everyMs` since 1970, the same in every process. */
export function everyTicks(everyMs: number): Ticks {
  if (!Number.isInteger(everyMs) || everyMs <= 0) throw new RangeError(`not an interval in milliseconds: ${everyMs}`);
  const last = (now: number) => Math.floor(now / everyMs) * everyMs;
  return { last, next: (now) => last(now) + everyMs };
}

/**
 * Ticks of a cron expression (five fields, or six with seconds first) on the clocks of an IANA time zone. A fixed time of day comes once a day: on the day
 * that lacks it, when the clocks have gone forward; on the day that has it twice, at the first. Errors: an expression or a zone that is not valid throws here.
 */
export function cronTicks(cron: string, zone: string): Ticks {
  const ticks = new Cron(cron, { timezone: zone });
  // croner looks at the zone only when it is first used.
  ticks.nextRun();
  return {
    // `previousRuns` leaves out a run at the reference itself.
    last: (now) => ticks.previousRuns(1, new Date(now + 1))[0]?.getTime(),
    next: (now) => ticks.nextRun(new Date(now))?.getTime(),
  };
}
