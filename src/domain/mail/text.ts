/** Strangers' texts, made ready for a message: nothing in them begins a line of a header, turns the writing around or is endless. */

/** Control characters, halves of characters, and what changes the direction of the text around it. Joiners stay: emoji and Persian need them. */
const unwanted = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const lineEnds = /\r\n?|[\u0085\u2028\u2029\v\f]/g;
const rightToLeft =
  /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;
const characters = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** One line of at most `max` characters as people count them, for headers and tables. */
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

/** Several lines, `\n` between them. */
export function lines(text: string, max: number): string {
  const clean = text.replace(lineEnds, '\n').replace(unwanted, (char) => (char === '\n' || char === '\t' ? char : ''));
  return cut(clean.replace(/\n{4,}/g, '\n\n\n').trim(), max);
}

/** A text from elsewhere within a line of ours: one that is written from right to left must not reorder what stands around it. */
export function isolated(text: string): string {
  return rightToLeft.test(text) ? `\u2068${text}\u2069` : text;
}

/** Between characters as people count them, so that no emoji is torn apart. */
function cut(text: string, max: number): string {
  // A character is one code unit at least: what is short enough in these is short enough.
  if (text.length <= max) return text;
  let count = 0;
  for (const { index } of characters.segment(text)) {
    count += 1;
    if (count === max) return lastsTo(text, index, max);
  }
  return text;
}

/** The ellipsis takes the place of the last character, unless that was the end. */
function lastsTo(text: string, index: number, max: number): string {
  const rest = characters.segment(text.slice(index))[Symbol.iterator]();
  rest.next();
  return max > 0 && rest.next().done ? text : `${text.slice(0, index).trimEnd()}…`;
}
