import type { FoldedText, Span } from '../text/folded-text.ts';
import { byTongue } from '../text/word-lists.ts';
import { addDays, isoDate, type LocalNow } from './calendar.ts';
import { amountsFor, countOf, numeral } from './time-words.ts';

export type Delay = Span & { time: string; date: string };

const rulesFor = byTongue((tongue) => {
  const words = amountsFor(tongue);
  const amount = numeral(words, '\\d{1,3}');
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}_]|[\\d][.,:/-])(?:in (?:about |around |etwa |ca\\.? )?(an?|half an|einer|einer halben|una?|${amount}) ?(hours?|hrs?|minutes?|mins?|stunden?|minuten?)|` +
      `(${amount}|an) (hours?|minutes?) from now|` +
      `dans (?:environ )?(une demi-|${amount}) ?(heures?|minutes?)|` +
      `(?:dentro de|en) (media|${amount}) ?(horas?|minutos?)|` +
      `over (?:een |ongeveer )?(half|${amount}) ?(uur|minuten)|` +
      `fra (un'|mezz'|due|tre|\\d{1,3}) ?(or[ae]|minut[io]))(?![\\p{L}\\p{N}_]|[.,:/][\\d])`,
    'gu',
  );
  return { pattern, words };
});

/** Somebody comes, or wants a place, a call or a reminder then; without that "in 24 h" says how long a thing takes. */
const COMING =
  /(?<!\p{L})(?:com(?:e|ing)|arriv\p{L}*|be (?:there|here|with you)|get there|tables?|seat\p{L}*|book|reserve|reservation|available|availability|free|call|ring|home|pick|wake|remind|alert|alarm|timer|let (?:me|us) know|leave|leaving|start|komm(?:e|en|t)|da sein|sind (?:wir )?da|bin (?:ich )?da|tisch|platz|frei|reservier\p{L}*|anruf\p{L}*|ruf\p{L}*|viens|venons|venir|serons|reserver|rappel\p{L}*|libre|lleg\p{L}*|venimos|mesa|reservar|llam\p{L}*|tavolo|prenot\p{L}*|tafel|komen|bel)(?!\p{L})/u;
const DONE =
  /(?<!\p{L})(?:came|arrived|was|were|had|has|took|got|solved|booked|reserved|called|shipped|hatte|kam|war|wurde|habe|hat|gelost|a ete|avait|llego|fue|era|within)(?!\p{L})/u;

/** The sentence around a span, at most 60 units each way. */
function sentenceAround(text: string, start: number, end: number): string {
  const before = text
    .slice(Math.max(0, start - 60), start)
    .split(/[.!?;\n]/)
    .at(-1)!;
  return `${before} ${text.slice(end, end + 60).split(/[.!?;\n]/)[0]!}`;
}

function isMeant(text: string, start: number, end: number, source: string): boolean {
  if (source.endsWith('from now')) return true;
  const around = sentenceAround(text, start, end);
  if (DONE.test(around)) return false;
  const short = text.slice(0, start).trim() === '' && around.trim().split(/\s+/).length <= 3;
  return short || COMING.test(around);
}

const pad = (value: number) => String(value).padStart(2, '0');

/** "we come in an hour", "Tisch in 30 Minuten": the wall clock then, and the day it falls on. Durations ("ships in 24 h") are none. */
export function findDelays({ text, toOriginal }: FoldedText, now: LocalNow, language: string | undefined): Delay[] {
  const { pattern, words } = rulesFor(language);
  return [...text.matchAll(pattern)].flatMap((match) => {
    const source = match[0];
    const end = match.index + source.length;
    if (!isMeant(text, match.index, end, source)) return [];
    const [amount = '', unit = ''] = match.slice(1).filter(Boolean);
    const half = /half|halb|demi|media|mezz/.test(amount);
    const count = countOf(amount, words) ?? (amount === 'tre' ? 3 : amount === 'due' ? 2 : 1);
    const minutes = half ? 30 : count * (unit.startsWith('m') ? 1 : 60);
    if (minutes >= 1440) return [];
    const total = now.hour * 60 + now.minute + minutes;
    return [
      {
        ...toOriginal(match.index, end),
        time: `${pad(Math.floor((total % 1440) / 60))}:${pad(total % 60)}`,
        date: isoDate(addDays(now, Math.floor(total / 1440))),
      },
    ];
  });
}
