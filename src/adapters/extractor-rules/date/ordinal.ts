import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { isFreeStanding } from '../text/free-standing.ts';
import { alternation, byTongue, type Language, tongueOf, type WordLists } from '../text/word-lists.ts';
import { addDays, type Day, isDay, isoDate, monthlessDays } from './calendar.ts';

/** A day of the month by itself, announced as its language does. The number is the first group. `known`: only where the text is known to be in it. */
const DAYS_OF_MONTH: { language: Language; known?: true; pattern: RegExp }[] = [
  { language: 'en', pattern: /(?<![\p{L}\p{N}.,:/-])(\d{1,2})(?:st|nd|rd|th)(?![\p{L}\p{N}])/gu },
  // "I am 18." is an age.
  { language: 'de', known: true, pattern: /(?<=(?:^|[^\p{L}])(?:am|zum|den|dem|vom) )(\d{1,2})\.(?!\d| \d)/gu },
  { language: 'fr', pattern: /(?<=(?:^|[^\p{L}])le )(1er|\d{1,2})(?![\p{L}\p{N}]|[.,:/-]\d)/gu },
  { language: 'es', pattern: /(?<=(?:^|[^\p{L}])(?:el|el dia|del dia) )(\d{1,2})(?![\p{L}\p{N}]|[.,:/-]\d)/gu },
  { language: 'nl', known: true, pattern: /(?<=(?:^|[^\p{L}])de )(\d{1,2})e(?![\p{L}\p{N}])/gu },
];
const MONTH_BEHIND = /^ of (this|next) month(?![a-z])/;

/** Words that stand for a day and that chrono leaves out in the locale, or knows only in one, by days from today. */
const RELATIVE: [number, WordLists][] = [
  [
    0,
    {
      en: 'tonight, this (?:morning|afternoon|evening), (?:later )?today',
      de: 'heute(?: (?:morgen|mittag|nachmittag|abend|nacht|fruh))?',
      fr: "ce (?:soir|matin|midi), cet apres-midi, aujourd'hui",
      es: 'hoy, esta (?:noche|tarde|manana)',
      it: 'stasera, oggi',
      pt: 'hoje',
      nl: 'vandaag, vanavond',
    },
  ],
  [
    1,
    {
      en: 'tomorrow, tmrw, tmr, tomorow, tommorow, tommorrow',
      de: '(?<!(?:guten|schonen|am|jeden|diesen|heute|in|von|vom) )morgen(?! zusammen)(?!(?<=^morgen) ?[!\\u002c])',
      fr: 'demain',
      es: '(?<!(?:la|esta|por|de|las|buenas|una) )manana',
      it: 'domani',
      pt: 'amanha',
      nl: '(?<!(?:goede|goeden|in de) )morgen',
    },
  ],
  [
    2,
    {
      en: '(?:the )?day after tomorrow',
      de: 'ubermorgen, uebermorgen',
      fr: 'apres[- ]demain',
      es: 'pasado manana',
      it: 'dopodomani',
      pt: 'depois de amanha',
      nl: 'overmorgen',
    },
  ],
  [
    -2,
    {
      en: '(?:the )?day before yesterday',
      de: 'vorgestern',
      fr: 'avant-hier',
      es: 'anteayer',
      pt: 'anteontem',
      nl: 'eergisteren',
    },
  ],
];
const relativesFor = byTongue((tongue) =>
  [...RELATIVE]
    // "the day after tomorrow" before the tomorrow in it.
    .sort(([a], [b]) => Math.abs(b) - Math.abs(a))
    .map(([days, words]) => ({
      days,
      pattern: new RegExp(`(?<!\\p{L})${alternation(words, tongue)}(?!\\p{L})`, 'gu'),
    })),
);
const SMALL_TALK = /how(?:'s| is| are| r) (?:you|u|ya|everyone|things|it)(?: all| guys)?(?: doing| going)? $/;

/** "the 18th", "am 18.", "le 18", "el 18": the next such day, unless the number counts the word after it ("the 18th floor"). */
export function findDaysOfMonth(folded: FoldedText, today: Day, language: string | undefined): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  const tongue = tongueOf(language);
  const readable = DAYS_OF_MONTH.filter(
    ({ language: own, known }) => own === tongue || own === 'en' || (tongue === 'unknown' && !known),
  );
  for (const { pattern } of readable) {
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      const day = Number.parseInt(match[1]!, 10);
      const month = MONTH_BEHIND.exec(text.slice(end, end + 20))?.[1];
      if (month === undefined && !isFreeStanding(text, end)) continue;
      const span = folded.toOriginal(match.index, end);
      if (month === 'this' || month === 'next') {
        const shifted = month === 'next' ? (today.month % 12) + 1 : today.month;
        const named = { year: today.year + (month === 'next' && today.month === 12 ? 1 : 0), month: shifted, day };
        if (isDay(named)) found.push({ ...span, value: isoDate(named) });
        continue;
      }
      const values = monthlessDays(day, today);
      if (values) found.push({ ...span, ...values });
    }
  }
  return found;
}

/** Today, tonight, tomorrow and their neighbours, in the words of several languages. */
export function findRelativeDays(folded: FoldedText, today: Day, language: string | undefined): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  for (const { pattern, days } of relativesFor(language)) {
    for (const match of text.matchAll(pattern)) {
      if (SMALL_TALK.test(text.slice(Math.max(0, match.index - 32), match.index))) continue;
      found.push({
        ...folded.toOriginal(match.index, match.index + match[0].length),
        value: isoDate(addDays(today, days)),
      });
    }
  }
  return found;
}
