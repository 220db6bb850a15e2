import type { NumberToken } from './digits.ts';

/** What stands between the ends of a range. */
const BETWEEN = /^(?: ?- ?| ?\/ ?| (?:to|or|bis|oder|a|ou|o|of|tot|ate) )$/;
const BETWEEN_AND = /^ (?:and|und|et|y|e|en) $/;
/** "7 or 8pm": the first end of a range of hours. */
const BEFORE_HOUR =
  /^(?: ?[-/] ?| (?:to|or|bis|oder|a|ou|o|of|and|und|et|y) )\d{1,2}(?:[:.]\d\d)? ?(?:[ap]\.? ?m|uhr|h|o'?clock|uur)(?!\p{L})/u;
const BOTH_ENDS = /(?<!\p{L})(?:between|zwischen|entre|tra|fra|tussen)(?: about| etwa)? $/u;
/** "from 4 to 6" says what changes, not how far it reaches, when the sentence changes something. */
const CHANGING =
  /(?<!\p{L})(?:chang|chnag|mov|switch|updat|alter|increas|decreas|reduc|grow|grew|went|go(?:es|ne)?(?!\p{L})|bump|rais|extend|ander|erhoh|verringer|reduzier|augment|diminu|pass|cambi|aument|reduc)\p{L}*[^.!?;\n]*$/u;

/**
 * Leaves out the ends of a range: "10 to 12", "4 or 5", "between ten and twelve" say no number. `tokens` in the order of the text; `text` is folded.
 * "change from 4 to 6" keeps both.
 */
export function withoutRanges(tokens: NumberToken[], text: string): NumberToken[] {
  const vague = new Set<NumberToken>();
  for (const [index, first] of tokens.entries()) {
    if (BEFORE_HOUR.test(text.slice(first.end, first.end + 24))) vague.add(first);
    const second = tokens[index + 1];
    if (!second || second.start - first.end > 6) continue;
    const gap = text.slice(first.end, second.start);
    const lead = text.slice(Math.max(0, first.start - 60), first.start);
    const range = BETWEEN.test(gap) ? !CHANGING.test(lead) : BETWEEN_AND.test(gap) && BOTH_ENDS.test(lead);
    if (!range) continue;
    // "room 3 - 2 people": a range climbs, but for "two or one".
    if (/^[ -]+$/.test(gap) && Number(second.value) <= Number(first.value)) continue;
    vague.add(first).add(second);
  }
  return tokens.filter((token) => !vague.has(token));
}
