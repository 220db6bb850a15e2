import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { isFreeStanding } from '../text/free-standing.ts';
import { addDays, type Day, isDay, isoDate, monthlessDays } from './calendar.ts';

/** A day of the month by itself, announced as its language does. The number is the first group. */
const DAYS_OF_MONTH = [
  /(?<![\p{L}\p{N}.,:/-])(\d{1,2})(?:st|nd|rd|th)(?![\p{L}\p{N}])/gu,
  /(?<=(?:^|[^\p{L}])(?:am|zum|den|dem|vom) )(\d{1,2})\.(?!\d| \d)/gu,
  /(?<=(?:^|[^\p{L}])le )(1er|\d{1,2})(?![\p{L}\p{N}]|[.,:/-]\d)/gu,
  /(?<=(?:^|[^\p{L}])(?:el|el dia|del dia) )(\d{1,2})(?![\p{L}\p{N}]|[.,:/-]\d)/gu,
  /(?<=(?:^|[^\p{L}])de )(\d{1,2})e(?![\p{L}\p{N}])/gu,
];
const MONTH_BEHIND = /^ of (this|next) month(?![a-z])/;

/** Words that stand for a day and that chrono leaves out in the locale, or knows only in one: days from today. */
const RELATIVE: [RegExp, number][] = [
  [
    /(?<![\p{L}])(?:tonight|this (?:morning|afternoon|evening)|(?:later )?today|heute(?: (?:morgen|mittag|nachmittag|abend|nacht|fruh))?|ce (?:soir|matin|midi)|cet apres-midi|aujourd'hui|hoy|esta (?:noche|tarde|manana)|stasera|oggi|vandaag|vanavond|hoje)(?![\p{L}])/gu,
    0,
  ],
  [/(?<![\p{L}])(?:the )?day after tomorrow(?![\p{L}])/gu, 2],
  [/(?<![\p{L}])(?:the )?day before yesterday(?![\p{L}])/gu, -2],
  [
    /(?<![\p{L}])(?:ubermorgen|uebermorgen|apres[- ]demain|pasado manana|overmorgen|dopodomani|depois de amanha)(?![\p{L}])/gu,
    2,
  ],
  [/(?<![\p{L}])(?:vorgestern|avant-hier|anteayer|eergisteren|anteontem)(?![\p{L}])/gu, -2],
];
const NEXT_DAY =
  /(?<![\p{L}])(?:tomorrow|tmrw|tmr|tomorow|tommorow|tommorrow|demain|domani|amanha|(?<!(?:guten|am|jeden|diesen|heute|goede|goeden|in|von|vom) )morgen|(?<!(?:la|esta|por|de|las|buenas|una) )manana)(?![\p{L}])/gu;

/** "the 18th", "am 18.", "le 18", "el 18": the next such day, unless the number counts the word after it ("the 18th floor"). */
export function findDaysOfMonth(folded: FoldedText, today: Day): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  for (const pattern of DAYS_OF_MONTH) {
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
export function findRelativeDays(folded: FoldedText, today: Day): Found[] {
  const found: Found[] = [];
  for (const [pattern, days] of [...RELATIVE, [NEXT_DAY, 1] as [RegExp, number]]) {
    for (const match of folded.text.matchAll(pattern)) {
      found.push({
        ...folded.toOriginal(match.index, match.index + match[0].length),
        value: isoDate(addDays(today, days)),
      });
    }
  }
  return found;
}
