import { createRequire } from 'node:module';
import type { Chrono, ParsedComponents, ParsedResult } from 'chrono-node';
import { fold } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { isFreeStanding } from '../text/free-standing.ts';
import { addDays, type Day, isDay, isoDate, type LocalNow, yearlessDays } from './calendar.ts';

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

/** Names that show which locale can read a date; English last, since its abbreviations are the shortest. */
const NAMES: [string, RegExp][] = [
  [
    'de',
    /\b(?:januar|februar|marz|maerz|april|mai|juni|juli|august|september|oktober|november|dezember|(?:mon|diens|donners|frei|sams)tag|mittwoch|sonnabend|sonntag|tag|tage|tagen|woche|wochen|monat|monaten|jahr|jahren|gestern|ostern)\b/,
  ],
  [
    'fr',
    /\b(?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|jours?|semaines?|mois|hier)\b/,
  ],
  [
    'es',
    /\b(?:enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre|lunes|martes|miercoles|jueves|viernes|sabado|domingo|dias?|semanas?|mes|meses|ayer)\b/,
  ],
  [
    'it',
    /\b(?:gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre|lunedi|martedi|mercoledi|giovedi|venerdi|sabato|domenica|giorni|settiman[ae]|mes[ei]|ieri)\b/,
  ],
  [
    'nl',
    /\b(?:januari|februari|maart|mei|juni|juli|augustus|oktober|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|dagen|weken|maanden|gisteren)\b/,
  ],
  [
    'pt',
    /\b(?:janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro|segunda-feira|terca-feira|quarta-feira|quinta-feira|sexta-feira|sexta|sabado|domingo|dias|semanas|mes|meses|ontem)\b/,
  ],
  [
    'en',
    /\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|days?|weeks?|fortnight|months?|years?|yesterday|weekend)\b/,
  ],
];

/**
 * The locales to try until one finds a date: the language's own, then those whose month and weekday names occur, English first.
 * A locale without a list of names above (ja, ru, …) always runs when it is the language's own.
 */
function localesFor(folded: string, language: string | undefined): string[] {
  const own = language !== undefined && LOCALES.has(language) ? language : undefined;
  const named = NAMES.filter(([, names]) => names.test(folded)).map(([locale]) => locale);
  const ownRuns = own !== undefined && (named.includes(own) || !NAMES.some(([locale]) => locale === own));
  const others = named.includes('en') ? ['en', ...named] : named;
  return [...new Set([...(ownRuns ? [own] : []), ...others])].slice(0, 3);
}

/** Longest piece given to chrono at once: its patterns may take quadratic time on adversarial text, so the text is cut first. */
const CHUNK = 160;

/** Cuts at line breaks and sentence marks, else at a blank, else anywhere. */
function chunks(text: string): { text: string; offset: number }[] {
  const pieces: { text: string; offset: number }[] = [];
  for (let offset = 0; offset < text.length; ) {
    let end = Math.min(offset + CHUNK, text.length);
    const piece = text.slice(offset, end);
    const stop = /[\n!?;]/.exec(piece);
    if (stop) end = offset + stop.index + 1;
    else if (end < text.length && piece.lastIndexOf(' ') > CHUNK / 2) end = offset + piece.lastIndexOf(' ') + 1;
    pieces.push({ text: text.slice(offset, end), offset });
    offset = end;
  }
  return pieces;
}

/** Single words that are a weekday or month by chance more often than on purpose: "the sun", "may", "we sat". */
const SHORT_NAME =
  /^(?:sun|mon|tue|tues|wed|thu|thur|thurs|fri|sat|so|mo|di|mi|do|fr|sa|mar|mer|jeu|ven|sam|dim|lun|mie|jue|vie|sab|dom|gio|ma|wo|vr|za|zo|seg|ter|qua|qui|sex)\.?$/;
const ANNOUNCED = /\b(?:on|this|next|last|every|by|until|am|bis|le|el|il|op) $/;
const MAY_WITH_NUMBER = /^(?:may|march|mar|sun|sat)\b(?: the)? \d{1,2}$/;
const NUMBER_WITH_MAY = /^\d{1,2} (?:may|march|mar|sun|sat)$/;
/** A stretch of days is no day. */
const VAGUE =
  /^(?:(?:the|a|an|this|next|last|coming|following|nachste|naechste|nachsten|diese|dieser|letzte|kommende|in der|la|cette|esta|questa|proxima|prossima|volgende|deze|ein|eine|einem|un|une|una) )*(?:week|weekend|month|year|woche|monat|jahr|wochenende|semaine|mois|annee|weekend|semana|mes|ano|settimana|mese|anno|maand|jaar)(?: (?:prochaine?|derniere|proxima|prossima|que viene|pasada|after|before))?$/;
const NEXT_WEEK_BEFORE = /(?:nachste|naechste|kommende|next|volgende|来週)(?: woche| week)?(?: am| on|の)? ?$/;
const OTHER_WEEK_BEFORE =
  /(?:先週|再来週|先々週)の?$|(?:letzte|vorige|last|vorletzte|ubernachste)n? (?:woche|week) (?:am |on )?$/;
const COUNTED =
  /^ {0,2}(?:of us|people|persons?|guests?|adults?|kids|children|%|percent|euros?|dollars?|items?|pieces?|times?|minutes?|hours?|days?|weeks?)\b/;

function isChance(source: string, before: string, after: string): boolean {
  const folded = fold(source);
  if (/^(?:right |just )?(?:now|jetzt|maintenant|ahora|adesso|nu|agora)$/.test(folded)) return true;
  // "a minute", "in an hour": read elsewhere, or no day at all.
  if (
    /\b(?:minut|hour|stunde|heure|hora|second|sekund|moment|seconde|segundo)/.test(folded) &&
    !/\d{1,2}[./ -]|day|tag|jour|dia/.test(folded)
  )
    return true;
  if (SHORT_NAME.test(folded)) return !ANNOUNCED.test(fold(before)) || folded === source;
  if (/\b(?:few|couple|several|some|einigen?|paar|quelques|unos|unas|pocos|alcuni|paar|enkele)\b/.test(folded))
    return true;
  if (VAGUE.test(folded) || OTHER_WEEK_BEFORE.test(fold(before))) return true;
  if (MAY_WITH_NUMBER.test(folded)) {
    return (
      COUNTED.test(fold(after)) ||
      (/^[ms]/.test(source) && /\b(?:i|you|we|they|he|she|it|there|that|which|who) $/.test(fold(before)))
    );
  }
  if (NUMBER_WITH_MAY.test(folded)) return /^ (?:be|have|not)\b/.test(fold(after)) || !isFreeStanding(fold(after), 0);
  return false;
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
  const source = result.text.slice(lead).replace(/[\s,_]+$/, '');
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
    const around = [text.slice(Math.max(0, start - 20), start), text.slice(span.end, span.end + 20)] as const;
    if (source === '' || text.slice(span.start, span.end) !== source || isChance(source, ...around)) return [];
    const first = values(result.start, source, around, now);
    if (!first) return [];
    const last = result.end && values(result.end, source, around, now);
    const end = last && last.value !== first.value ? [{ ...span, ...last, rangeEnd: true }] : [];
    return [{ ...span, ...first }, ...end];
  });
}
