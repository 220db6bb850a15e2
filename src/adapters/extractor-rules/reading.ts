import type { ExtractionContext, FieldType } from '#ports/field-extractor.ts';
import { findEmails } from './contact/email.ts';
import { findIbans } from './contact/iban.ts';
import { findPhones } from './contact/phone.ts';
import { findUrls } from './contact/url.ts';
import { createWallClock, type LocalNow } from './date/calendar.ts';
import { createWrittenDates, type WrittenDates } from './date/chrono.ts';
import { findDelays } from './date/delay.ts';
import { findNumericDates } from './date/numeric.ts';
import { findDaysOfMonth, findRelativeDays } from './date/ordinal.ts';
import { isPast } from './date/tense.ts';
import { findBareHour, findTimes } from './date/time.ts';
import { findDigits, type NumberToken } from './number/digits.ts';
import { findMoney } from './number/money.ts';
import { withoutRanges } from './number/range.ts';
import { findCodes, findReferences } from './number/reference.ts';
import { findNumberWords } from './number/words.ts';
import { type FoldedText, foldText } from './text/folded-text.ts';
import { type Claims, claimAll, createClaims, type Found } from './text/found.ts';

/** Everything the rules see in one text. No two values overlap, but for the two halves of a range and a delay that is both day and time. */
export type Reading = {
  folded: FoldedText;
  emails: Found[];
  ibans: Found[];
  urls: Found[];
  phones: Found[];
  money: Found[];
  dates: Found[];
  times: Found[];
  /** What is left when all others have taken theirs; folded offsets. */
  numbers: NumberToken[];
};

export type ReadingOptions = {
  wanted: Set<FieldType>;
  language: string | undefined;
  /** Whether an answer that is only an hour can be a time: not when it could as well be a number that is asked for. */
  bareHour: 'any' | 'clock' | 'no';
};

export type Reader = (text: string, context: ExtractionContext, options: ReadingOptions) => Reading;

/**
 * Reads a text once, the surest kinds first: each takes its place in the text, so that the digits of a date are no quantity and those of an
 * account no phone number. The order is the rule: addresses, amounts, order numbers, dates in digits, times, phones, dates in words, codes, numbers.
 */
export function createReader(): Reader {
  const wallClock = createWallClock();
  const writtenDates = createWrittenDates();
  return (text, context, options) =>
    readText(text, context, wallClock(context.now, context.timeZone), writtenDates, options);
}

function readText(
  text: string,
  context: ExtractionContext,
  wall: LocalNow,
  writtenDates: WrittenDates,
  options: ReadingOptions,
): Reading {
  const folded = foldText(text);
  const claims = createClaims(text);
  const reading: Reading = {
    folded,
    emails: [],
    urls: [],
    ibans: [],
    phones: [],
    money: [],
    dates: [],
    times: [],
    numbers: [],
  };
  reading.emails = claimAll(findEmails(text), claims);
  reading.urls = claimAll(findUrls(text), claims);
  const wants = (...types: FieldType[]) => types.some((type) => options.wanted.has(type));
  if (wants('iban', 'phone', 'money', 'date', 'time', 'number')) reading.ibans = claimAll(findIbans(text), claims);
  if (!wants('phone', 'money', 'date', 'time', 'number')) return reading;

  const { language } = options;
  const { region } = context;
  const tokens = [...findDigits(folded, language), ...findNumberWords(folded, language)].sort(
    (a, b) => a.start - b.start,
  );
  reading.money = claimAll(findMoney(folded, tokens, region, language), claims);
  claimAll(findReferences(folded), claims);
  reading.dates = claimAll(findNumericDates(folded, wall, language, region), claims);
  readTimes(reading, claims, wall, options);
  reading.phones = claimAll(findPhones(claims.blanked(), region), claims);
  if (wants('date', 'number')) {
    readDates(reading, claims, wall, language, (blanked) => writtenDates(blanked, wall, context.now, language));
  }
  claimAll(findCodes(folded), claims);
  const free = tokens.filter((token) => claims.isFree(folded.toOriginal(token.start, token.end)));
  reading.numbers = withoutRanges(free, folded.text);
  return reading;
}

function readTimes(reading: Reading, claims: Claims, now: LocalNow, options: ReadingOptions): void {
  const { bareHour, language } = options;
  const delays = claimAll(findDelays(reading.folded, now, language), claims);
  const bare = bareHour === 'no' ? undefined : findBareHour(reading.folded, language);
  const bareTimes = bare && (bareHour === 'any' || bare.end - bare.start === 4) ? claimAll([bare], claims) : [];
  const times = claimAll(findTimes(reading.folded, language), claims);
  const delayed = delays.map(({ start, end, time }) => ({ start, end, value: time }));
  reading.times = [...bareTimes, ...times, ...delayed].sort((a, b) => a.start - b.start);
  reading.dates.push(...delays.map(({ start, end, date }) => ({ start, end, value: date })));
}

function readDates(
  reading: Reading,
  claims: Claims,
  now: LocalNow,
  language: string | undefined,
  writtenDates: (blanked: string) => Found[],
): void {
  const { folded } = reading;
  const relative = claimAll(findRelativeDays(folded, now, language), claims);
  const written = writtenDates(claims.blanked());
  const kept = claimAll(
    written.filter((date) => !date.rangeEnd),
    claims,
  );
  // The end of a range shares the span of its beginning, so it cannot claim it again.
  const starts = new Set(kept.map((date) => date.start));
  const ends = written.filter((date) => date.rangeEnd && starts.has(date.start));
  const days = claimAll(findDaysOfMonth(folded, now, language), claims);
  reading.dates = [...reading.dates, ...relative, ...kept, ...ends, ...days]
    .map((date) => backwards(date, folded))
    .sort((a, b) => a.start - b.start);
}

/** "I ordered on Monday" means the last one. */
function backwards(date: Found, { text, toFolded }: FoldedText): Found {
  if (date.past === undefined || !isPast(text, toFolded(date.start), toFolded(date.end))) return date;
  return { ...date, value: date.past };
}
