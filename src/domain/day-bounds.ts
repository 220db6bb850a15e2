import { dayIn } from './day.ts';

const minuteMs = 60_000;
/** No zone is further than 14 hours from UTC; one more for a change of the clocks. */
const farthestMs = 15 * 60 * minuteMs;

/**
 * The instants between which it is `day` (`YYYY-MM-DD`) in an IANA time zone: `from` inclusive, `to` exclusive, epoch ms. 23 or 25 hours apart where the clocks
 * change, equal for a day that a zone left out. Errors: RangeError for an unknown zone.
 */
export function dayBounds(timeZone: string, day: string): { from: number; to: number } {
  return { from: startOf(timeZone, day), to: startOf(timeZone, nextDay(day)) };
}

export function previousDay(day: string): string {
  return daysFrom(day, -1);
}

export function nextDay(day: string): string {
  return daysFrom(day, 1);
}

/** So many days of the calendar later; earlier where `days` is negative. */
export function daysFrom(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The first minute whose day is `day` or later; days never go backwards on a clock, so halving finds it. */
function startOf(timeZone: string, day: string): number {
  const utc = Date.parse(`${day}T00:00:00Z`);
  let early = (utc - farthestMs) / minuteMs;
  let late = (utc + farthestMs) / minuteMs;
  while (early < late) {
    const middle = Math.floor((early + late) / 2);
    if (dayIn(timeZone, middle * minuteMs) >= day) late = middle;
    else early = middle + 1;
  }
  return late * minuteMs;
}
