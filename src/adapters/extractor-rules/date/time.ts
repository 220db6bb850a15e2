import type { FoldedText, Span } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { isFreeStanding } from '../text/free-standing.ts';
import { addDays, isoDate, type LocalNow } from './calendar.ts';

type Clock = { hour: number; minute: number };

const HOUR_WORDS: Record<string, number> = Object.fromEntries(
  [
    'one two three four five six seven eight nine ten eleven twelve',
    'eins zwei drei vier funf sechs sieben acht neun zehn elf zwolf',
    'une deux trois quatre cinq six sept huit neuf dix onze douze',
    'una dos tres cuatro cinco seis siete ocho nueve diez once doce',
    'een twee drie vier vijf zes zeven acht negen tien elf twaalf',
  ].flatMap((row) => row.split(' ').map((word, index) => [word, index + 1])),
);
const MINUTE_WORDS: Record<string, number> = {
  ...HOUR_WORDS,
  twenty: 20,
  'twenty-five': 25,
  'twenty five': 25,
  zwanzig: 20,
  vingt: 20,
  'vingt-cinq': 25,
  veinte: 20,
  veinticinco: 25,
  half: 30,
  quarter: 15,
  'a quarter': 15,
  viertel: 15,
  quart: 15,
  'le quart': 15,
  'et quart': 15,
  'et demie': 30,
  'et demi': 30,
  media: 30,
  cuarto: 15,
  kwart: 15,
};
const HOUR = `(?:\\d{1,2}|${Object.keys(HOUR_WORDS)
  .sort((a, b) => b.length - a.length)
  .join('|')})`;
// "8 am Freitag" and "8 am 3." are German for "8 on".
const MERIDIEM =
  '(?:a\\.? ?m\\b\\.?(?! (?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|abend|nachmittag|morgen|\\d))|p\\.? ?m\\b\\.?)';
const PART =
  "(?:in the (?:morning|afternoon|evening)|at night|morgens|fruh|vormittags|mittags|nachmittags|abends|nachts|du matin|du soir|de l'apres-midi|de la (?:manana|tarde|noche))";
const START = '(?<![\\p{L}\\p{N}_]|[\\d][.,:/-])';
const END = '(?![\\p{L}\\p{N}_]|[.,:/][\\d])';
const OCLOCK = `(?:o'?clock|uhr|uur|heures?|horas)`;
/** Words before a bare hour. Only an hour that counts no following word is taken: "at 7", not "at 7 people". */
const CUE =
  '(?<=(?:^|[^\\p{L}])(?:at|@|after|before|by|around|about|until|till|til|arriving|time is|slot at|gegen|ab|um|nach|vor|a las?|sobre las?|desde las?|vers|alle|om|rond|vanaf|as) (?:about |around |like |ca\\.? |circa )?)';

const rule = (pattern: string) => new RegExp(START + pattern, 'gu');

const CLOCK = rule(
  `(\\d{1,2})(?::(\\d{2})(?::\\d{2})?|[.h](\\d{2}))(?: ?(${MERIDIEM}|uhr\\b|hrs?\\b|h\\b|ish\\b|uur\\b))?(?: ?(${PART}))?${END}`,
);
const MILITARY = rule(`([01]\\d|2[0-3])([0-5]\\d) ?(${MERIDIEM}|hrs?\\b|hours\\b|uhr\\b)${END}`);
const MARKED = rule(
  `(${HOUR})(?:-| )?(${MERIDIEM}|${OCLOCK}|ish\\b|hrs?\\b|h\\b)(?: (\\d{2})\\b)?(?: (et demie?|et quart|moins le quart|moins (?:cinq|dix|vingt)))?(?: ?(${PART}))?${END}`,
);
const PAST_TO = rule(
  `((?:a )?quarter|half(?: an hour)?|twenty[- ]five|twenty|ten|five|\\d{1,2}(?= min)|(?:one|two|three|four|six|seven|eight|nine|eleven)(?= (?:minutes? )?(?:past|after)))(?:-| )(?:minutes?? |mins? )?(past|after|to|before|till|of) (${HOUR})(?: ?(${MERIDIEM}|o'?clock))?(?: ?(${PART}))?${END}`,
);
const GERMAN_HALF = rule(`(halb|half|dreiviertel) (${HOUR})(?: (?:uhr|uur))?(?: ?(${PART}))?${END}`);
const GERMAN_PAST = rule(
  `(viertel|kwart|funf|zehn|zwanzig|5|10|20)(?: minuten)? (nach|vor|uber|over|voor) (${HOUR})(?: (?:uhr|uur))?(?: ?(${PART}))?${END}`,
);
const SPANISH = new RegExp(
  `(?<=(?:^|[^\\p{L}])las? )(${HOUR})(?: (y|menos) (media|cuarto|cinco|diez|veinte|veinticinco|\\d{1,2}))?(?: en punto)?(?: (de la (?:manana|tarde|noche)))?${END}`,
  'gu',
);
const NAMED = rule(
  `(noon|midday|midnight|mitternacht|(?<!apres[- ])midi|minuit|mediodia|medianoche|mezzogiorno|mezzanotte|middernacht|meio-dia)( et demie?| y media)?${END}`,
);
const IN_PART = rule(
  `(${HOUR})(?:ish)? (in the (?:morning|afternoon|evening)|at night|abends|morgens|nachmittags)${END}`,
);
const CUED = new RegExp(`${CUE}(${HOUR})(?:ish)?(?: (${PART}))?${END}`, 'gu');
const DELAY_WORDS: Record<string, number> = {
  ...HOUR_WORDS,
  fifteen: 15,
  twenty: 20,
  thirty: 30,
  forty: 40,
  'forty-five': 45,
  zwanzig: 20,
  dreissig: 30,
  trente: 30,
  treinta: 30,
};
const AMOUNT = `(?:\\d{1,3}|${Object.keys(DELAY_WORDS)
  .sort((a, b) => b.length - a.length)
  .join('|')})`;
const DELAY = rule(
  `(?:in (?:about |around |etwa |ca\\.? )?(an?|half an|einer|einer halben|una?|${AMOUNT}) ?(hours?|hrs?|minutes?|mins?|stunden?|minuten?)|` +
    `(${AMOUNT}|an) (hours?|minutes?) from now|` +
    `(?:dans|d'ici) (?:environ )?(une demi-|${AMOUNT}) ?(heures?|minutes?)|` +
    `(?:dentro de|en) (media|${AMOUNT}) ?(horas?|minutos?)|` +
    `over (?:een |ongeveer )?(half|${AMOUNT}) ?(uur|minuten)|` +
    `fra (un'|mezz'|due|tre|\\d{1,3}) ?(or[ae]|minut[io]))${END}`,
);
const SHIFT = /(?:^|[^\p{L}\p{N}])(an hour|half an hour|(\d{1,3}) ?(minutes?|mins?|hours?)) (before|after) $/u;

const MIDDAY = /noon|midday|midi|mediodia|mezzogiorno|meio-dia/;
const LATE = /afternoon|evening|night|tonight|abend|nachmittag|soir|apres-midi|tarde|noche|vanavond|stasera/;
const DURATION_BEFORE =
  /(?:for|pendant|durante|wahrend|dauert|lasts?|took|takes|within|en|fur|every|alle|toutes les|par) (?:about |etwa )?$/;

const number = (word: string | undefined, table: Record<string, number> = HOUR_WORDS) =>
  word === undefined ? undefined : /^\d/.test(word) ? Number(word) : table[word];

/** `07:30` → `19:30` when marked pm or the words around say afternoon, evening or night; undefined for 25:00 and 13 am. */
function adjusted(
  hour: number | undefined,
  minute: number,
  mark: string | undefined,
  around: string,
): Clock | undefined {
  if (hour === undefined || hour > 24 || minute > 59 || (hour === 24 && minute > 0)) return undefined;
  const meridiem = mark?.replace(/[. ]/g, '');
  if (meridiem === 'am') return hour > 12 ? undefined : { hour: hour % 12, minute };
  if (meridiem === 'pm') return { hour: hour < 12 ? hour + 12 : hour === 24 ? 0 : hour, minute };
  if (hour >= 1 && hour < 12 && LATE.test(around)) return { hour: hour + 12, minute };
  if (hour === 12 && /at night|nachts/.test(around)) return { hour: 0, minute };
  return { hour: hour % 24, minute };
}

/** "a quarter to eight": `minutes` after the hour when positive, before it when negative. */
function offset(
  hour: number | undefined,
  minutes: number | undefined,
  mark: string | undefined,
  around: string,
): Clock | undefined {
  if (minutes === undefined || minutes > 59 || minutes < -59) return undefined;
  const base = adjusted(hour, 0, mark, around);
  if (!base || (hour !== undefined && hour > 24)) return undefined;
  const total = (base.hour * 60 + minutes + 1440) % 1440;
  return { hour: Math.floor(total / 60), minute: total % 60 };
}

type Reader = { pattern: RegExp; read(match: RegExpExecArray, around: string, text: string): Clock | undefined };

const READERS: Reader[] = [
  {
    pattern: PAST_TO,
    read: ([, minutes, direction, hour, mark], around) => {
      const value = number(minutes === 'half an hour' ? 'half' : minutes, MINUTE_WORDS);
      const sign = direction === 'past' || direction === 'after' ? 1 : -1;
      return value === undefined ? undefined : offset(number(hour), sign * value, mark, around);
    },
  },
  {
    pattern: GERMAN_HALF,
    read: ([, kind, hour], around) => {
      // "half eight" is 8:30 in English and half an hour earlier in German and Dutch.
      const digits = hour === undefined || /^\d/.test(hour);
      const english =
        kind === 'half' && !digits && /^(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)$/.test(hour);
      if (kind === 'half' && digits) return undefined;
      return offset(number(hour), english ? 30 : kind === 'dreiviertel' ? -15 : -30, undefined, around);
    },
  },
  {
    pattern: GERMAN_PAST,
    read: ([, minutes, direction, hour], around) => {
      const value = number(minutes, MINUTE_WORDS);
      return value === undefined
        ? undefined
        : offset(number(hour), direction?.startsWith('vo') ? -value : value, undefined, around);
    },
  },
  {
    pattern: CLOCK,
    read: (match, around, text) => {
      const [source, hour, colon, other, mark] = match;
      const dotted = colon === undefined && source.includes('.');
      // "6.15" is a time with a mark behind it or a word before it, or as the whole answer; otherwise it is a number.
      if (dotted && mark === undefined && !isDottedTime(match, text)) return undefined;
      return adjusted(Number(hour), Number(colon ?? other), mark, around);
    },
  },
  { pattern: MILITARY, read: ([, hour, minute, mark], around) => adjusted(Number(hour), Number(minute), mark, around) },
  {
    pattern: MARKED,
    read: (match, around, text) => {
      const [, hour, mark, minute, more] = match;
      const value = number(hour);
      if (value === undefined || value > 24) return undefined;
      const duration = /^(?:h|hrs?|heures?|horas)$/.test(mark ?? '') && !isHourMark(match, value, text);
      if (duration) return undefined;
      if (more?.startsWith('moins'))
        return offset(value, -(number(more.replace(/^moins /, ''), MINUTE_WORDS) ?? 0), mark, around);
      return adjusted(value, minute !== undefined ? Number(minute) : (number(more, MINUTE_WORDS) ?? 0), mark, around);
    },
  },
  {
    pattern: SPANISH,
    read: ([source, hour, sign, minutes], around, text) => {
      const value = number(hour);
      if (value === undefined || !isSpanishHour(text, source)) return undefined;
      return offset(value, (sign === 'menos' ? -1 : 1) * (number(minutes, MINUTE_WORDS) ?? 0), undefined, around);
    },
  },
  {
    pattern: NAMED,
    read: ([, name, half]) => ({ hour: MIDDAY.test(name ?? '') ? 12 : 0, minute: half ? 30 : 0 }),
  },
  { pattern: IN_PART, read: ([, hour, part], around) => adjusted(number(hour), 0, undefined, `${around} ${part}`) },
  {
    pattern: CUED,
    read: (match, around, text) => {
      const value = number(match[1]);
      if (value === undefined || value > 24 || !isFreeStanding(text, match.index + match[0].length)) return undefined;
      return adjusted(value, 0, undefined, around);
    },
  },
];

function isDottedTime(match: RegExpExecArray, text: string): boolean {
  if (Number(match[1]) > 24 || Number(match[3]) > 59) return false;
  if (text.trim().replace(/\.$/, '') === match[0]) return true;
  const end = match.index + match[0].length;
  const cued = /(?:^|[^\p{L}])(?:at|@|um|gegen|ab|after|before|until|till) $/u.test(
    text.slice(Math.max(0, match.index - 8), match.index),
  );
  return cued && isFreeStanding(text, end);
}

/** Whether "19h" or "3 heures" names an hour of the day rather than a duration. */
function isHourMark(match: RegExpExecArray, hour: number, text: string): boolean {
  const lead = text.slice(Math.max(0, match.index - 14), match.index);
  if (DURATION_BEFORE.test(lead)) return false;
  if (/(?:^|[^\p{L}])(?:a|at|vers|des|avant|apres|jusqu'a|las?|um|gegen|ab|de|a partir de|entre|as) $/u.test(lead))
    return true;
  return match[0] === text.trim().replace(/\.$/, '') || (hour > 12 && hour < 24);
}

/** "las 7" is an hour in Spanish; "las siete maravillas" counts what follows. */
function isSpanishHour(text: string, source: string): boolean {
  const at = text.indexOf(source);
  return / (?:y|menos|de la|en punto)/.test(source) || isFreeStanding(text, at + source.length);
}

const pad = (value: number) => String(value).padStart(2, '0');

/** Times of day as `HH:MM`. "7" becomes 19:00 only when the words around say so; what they do not say is not guessed. */
export function findTimes(folded: FoldedText): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  for (const { pattern, read } of READERS) {
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      const around = `${text.slice(Math.max(0, match.index - 18), match.index).replace(/^\S*/, '')}|${match[0]}|${text.slice(end, end + 18).split(/[.\n]/)[0]}`;
      const clock = read(match, around, text);
      if (!clock) continue;
      const shift = SHIFT.exec(text.slice(Math.max(0, match.index - 26), match.index));
      const start = shift ? match.index - shift[0].replace(/^[^\p{L}\p{N}]/u, '').length : match.index;
      const minutes = shift ? shiftMinutes(shift) : 0;
      const total = (clock.hour * 60 + clock.minute + minutes + 1440) % 1440;
      found.push({ ...folded.toOriginal(start, end), value: `${pad(Math.floor(total / 60))}:${pad(total % 60)}` });
    }
  }
  return found;
}

function shiftMinutes([, phrase, amount, unit, direction]: RegExpExecArray): number {
  const minutes =
    phrase === 'an hour' ? 60 : phrase === 'half an hour' ? 30 : Number(amount) * (unit?.startsWith('h') ? 60 : 1);
  return direction === 'before' ? -(minutes % 1440) : minutes % 1440;
}

export type Delay = Span & { time: string; date: string };

/** "in an hour", "in 30 Minuten": the wall clock then, and the day it falls on. */
export function findDelays(folded: FoldedText, now: LocalNow): Delay[] {
  return [...folded.text.matchAll(DELAY)].map((match) => {
    const source = match[0];
    const [amount = '', unit = ''] = match.slice(1).filter(Boolean);
    const half = /half|halb|demi|media|mezz/.test(amount);
    const count = /^\d/.test(amount)
      ? Number(amount)
      : (DELAY_WORDS[amount] ?? (amount === 'tre' ? 3 : amount === 'due' ? 2 : 1));
    const minutes = half ? 30 : count * (/^m/.test(unit) ? 1 : 60);
    const total = now.hour * 60 + now.minute + minutes;
    return {
      ...folded.toOriginal(match.index, match.index + source.length),
      time: `${pad(Math.floor((total % 1440) / 60))}:${pad(total % 60)}`,
      date: isoDate(addDays(now, Math.floor(total / 1440))),
    };
  });
}

/** An answer that is only an hour, "7" or "2030" or "um 5 please": a time when the form asks for nothing else such a number could be. */
export function findBareHour(folded: FoldedText): Found | undefined {
  const match =
    /^[^\p{L}\p{N}]{0,3}(?:(?:u+h*m+|ok|yes|ja|oui|si|for|at|um|fur|pour)[ ,.]{1,3}){0,2}(?:(\d{1,2})|([01]\d|2[0-3])([0-5]\d)|([a-z]{3,6}))(?= ?(?:please|pls|bitte|thanks|danke|svp|por favor)?[ .!?]{0,3}$)/u.exec(
      folded.text.slice(0, 60),
    );
  if (!match || folded.text.length > 60) return undefined;
  const [source, short, hours, minutes, word] = match;
  const hour = hours !== undefined ? Number(hours) : number(short ?? word);
  if (hour === undefined || hour > 24) return undefined;
  const length = (short ?? word ?? `${hours}${minutes}`).length;
  const end = match.index + source.length;
  return { ...folded.toOriginal(end - length, end), value: `${pad(hour % 24)}:${minutes ?? '00'}` };
}
