const formatters = new Map<string, Intl.DateTimeFormat>();
/** Days are asked for at the rate of responses: the answer of the last minute is kept per zone (a day starts at a whole minute everywhere). */
const newest = new Map<string, { minute: number; day: string }>();

/** The calendar day `YYYY-MM-DD` of an instant (epoch ms) in an IANA time zone. Errors: RangeError for an unknown zone. */
export function dayIn(timeZone: string, at: number): string {
  const minute = Math.floor(at / 60_000);
  const known = newest.get(timeZone);
  if (known?.minute === minute) return known.day;
  let formatter = formatters.get(timeZone);
  if (!formatter) {
    // en-CA writes dates as YYYY-MM-DD.
    formatter = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
    formatters.set(timeZone, formatter);
  }
  const day = formatter.format(at);
  newest.set(timeZone, { minute, day });
  return day;
}

/** Whether a text is a day of the calendar, `YYYY-MM-DD`. */
export function isDate(text: string): boolean {
  const [, month, day] = /^\d{4}-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (month === undefined) return false;
  // Every month has 28 days; only the others need a calendar.
  if (day! >= '01' && day! <= '28') return month >= '01' && month <= '12';
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}
