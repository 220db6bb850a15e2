import { createRequire } from 'node:module';
import type { Chrono, ParsedComponents, ParsedResult } from 'chrono-node';
import { fold } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { addDays, type Day, isDay, isoDate, type LocalNow, yearlessDays } from './calendar.ts';
import { isChance } from './chance.ts';

const require = createRequire(import.meta.url);

const LOCALES = new Set([
  'ar',
  'de',
  'en',
  'es',
  'fi',
  'fr',
  'id',
  'it',
  'ja',
  'nl',
  'pt',
  'ru',
  'sv',
  'uk',
  'vi',
  'zh',
]);

/**
 * Loaded at the first text that needs it (require keeps it): about 14 MB for the core with one locale, 20 MB with all.
 * Without its clock parsers: times are read before, and chrono takes "from 3 to 5 May" for three o'clock otherwise.
 */
function load(locale: string): Chrono {
  const chrono = (require(`chrono-node/${locale}`) as { casual: Chrono }).casual.clone();
  chrono.parsers = chrono.parsers.filter((parser) => !/TimeExpression|CasualTime/.test(parser.constructor.name));
  return chrono;
}

/** Whole words of which one shows that a text of an unknown language can be read by the locale: no word of another language at hand. */
const NAMES: [string, RegExp][] = [
  [
    'en',
    /\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|days?|weeks?|fortnight|months?|years?|yesterday|weekend)\b/,
  ],
  [
    'de',
    /\b(?:januar|februar|marz|maerz|april|mai|juni|juli|august|september|oktober|november|dezember|(?:mon|diens|donners|frei|sams)tag|mittwoch|sonnabend|sonntag|tagen|wochen|monaten|jahren|gestern)\b/,
  ],
  [
    'fr',
    /\b(?:janvier|fevrier|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|jours|semaines?)\b/,
  ],
  [
    'es',
    /\b(?:enero|febrero|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|lunes|martes|miercoles|jueves|viernes|sabado|domingo|ayer)\b/,
  ],
  [
    'it',
    /\b(?:gennaio|febbraio|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre|lunedi|martedi|mercoledi|giovedi|venerdi|sabato|domenica|giorni|settimane|ieri)\b/,
  ],
  [
    'nl',
    /\b(?:januari|februari|maart|juni|juli|augustus|oktober|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|dagen|weken|maanden|gisteren)\b/,
  ],
  [
    'pt',
    /\b(?:janeiro|fevereiro|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro|(?:segunda|terca|quarta|quinta|sexta)-feira|sabado|domingo|ontem)\b/,
  ],
];
/** Further names that let a locale read texts known to be in its language. A locale without such a list (ja, ru, …) always reads them. */
const MORE_NAMES: Partial<Record<string, RegExp>> = {
  en: /(?!)/,
  de: /\b(?:tage?|woche|monat|jahr|ostern)\b/,
  fr: /\b(?:mars|jour|mois|hier|ans?)\b/,
  es: /\b(?:marzo|dias?|semanas?|mes|meses|anos?)\b/,
  it: /\b(?:marzo|giorno|settimana|mes[ei]|ann[oi])\b/,
  nl: /\b(?:mei|dag|week|maand|jaar)\b/,
  pt: /\b(?:abril|marco|dias?|semanas?|mes|meses|(?:segunda|terca|quarta|quinta|sexta))\b/,
};
/** English in a text taken for another language: names long enough to be no accident. */
const PLAIN_ENGLISH =
  /\b(?:(?:january|february|march|june|july|october|december|(?:mon|tues|wednes|thurs|fri|satur|sun)day|days (?:ago|from now)|yesterday)\b|(?:mon|tues?|wed|thu|fri|sat|sun),? (?:\d{1,2} [a-z]{3}|[a-z]{3,9} \d)|(?:jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec)[a-z]{0,6}\.? \d{1,2}(?:st|nd|rd|th|,))/;

/**
 * The locales to try until one finds a date. A text of a known language is read in that language ("hier" is yesterday in French only), and in
 * plain English; one of an unknown language in those whose own words it holds, English first.
 */
function localesFor(folded: string, language: string | undefined): string[] {
  const named = NAMES.filter(([, names]) => names.test(folded)).map(([locale]) => locale);
  if (language === undefined) return named;
  const listed = MORE_NAMES[language];
  const own = LOCALES.has(language) && (!listed || named.includes(language) || listed.test(folded)) ? [language] : [];
  return language !== 'en' && PLAIN_ENGLISH.test(folded) ? [...own, 'en'] : own;
}

/** Longest piece given to chrono at once: its patterns may take quadratic time on adversarial text, so the text is cut first. */
const CHUNK = 160;

const MONTH = '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\\p{L}{0,6}';
/**
 * Ends of sentences and lines; and, since chrono reads "3 May, 10 May" as May 10 and "3 May, 10 people" as a day of 2010, the comma behind a day
 * and month before another number, and the blank there before a number of people.
 */
const END_OF_PIECE = new RegExp(
  `[\\n!?;]|(?<=(?:(?<!\\p{L})\\d{1,2}(?:st|nd|rd|th|\\.)? (?:of )?${MONTH}|${MONTH}\\.? \\d{1,2}(?:st|nd|rd|th)?))` +
    '(?:,(?= ?\\d{1,2}(?!\\d))| (?=\\d{1,2} (?:people|persons?|guests?|adults?|pax|kids|of us|nights?)(?!\\p{L})))',
  'iu',
);

/** Cuts at line breaks and sentence marks, else at a blank, else anywhere. */
function chunks(text: string): { text: string; offset: number }[] {
  const pieces: { text: string; offset: number }[] = [];
  for (let offset = 0; offset < text.length; ) {
    let end = Math.min(offset + CHUNK, text.length);
    const piece = text.slice(offset, end);
    const stop = END_OF_PIECE.exec(piece);
    if (stop) end = offset + stop.index + 1;
    else if (end < text.length && piece.lastIndexOf(' ') > CHUNK / 2) end = offset + piece.lastIndexOf(' ') + 1;
    pieces.push({ text: text.slice(offset, end), offset });
    offset = end;
  }
  return pieces;
}

const dayOf = (components: ParsedComponents): Day => ({
  year: components.get('year') ?? 0,
  month: components.get('month') ?? 0,
  day: components.get('day') ?? 0,
});

/** Monday is 1, Sunday 7. */
const isoWeekday = ({ year, month, day }: Day) => new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7;

const MODIFIED =
  /next|last|ago|nachst|naechst|letzt|vergangen|vorig|prochain|derni|passe|proxim|pasad|prossim|scors|volgende|vorige|week|woche|semaine|semana/;

const NEXT_WEEK_BEFORE = /(?:nachste|naechste|kommende|next|volgende|来週)(?: woche| week)?(?: am| on|の)? ?$/;
/** "Saturday week", "Samstag in acht Tagen", "samedi en huit": a week later than the next one. */
const WEEK_LATER = /^ (?:week(?!\p{L}| ?end| ?night)|in (?:einer woche|acht tagen)|en huit(?! (?:jours|personnes)))/u;

/** A weekday by itself is the next one, today included; with "next" or "last" in it, what chrono makes of it. */
function weekdayValues(
  components: ParsedComponents,
  source: string,
  before: string,
  after: string,
  today: Day,
): Pick<Found, 'value' | 'past'> {
  const day = dayOf(components);
  const wanted = components.get('weekday') || 7;
  const ahead = addDays(today, (wanted - isoWeekday(today) + 7) % 7);
  const behind = addDays(ahead, -7);
  if (WEEK_LATER.test(fold(after))) return { value: isoDate(addDays(ahead, 7)) };
  if (/^ (?:pasado|passado|scorso)/.test(fold(after))) return { value: isoDate(behind) };
  if (NEXT_WEEK_BEFORE.test(fold(before)) && /woche|week|来週/.test(fold(before))) {
    return { value: isoDate(addDays(today, 7 - isoWeekday(today) + wanted)) };
  }
  if (MODIFIED.test(fold(source)) && isDay(day)) return { value: isoDate(day) };
  return { value: isoDate(ahead), past: isoDate(behind) };
}

function values(
  components: ParsedComponents,
  source: string,
  around: readonly [string, string],
  today: Day,
): Pick<Found, 'value' | 'past'> | undefined {
  const certainDay = components.isCertain('day');
  if (!certainDay && !components.isCertain('weekday')) return undefined;
  if (!certainDay) return weekdayValues(components, source, ...around, today);
  const day = dayOf(components);
  if (components.isCertain('month') && !components.isCertain('year')) return yearlessDays(day.month, day.day, today);
  return isDay(day) ? { value: isoDate(day) } : undefined;
}

/** Leading words and trailing marks that chrono takes along. */
function trimmed(result: ParsedResult): { index: number; source: string } {
  const lead =
    /^(?:(?:on|at|am|le|el|il|op|vom|zum|den|from|von|du|del)\s+|[\s,_]+)+/i.exec(result.text)?.[0].length ?? 0;
  const source = result.text.slice(lead).replace(/[\s,_)\]]+$/, '');
  return { index: result.index + lead, source };
}

export type WrittenDates = (text: string, now: LocalNow, instant: number, language: string | undefined) => Found[];

/**
 * Dates in words ("next Friday", "12. März", "in 3 days"), read by chrono-node in the zone of `now`. `text` is the original with everything
 * claimed blanked out. Words without a day ("next week", "in May") are not dates. Keeps the locales it has loaded.
 */
export function createWrittenDates(): WrittenDates {
  const locales = new Map<string, Chrono>();
  return (text, now, instant, language) => {
    for (const locale of localesFor(fold(text), language)) {
      const chrono = locales.get(locale) ?? load(locale);
      locales.set(locale, chrono);
      const found = chunks(text).flatMap((chunk) => readChunk(chrono, chunk, text, now, instant));
      if (found.length > 0) return found;
    }
    return [];
  };
}

function readChunk(
  chrono: Chrono,
  chunk: { text: string; offset: number },
  text: string,
  now: LocalNow,
  instant: number,
): Found[] {
  if (!/[\p{L}\p{N}]/u.test(chunk.text)) return [];
  return chrono.parse(chunk.text, { instant: new Date(instant), timezone: now.offsetMinutes }).flatMap((result) => {
    const { index, source } = trimmed(result);
    const start = chunk.offset + index;
    const span = { start, end: start + source.length };
    const around = [text.slice(Math.max(0, start - 60), start), text.slice(span.end, span.end + 20)] as const;
    if (source === '' || text.slice(span.start, span.end) !== source) return [];
    if (isChance(source, around, !result.start.isCertain('day'))) return [];
    const first = values(result.start, source, around, now);
    if (!first) return [];
    const last = result.end && values(result.end, source, around, now);
    const end = last && last.value !== first.value ? [{ ...span, ...last, rangeEnd: true }] : [];
    return [{ ...span, ...first }, ...end];
  });
}
