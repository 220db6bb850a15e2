/** A word, a run of digits, or one other sign. Offsets are UTF-16 code units. */
export type Token = { text: string; start: number; end: number };

// Where the rules stop reading, too (`extractor-rules`): ten pages, and a bound on the time one text can take.
const maxUnits = 20_000;

const token = /\p{L}[\p{L}\p{M}]*|\p{N}+|[^\s\p{L}\p{N}]/gu;

/** "9:00PM." is five tokens: what people mark as a value ends between any two of them. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.slice(0, maxUnits).matchAll(token))
    tokens.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  return tokens;
}
