/** Longest text that is looked at, in UTF-16 code units; the rest says little more about the label and would cost time without bound. */
export const maxTextLength = 8_000;

// Scripts written without spaces between words: each character is a token of its own (their words are found as character n-grams).
const token =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]\p{M}*|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{M}\p{N}_])+|[^\s\p{L}\p{M}\p{N}\p{C}_]/gu;

/** Tokens of a text, folded: compatibility forms unified (NFKC), lower case, words, single signs, no white space or control characters. */
export function tokenise(text: string): string[] {
  return text.slice(0, maxTextLength).normalize('NFKC').toLowerCase().match(token) ?? [];
}
