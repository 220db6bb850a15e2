import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { isFreeStanding } from '../text/free-standing.ts';
import { alternation, byTongue, type Tongue, type WordLists } from '../text/word-lists.ts';
import { type Clock, createHalves } from './half-of-day.ts';
import { adjoiningPart } from './part-of-day.ts';
import { countOf, hoursFor, minutesFor, numeral } from './time-words.ts';

// "8 am Freitag" and "8 am 3." are German for "8 on".
const MERIDIEM =
  '(?:a\\.? ?m\\b\\.?(?! (?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|abend|nachmittag|morgen|\\d))|p\\.? ?m\\b\\.?)';
const START = '(?<![\\p{L}\\p{N}_]|[\\d][.,:/-])';
const END = '(?![\\p{L}\\p{N}_]|[.,:/][\\d])';
const OCLOCK = "(?:o'? ?clock|uhr|uur|heures?|horas)";

const NAMED: WordLists = {
  en: 'noon, midday, midnight',
  de: 'mitternacht',
  fr: '~(?<!apres[- ])midi, minuit',
  es: 'mediodia, medianoche',
  it: 'mezzogiorno, mezzanotte',
  pt: 'meio-dia, meia-noite',
  nl: 'middernacht',
};
const MIDDAY = /noon|midday|midi|mediodia|mezzogiorno|meio-dia/;

/** Words before a bare hour. Only an hour that counts no following word is taken: "at 7", not "at 7 people". */
const CUES: WordLists = {
  en: 'at, @, after, before, by, around, about, until, ~till, til, arriving, time is, slot at',
  de: '~um, gegen, ab, nach, vor',
  fr: 'vers',
  es: 'a las?, sobre las?, desde las?',
  it: '~alle, ~verso le',
  pt: '~as',
  nl: '~om, ~rond, vanaf',
};

/** People are "about 8" as often as it is about eight. */
const COUNTING =
  /(?<!\p{L})(?:(?:we|they|there|that|it|people|us|guests)(?:'re| are| will be|'ll be| were| should be|'s)|party of|group of|wir (?:sind|waren|werden)|nous (?:sommes|serons)|somos|seremos)(?: (?:now|only|just|probably|maybe|going to be|jetzt|nun))*$/u;
/** "the museum is open from nine to five": a time that somebody keeps, and the ends of a range. */
const RANGE_BEFORE = /(?:^|[^\p{L}])(?:from|between|open|opens)(?: from)? $/u;

/** What says that hours are a duration: the words before a number of hours, and those behind. */
const DURATION_BEFORE =
  /(?:for|in|within|since|under|over|nearly|almost|than|up to|pendant|durante|wahrend|dauert|lasts?|took|takes|take|en|fur|seit|innerhalb|binnen|dans|depuis|desde hace|dentro de|every|each|all|alle|toutes les|cada|par|the (?:last|first|next)|additional|another) (?:about |etwa |ca\.? )?$/;
const DURATION_AFTER =
  /^[ -]?(?:ago|later|long|lang|wait|delay|late|early|earlier|before|after|drive|flight|de retard|d'attente|plus tard|de espera|spater|fruher)(?!\p{L})/u;

type Rules = { words: Map<string, number>; readers: Reader[] };
type Reader = { pattern: RegExp; read(match: RegExpExecArray, text: string): Said | undefined };
/** A clock as said, before anything tells which half of the day is meant. `bare` is an hour with nothing but a word such as "at" before it. */
type Said = Clock & { mark?: string; shift?: number; part?: string; bare?: boolean };

const rule = (pattern: string) => new RegExp(START + pattern, 'gu');

function clockReaders(hour: string, part: string, words: Map<string, number>, minutes: Map<string, number>): Reader[] {
  return [
    {
      pattern: rule(
        `(\\d{1,2})(?::(\\d{2})(?::\\d{2})?|[.h](\\d{2}))(?: ?(${MERIDIEM}|uhr\\b|hrs?\\b|h\\b|ish\\b|uur\\b))?(?: ?(${part}))?${END}`,
      ),
      read: (match, text) => {
        const [source, hours, colon, other, mark, behind] = match;
        const dotted = colon === undefined && source.includes('.');
        // "6.15" is a time with a mark behind it or a word before it, or as the whole answer; otherwise it is a number.
        if (dotted && mark === undefined && !isDottedTime(match, text)) return undefined;
        return { hour: Number(hours), minute: Number(colon ?? other), mark, part: behind };
      },
    },
    {
      pattern: rule(
        `(?:([01]\\d|2[0-3])([0-5]\\d) ?(${MERIDIEM}|hrs?\\b|hours\\b|uhr\\b)|(\\d)([0-5]\\d) ?(${MERIDIEM}))${END}`,
      ),
      read: ([, hours, minute, mark, hour, rest, meridiem]) => ({
        hour: Number(hours ?? hour),
        minute: Number(minute ?? rest),
        mark: mark ?? meridiem,
      }),
    },
    {
      pattern: rule(
        `(${hour})(?:-| )?(${MERIDIEM}|${OCLOCK}|ish\\b|hrs?\\b|h\\b)(?: (\\d{2})\\b)?(?: (et demie?|et quart|moins le quart|moins (?:cinq|dix|vingt)))?(?: ?(${part}))?${END}`,
      ),
      read: (match, text) => {
        const [, hours, mark = '', minute, more, behind] = match;
        const value = countOf(hours, words);
        if (value === undefined || value > 24) return undefined;
        if (/^(?:h|hrs?|uur|heures?|horas)$/.test(mark) && !isHourMark(match, value, mark, text)) return undefined;
        if (more?.startsWith('moins')) {
          return {
            hour: value,
            minute: 0,
            shift: -(countOf(more.replace(/^moins /, ''), minutes) ?? 0),
            mark,
            part: behind,
          };
        }
        return {
          hour: value,
          minute: minute !== undefined ? Number(minute) : (countOf(more, minutes) ?? 0),
          mark,
          part: behind,
        };
      },
    },
  ];
}

/** "quarter past eight", "halb acht", "las siete y media". */
function spokenReaders(hour: string, part: string, words: Map<string, number>, minutes: Map<string, number>): Reader[] {
  return [
    {
      pattern: rule(
        `((?:a )?quarter|half(?: an hour)?|twenty[- ]five|twenty|ten|five|\\d{1,2}(?= min)|(?:one|two|three|four|six|seven|eight|nine|eleven)(?= (?:minutes? )?(?:past|after)))(?:-| )(?:minutes?? |mins? )?(past|after|to|before|till|(?<=quarter )of) (${hour})(?: ?(${MERIDIEM}|o'?clock))?(?: ?(${part}))?${END}`,
      ),
      read: (match, text) => {
        const [source, amount = '', direction, hours, mark, behind] = match;
        // "ten to twelve people" and "from five to eight" are ranges.
        if (direction === 'to' && !/quarter|half|twenty|min/.test(source)) {
          if (!isFreeStanding(text, match.index + source.length)) return undefined;
          if (RANGE_BEFORE.test(text.slice(Math.max(0, match.index - 14), match.index))) return undefined;
        }
        const value = countOf(amount, minutes);
        const base = countOf(hours, words);
        if (value === undefined || base === undefined) return undefined;
        const sign = direction === 'past' || direction === 'after' ? 1 : -1;
        return { hour: base, minute: 0, shift: sign * value, mark, part: behind };
      },
    },
    {
      pattern: rule(`(halb|half|dreiviertel) (${hour})(?: (?:uhr|uur))?(?: ?(${part}))?${END}`),
      read: ([, kind, hours = '', behind]) => {
        // "half eight" is 8:30 in English and half an hour earlier in German and Dutch.
        const base = countOf(hours, words);
        const english = /^(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)$/.test(hours);
        if (base === undefined || (kind === 'half' && /^\d/.test(hours)) || (kind !== 'half' && english))
          return undefined;
        return { hour: base, minute: 0, shift: english ? 30 : kind === 'dreiviertel' ? -15 : -30, part: behind };
      },
    },
    {
      pattern: rule(
        `(viertel|kwart|funf|zehn|zwanzig|5|10|20)(?: minuten)? (nach|vor|uber|over|voor) (${hour})(?: (?:uhr|uur))?(?: ?(${part}))?${END}`,
      ),
      read: ([, amount, direction, hours, behind]) => {
        const value = countOf(amount, new Map([...minutes, ['funf', 5], ['zehn', 10]]));
        const base = countOf(hours, words);
        if (value === undefined || base === undefined) return undefined;
        return { hour: base, minute: 0, shift: direction?.startsWith('vo') ? -value : value, part: behind };
      },
    },
  ];
}

/** "las 7" is an hour in Spanish; "las siete maravillas" counts what follows. In a text that may be French, "la 7" is none. */
function spanishReader(tongue: Tongue, hour: string, words: Map<string, number>, minutes: Map<string, number>): Reader {
  const article = tongue === 'es' ? 'las?' : 'las';
  return {
    pattern: new RegExp(
      `(?<=(?:^|[^\\p{L}])${article} )(${hour})(?: (y|menos) (media|cuarto|cinco|diez|veinte|veinticinco|\\d{1,2}))?(?: en punto)?(?: (de la (?:manana|tarde|noche)))?${END}`,
      'gu',
    ),
    read: (match, text) => {
      const [source, hours, sign, amount, behind] = match;
      const value = countOf(hours, words);
      const said = / (?:y|menos|de la|en punto)/.test(source) || isFreeStanding(text, match.index + source.length);
      if (value === undefined || !said) return undefined;
      const bare = hours === source;
      return {
        hour: value,
        minute: 0,
        shift: (sign === 'menos' ? -1 : 1) * (countOf(amount, new Map([...minutes, ['diez', 10], ['cinco', 5]])) ?? 0),
        part: behind,
        bare,
      };
    },
  };
}

function bareReaders(tongue: Tongue, hour: string, part: string, words: Map<string, number>): Reader[] {
  /** "around one or two" leaves it open. */
  const alternative = new RegExp(`^ ?(?:or|to|oder|bis|ou|-|/) ?${hour}(?![\\p{L}\\p{N}])`, 'u');
  const cue = `(?<=(?:^|[^\\p{L}])${alternation(CUES, tongue)} (?:about |around |like |ca\\.? |circa )?)`;
  return [
    {
      pattern: rule(`(${hour})(?:ish)? (${part})${END}`),
      read: ([, hours, behind]) => {
        const value = countOf(hours, words);
        return value === undefined ? undefined : { hour: value, minute: 0, part: behind };
      },
    },
    {
      pattern: new RegExp(`${cue}(${hour})(?:ish)?(?: (${part}))?${END}`, 'gu'),
      read: (match, text) => {
        const value = countOf(match[1], words);
        if (value === undefined || !isFreeStanding(text, match.index + match[0].length)) return undefined;
        if (alternative.test(text.slice(match.index + match[0].length, match.index + match[0].length + 24)))
          return undefined;
        // Without the cue itself: "we are around 8".
        const lead = text
          .slice(Math.max(0, match.index - 60), match.index)
          .replace(/\S+ $/, '')
          .trimEnd();
        if (COUNTING.test(lead)) return undefined;
        return { hour: value, minute: 0, part: match[2], bare: true };
      },
    },
  ];
}

const rulesFor = byTongue((tongue): Rules => {
  const words = hoursFor(tongue);
  const minutes = minutesFor(tongue);
  const hour = numeral(words, '\\d{1,2}');
  const part = adjoiningPart(tongue);
  const named: Reader = {
    pattern: rule(`(${alternation(NAMED, tongue)})( et demie?| y media)?${END}`),
    read: ([, name = '', half]) => ({ hour: MIDDAY.test(name) ? 12 : 0, minute: half ? 30 : 0, mark: 'named' }),
  };
  return {
    words,
    readers: [
      ...spokenReaders(hour, part, words, minutes),
      ...clockReaders(hour, part, words, minutes),
      spanishReader(tongue, hour, words, minutes),
      named,
      ...bareReaders(tongue, hour, part, words),
    ],
  };
});

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
function isHourMark(match: RegExpExecArray, hour: number, mark: string, text: string): boolean {
  const lead = text.slice(Math.max(0, match.index - 20), match.index);
  const end = match.index + match[0].length;
  if (DURATION_BEFORE.test(lead) || DURATION_AFTER.test(text.slice(end, end + 16))) return false;
  if (
    /(?:^|[^\p{L}])(?:a|at|vers|des|avant|apres|jusqu'a|las?|um|gegen|ab|de|a partir de|entre|as|om|rond|vanaf|tegen|tot) $/u.test(
      lead,
    )
  )
    return true;
  if (match[0] === text.trim().replace(/\.$/, '')) return true;
  // "20h" is an hour in French and the like; "24 hrs", "20 hrs" is how long it takes.
  return mark !== 'hrs' && mark !== 'uur' && hour > 12 && hour < 24;
}

const pad = (value: number) => String(value).padStart(2, '0');
const SHIFT = /(?:^|[^\p{L}\p{N}])(an hour|half an hour|(\d{1,3}) ?(minutes?|mins?|hours?)) (before|after) $/u;

function shiftMinutes([, phrase, amount, unit, direction]: RegExpExecArray): number {
  const minutes =
    phrase === 'an hour' ? 60 : phrase === 'half an hour' ? 30 : Number(amount) * (unit?.startsWith('h') ? 60 : 1);
  return direction === 'before' ? -(minutes % 1440) : minutes % 1440;
}

/**
 * Times of day as `HH:MM`. An hour from 1 to 12 belongs to the half of the day that the words around it say ("dinner at 7", "abends um 8");
 * where they say nothing it stays as written, and where they contradict it or each other it is left out.
 */
export function findTimes(folded: FoldedText, language: string | undefined): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  const halfOf = createHalves(text, language);
  for (const { pattern, read } of rulesFor(language).readers) {
    for (const match of text.matchAll(pattern)) {
      const end = match.index + match[0].length;
      const said = read(match, text);
      const clock = said && halfOf(said, match.index, end);
      if (!clock) continue;
      const shift = SHIFT.exec(text.slice(Math.max(0, match.index - 26), match.index));
      const start = shift ? match.index - shift[0].replace(/^[^\p{L}\p{N}]/u, '').length : match.index;
      const minutes = (shift ? shiftMinutes(shift) : 0) + (said.shift ?? 0);
      const total = (clock.hour * 60 + clock.minute + minutes + 2880) % 1440;
      const value = `${pad(Math.floor(total / 60))}:${pad(total % 60)}`;
      found.push({ ...folded.toOriginal(start, end), value, ...(said.bare ? { weak: true } : {}) });
    }
  }
  return found;
}

/** An answer that is only an hour, "7" or "2030" or "um 5 please": a time when the form asks for nothing else such a number could be. */
export function findBareHour(folded: FoldedText, language: string | undefined): Found | undefined {
  const match =
    /^[^\p{L}\p{N}]{0,3}(?:(?:u+h*m+|ok|yes|ja|oui|si|for|at|um|fur|pour)[ ,.]{1,3}){0,2}(?:(\d{1,2})|([01]\d|2[0-3])([0-5]\d)|([a-z]{3,6}))(?= ?(?:please|pls|bitte|thanks|danke|svp|por favor)?[ .!?]{0,3}$)/u.exec(
      folded.text.slice(0, 60),
    );
  if (!match || folded.text.length > 60) return undefined;
  const [source, short, hours, minutes, word] = match;
  const hour = hours !== undefined ? Number(hours) : countOf(short ?? word, rulesFor(language).words);
  if (hour === undefined || hour > 24) return undefined;
  const length = (short ?? word ?? `${hours}${minutes}`).length;
  const end = match.index + source.length;
  return { ...folded.toOriginal(end - length, end), value: `${pad(hour % 24)}:${minutes ?? '00'}` };
}
