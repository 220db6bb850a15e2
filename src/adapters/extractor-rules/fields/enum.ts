import { type FoldedText, fold } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';

/** Endings a value may have in the text: plural, case and gender in the languages at hand. Only for values of at least four letters. */
const ENDING = /^(?:s|es|e|en|er|em|n|x|a|as|os|aux)?(?![\p{L}\p{N}_])/u;
const EXACT = /^(?![\p{L}\p{N}_])/u;

/**
 * Where the values of an enum field stand, whole words, whatever their case and accents; the longest value wins a place ("dark blue" over "blue").
 * One `indexOf` walk per value: linear in text and values.
 */
export function findEnumValues({ text, toOriginal }: FoldedText, values: string[]): Found[] {
  const taken = new Set<number>();
  const found: Found[] = [];
  const sorted = values
    .map((value) => ({ value, folded: fold(value.trim()).replace(/[\s_-]+/g, ' ') }))
    .sort((a, b) => b.folded.length - a.folded.length);
  const plain = text.replace(/[-_\n]/g, ' ');
  for (const { value, folded } of sorted) {
    if (folded === '') continue;
    const ending = /\p{L}{4}$/u.test(folded) ? ENDING : EXACT;
    for (let at = plain.indexOf(folded); at !== -1; at = plain.indexOf(folded, at + folded.length)) {
      const before = text.charAt(at - 1);
      const rest = ending.exec(text.slice(at + folded.length, at + folded.length + 6));
      if (!rest || (/[\p{L}\p{N}_]/u.test(before) && /^[\p{L}\p{N}]/u.test(folded))) continue;
      const end = at + folded.length + rest[0].length;
      let free = true;
      for (let index = at; index < end && free; index += 1) free = !taken.has(index);
      if (!free) continue;
      for (let index = at; index < end; index += 1) taken.add(index);
      found.push({ ...toOriginal(at, end), value });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}
