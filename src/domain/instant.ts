import { isDate } from './day.ts';

const dayMs = 86_400_000;
const rfc3339 = /^([\d-]{10})T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
/** The date of the last call: exports ask for millions of times, nearly all of the same days. */
let known = { day: Number.NaN, text: '' };
const two = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));

/** RFC 3339 in UTC with milliseconds, as `toISOString` of a `Date` has it, in a tenth of its time. `at`: epoch ms, whole. */
export function isoInstant(at: number): string {
  const day = Math.floor(at / dayMs);
  if (day !== known.day) known = { day, text: new Date(day * dayMs).toISOString().slice(0, 11) };
  const ms = at - day * dayMs;
  const seconds = Math.floor(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const rest = String(ms % 1000).padStart(3, '0');
  return `${known.text}${two[Math.floor(minutes / 60)]}:${two[minutes % 60]}:${two[seconds % 60]}.${rest}Z`;
}

/**
 * Epoch ms of an instant as RFC 3339 writes it, or of the beginning of a day `YYYY-MM-DD` in UTC. Undefined for anything else: `Date.parse` alone would make a time
 * of 1, or of 11/27.
 */
export function instantOf(text: string): number | undefined {
  const day = rfc3339.exec(text)?.[1] ?? text;
  return isDate(day) ? Date.parse(text) : undefined;
}
