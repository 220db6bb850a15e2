/** Strangers' texts, made ready for a message: nothing in them begins a line of a header, turns the writing around or is endless. */

/** Control characters, halves of characters, and what changes the direction of the text around it. Joiners stay: emoji and Persian need them. */
const unwanted = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const lineEnds = /\r\n?|[\u0085\u2028\u2029\v\f]/g;
const rightToLeft =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });
/** UTF-16 code units that a character may have, on the average of a text. A family of four emoji has 11. */
const unitsPerCharacter = 16;

/** One line of at most `max` characters as people count them, and of 16 times as many UTF-16 code units; for headers and tables. */
export function oneLine(text: string, max = 120): string {
  const line = text
    .replace(lineEnds, ' ')
    .replace(/[\n\t]/g, ' ')
    .replace(unwanted, '')
    .replace(/\s+/gu, ' ')
    .trim();
  return cut(line, max);
}

/**
 * Names that stand among each other, each one line of at most `max` characters: of those that are cut alike the end is shown too, and what is the same even then is
 * numbered, in characters beyond `max`.
 */
export function apart(names: readonly string[], max: number): string[] {
  const cutAlike = shared(names.map((name) => oneLine(name, max)));
  const shown = names.map((name) => (cutAlike.has(oneLine(name, max)) ? withEnd(name, max) : oneLine(name, max)));
  const same = shared(shown);
  const met = new Map<string, number>();
  return shown.map((name) => {
    const nth = (met.get(name) ?? 0) + 1;
    met.set(name, nth);
    return same.has(name) ? `${name} (${nth})` : name;
  });
}

/** What is there more than once. */
function shared(names: readonly string[]): Set<string> {
  return new Set(names.filter((name, nth) => names.indexOf(name) !== nth));
}

/** One line, the ellipsis in its middle. */
function withEnd(text: string, max: number): string {
  const all = [...characters.segment(oneLine(text, Number.POSITIVE_INFINITY))].map(({ segment }) => segment);
  if (all.length <= max) return all.join('');
  const end = Math.floor((max - 1) / 2);
  return `${all
    .slice(0, max - 1 - end)
    .join('')
    .trimEnd()}…${all.slice(-end).join('').trimStart()}`;
}

/** Several lines, `\n` between them: at most `max` characters as people count them, and `units` UTF-16 code units (by default 16 times as many). */
export function lines(text: string, max: number, units?: number): string {
  const clean = text.replace(lineEnds, '\n').replace(unwanted, (char) => (char === '\n' || char === '\t' ? char : ''));
  return cut(clean.replace(/\n{4,}/g, '\n\n\n').trim(), max, units);
}

/** A text from elsewhere within a line of ours: one that is written from right to left must not reorder what stands around it. */
export function isolated(text: string): string {
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text;
}

/**
 * Between characters as people count them, so that no emoji is torn apart; the ellipsis takes the place of the last one. What does not fit into `units` is left out
 * too: one letter carries as many accents as somebody likes, and is one character with all of them.
 */
function cut(text: string, max: number, units = max * unitsPerCharacter): string {
  // A character is one code unit at least: what is short enough in these is short enough.
  if (text.length <= Math.min(max, units)) return text;
  let count = 0;
  let last = 0;
  for (const { index, segment } of characters.segment(text)) {
    count += 1;
    if (count > max || index + segment.length > units) return `${text.slice(0, last).trimEnd()}…`;
    last = index;
  }
  return text;
}
