import { dayIn } from '../day.ts';
import { dayBounds, nextDay, previousDay } from '../day-bounds.ts';

const hourMs = 3_600_000;
/** Every zone's clocks change at a quarter of an hour. */
const stepMs = 900_000;

/** After a window's end: a response that came in its last moment is in the store by then. A request takes 30 s at most; the rest is for clocks that differ. */
const graceMs = 120_000;
/** Between two digests of one window. Where the clocks of two hosts differ by more than the grace, it bounds how many there are. */
const againMs = hourMs;

/** `from` inclusive, `to` exclusive, epoch ms. */
export type Window = { from: number; to: number };

/** When the digest of a window is due, epoch ms. `made`: when one was made that should have waited for responses which came after it. */
export function digestDue({ to }: Pick<Window, 'to'>, made?: number): number {
  return made === undefined ? to + graceMs : Math.max(to + graceMs, made + againMs);
}

/** Of each zone and hour the window asked for last: they are asked for at the rate of responses, and finding one takes 0.3 ms. */
const newest = new Map<string, Window>();

/**
 * The digest that tells of what happens at an instant: full hours (UTC), or from one day's hour to the next day's, on the clocks of an IANA time zone. Windows
 * leave no gap. Errors: RangeError for an unknown zone.
 */
export function digestWindow(wish: { every: 'hour' | 'day'; hour: number }, timeZone: string, at: number): Window {
  if (wish.every === 'hour') {
    const from = Math.floor(at / hourMs) * hourMs;
    return { from, to: from + hourMs };
  }
  const key = `${wish.hour} ${timeZone}`;
  const known = newest.get(key);
  if (known && known.from <= at && at < known.to) return known;
  const day = dayIn(timeZone, at);
  const turn = hourOf(timeZone, day, wish.hour);
  const window =
    at < turn
      ? { from: hourOf(timeZone, previousDay(day), wish.hour), to: turn }
      : { from: turn, to: hourOf(timeZone, nextDay(day), wish.hour) };
  newest.set(key, window);
  return window;
}

/** The first instant of the day at which it is that hour or later: a day may lack the hour, when the clocks go forward. */
function hourOf(timeZone: string, day: string, hour: number): number {
  const { from, to } = dayBounds(timeZone, day);
  const clock = new Intl.DateTimeFormat('en', { timeZone, hour: 'numeric', hourCycle: 'h23' });
  for (let at = from; at < to; at += stepMs) if (Number(clock.format(at)) >= hour) return at;
  return to;
}
