import { findParts, hourIn, type Part } from './part-of-day.ts';

export type Clock = { hour: number; minute: number };
type Said = Clock & { mark?: string; part?: string; bare?: boolean };

/** How far a word such as "evening" reaches within its sentence, in folded units: beside it for any clock, further for a bare hour. */
const NEAR = 30;
const FAR = 80;
/** No word for a part of the day is longer. */
const LONGEST = 24;
const STOP = /[.!?;\n](?= |$|\n)/g;

/**
 * Decides the half of the day for the clocks of one text: marked with am or pm, beyond noon by itself, by the words right behind, by the nearest
 * part of the day in its sentence; a bare hour by all that its sentence names, when they agree. Undefined for 25:00, 13 am and contradictions.
 */
export function createHalves(
  text: string,
  language: string | undefined,
): (said: Said, start: number, end: number) => Clock | undefined {
  let parts: ReturnType<typeof findParts> | undefined;
  let partStarts: number[] = [];
  let stops: number[] = [];

  /** Parts of the day whose words lie within `reach` of the span, no end of a sentence between, the nearest first. */
  function partsAround(start: number, end: number, reach: number): Part[] {
    if (parts === undefined) {
      parts = findParts(text, language);
      partStarts = parts.map((part) => part.start);
      stops = [...text.matchAll(STOP)].map((match) => match.index);
    }
    const last = stops[firstFrom(stops, start) - 1] ?? -1;
    const next = stops[firstFrom(stops, end)] ?? text.length;
    return parts
      .slice(firstFrom(partStarts, start - reach - LONGEST), firstFrom(partStarts, end + reach + 1))
      .map((part) => ({ ...part, distance: part.start >= end ? part.start - end : start - part.end }))
      .filter((near) => near.distance >= 0 && near.distance <= reach && near.start > last && near.end <= next)
      .sort((a, b) => a.distance - b.distance)
      .map(({ part }) => part);
  }

  return (said, start, end) => {
    const { hour, minute, mark, part, bare } = said;
    if (hour > 24 || minute > 59 || (hour === 24 && minute > 0)) return undefined;
    const meridiem = mark?.replace(/[. ]/g, '');
    if (meridiem === 'am') return hour > 12 ? undefined : { hour: hour % 12, minute };
    if (meridiem === 'pm') return { hour: hour < 12 ? hour + 12 : hour === 24 ? 0 : hour, minute };
    if (mark === 'named' || hour === 0 || hour > 12) return { hour: hour % 24, minute };
    const at = (named: Part) => {
      const full = hourIn(named, hour);
      return full === undefined ? undefined : { hour: full, minute };
    };
    const own = part === undefined ? undefined : findParts(part, language)[0]?.part;
    if (own !== undefined) return at(own);
    // "06:00" is a clock of 24 hours already.
    if (/^0\d/.test(text.slice(start, start + 2))) return { hour, minute };
    const [near] = partsAround(start, end, NEAR);
    if (near !== undefined) return at(near);
    if (!bare) return { hour, minute };
    const hours = new Set(partsAround(start, end, FAR).map((named) => hourIn(named, hour)));
    if (hours.size > 1) return undefined;
    const [only] = hours.size === 0 ? [hour] : [...hours];
    return only === undefined ? undefined : { hour: only, minute };
  };
}

/** Index of the first sorted value that is at least `from`. */
function firstFrom(sorted: number[], from: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
