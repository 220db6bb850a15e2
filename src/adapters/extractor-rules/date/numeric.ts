import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { type Day, isDay, isoDate, yearlessDays } from './calendar.ts';

const WEEKDAY =
  '(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|' +
  'mo|di|mi|do|fr|sa|so|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miercoles|jueves|viernes|sabado|domingo|' +
  'lunedi|martedi|mercoledi|giovedi|venerdi|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag)[.,]{0,2} {1,2}(?:(?:den|dem|the|le|el) )?';
const BEFORE = `(?<![\\p{L}\\p{N}_#/:]|\\d[.,-])(${WEEKDAY})?`;
const AFTER = '(?![\\p{L}\\p{N}_]|[.,/:-]\\d)';

const YEAR_FIRST = new RegExp(`${BEFORE}(\\d{4})([-/.])(\\d{1,2})\\3(\\d{1,2})${AFTER}`, 'gu');
/** An instant as machines write it; the clock behind the T is left to the times. */
const ISO_INSTANT = /(?<![\p{L}\p{N}])(\d{4})-(\d{2})-(\d{2})(?=t\d{2}:\d{2})/gu;
const YEAR_LAST = new RegExp(`${BEFORE}(\\d{1,2})([./-])(\\d{1,2})\\3(\\d{4}|\\d{2})${AFTER}`, 'gu');
const GERMAN = new RegExp(`${BEFORE}(\\d{1,2})\\. ?(\\d{1,2})\\.(?: ?(\\d{4})(?!\\d))?(?!\\d|[.,:/-]\\d)`, 'gu');
const SLASHED = new RegExp(`${BEFORE}(\\d{1,2})/(\\d{1,2})${AFTER}`, 'gu');

/** Month first: English by default, as in the United States; day first where a region that writes so is known. */
const MONTH_FIRST_REGIONS = new Set(['US', 'PH', 'PR', 'GU', 'FM', 'MH', 'PW', 'AS', 'VI', 'CA']);

export function isMonthFirst(language: string | undefined, region: string | undefined): boolean {
  if (language !== undefined && language !== 'en') return false;
  return region === undefined || MONTH_FIRST_REGIONS.has(region.toUpperCase());
}

/** Two digits are this century up to 20 years ahead, else the last one. */
function fullYear(written: string, today: Day): number {
  if (written.length === 4) return Number(written);
  const year = Math.floor(today.year / 100) * 100 + Number(written);
  return year > today.year + 20 ? year - 100 : year;
}

/**
 * Dates in digits. `03/04` and `03/04/2026` are read by language and region, the other way round when only that is a date; a dot always means
 * day first; an order that neither language nor region tells is no date. A lone `3/4` is a date only with a weekday or a word such as "on" before it, since it may be a fraction or a score.
 */
export function findNumericDates(
  folded: FoldedText,
  today: Day,
  language: string | undefined,
  region: string | undefined,
): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  const monthFirst = isMonthFirst(language, region);
  const add = (match: RegExpExecArray, day: Day | undefined) => {
    // 05-06-1234 is no date anyone means.
    if (day && isDay(day) && day.year >= 1850 && day.year <= 2150)
      found.push({ ...folded.toOriginal(match.index, match.index + match[0].length), value: isoDate(day) });
  };
  const addYearless = (match: RegExpExecArray, month: number, day: number) => {
    const values = yearlessDays(month, day, today);
    if (values) found.push({ ...folded.toOriginal(match.index, match.index + match[0].length), ...values });
  };
  for (const match of text.matchAll(ISO_INSTANT))
    add(match, { year: Number(match[1]), month: Number(match[2]), day: Number(match[3]) });
  for (const match of text.matchAll(YEAR_FIRST))
    add(match, { year: Number(match[2]), month: Number(match[4]), day: Number(match[5]) });
  for (const match of text.matchAll(YEAR_LAST)) {
    const [first, second] = [Number(match[2]), Number(match[4])];
    const year = fullYear(match[5]!, today);
    if (match[3] !== '.' && isUntold(first, second, language, region)) continue;
    const swapped = match[3] !== '.' && monthFirst;
    const plain = { year, month: second, day: first };
    const american = { year, month: first, day: second };
    const [preferred, other] = swapped ? [american, plain] : [plain, american];
    // Two digits with dots and no sensible month are a version number; the other order is tried for slashes and dashes only.
    add(match, isDay(preferred) ? preferred : match[3] === '.' ? undefined : other);
  }
  for (const match of text.matchAll(GERMAN)) {
    if (match[4] !== undefined) add(match, { year: Number(match[4]), month: Number(match[3]), day: Number(match[2]) });
    else addYearless(match, Number(match[3]), Number(match[2]));
  }
  for (const match of text.matchAll(SLASHED)) {
    const whole = match[0].length === text.trim().length;
    const announced = match[1] !== undefined || isAnnounced(text, match.index) || whole;
    const [first, second] = [Number(match[2]), Number(match[3])];
    // Open round the clock; and an order of day and month that nothing tells.
    if (first === 24 && second === 7 && match[1] === undefined) continue;
    if (isUntold(first, second, language, region)) continue;
    if (
      !announced ||
      /^ ?(?:stars?|points?|would|sterne|etoiles|estrellas|of|cup|inch|hours?|minutes?|%)/.test(
        text.slice(match.index + match[0].length),
      )
    )
      continue;
    const [month, day] = monthFirst && first <= 12 ? [first, second] : second <= 12 ? [second, first] : [first, second];
    addYearless(match, month, day);
  }
  return found;
}

/** 4/5 where neither language nor region says which is the month. */
function isUntold(first: number, second: number, language: string | undefined, region: string | undefined): boolean {
  return language === undefined && region === undefined && first <= 12 && second <= 12 && first !== second;
}

function isAnnounced(text: string, start: number): boolean {
  return /(?:^|[^\p{L}])(?:on|by|until|till|from|before|after|(?:on|by|until|from|for) the|date:?|am|vom|bis|zum|ab|den|le|du|au|el|dia|del|hasta|il|op) ?$/u.test(
    text.slice(Math.max(0, start - 14), start),
  );
}
