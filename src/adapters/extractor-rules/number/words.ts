import type { FoldedText } from '../text/folded-text.ts';
import type { NumberToken } from './digits.ts';
import { type NumberWords, vocabulariesFor } from './vocabulary.ts';

type Word = { text: string; start: number; end: number };

/** Values a single word has by itself: its place in the sum, or a multiplier. */
type Piece = { value: number } | { times: 100 | 1000 };

/** "zweihundertfünfundvierzig": takes apart a compound that is one word. Undefined when it is none. */
function compoundValue(word: string, { simple, compound, hundred, thousand }: NumberWords): number | undefined {
  if (compound === undefined || word.length > 60) return undefined;
  const direct = simple.get(word);
  if (direct !== undefined) return direct;
  for (const [names, times] of [
    [thousand, 1000],
    [hundred, 100],
  ] as const) {
    for (const name of names) {
      const at = word.indexOf(name);
      if (at < 0) continue;
      const rest = word.slice(at + name.length).replace(new RegExp(`^${compound}(?=.)`), '');
      const before =
        at === 0 ? 1 : compoundValue(word.slice(0, at), { simple, compound, hundred, thousand } as NumberWords);
      const after = rest === '' ? 0 : compoundValue(rest, { simple, compound, hundred, thousand } as NumberWords);
      return before !== undefined && after !== undefined && before < times && after < times
        ? before * times + after
        : undefined;
    }
  }
  for (let at = word.indexOf(compound, 2); at > 0; at = word.indexOf(compound, at + 1)) {
    const unit = simple.get(word.slice(0, at));
    const tens = simple.get(word.slice(at + compound.length));
    if (unit !== undefined && tens !== undefined && unit > 0 && unit < 10 && tens >= 20) return tens + unit;
  }
  return undefined;
}

function pieceOf(word: string, words: NumberWords): Piece | undefined {
  const value = words.simple.get(word);
  if (value !== undefined) return { value };
  if (words.hundred.has(word)) return { times: 100 };
  if (words.thousand.has(word)) return { times: 1000 };
  const compound = compoundValue(word, words);
  return compound === undefined ? undefined : { value: compound };
}

/** `current` (below 1000) with one more word in it, or undefined when the words do not make one number ("five six"). */
function joined(current: number, value: number): number | undefined {
  const low = current % 100;
  if (value === 20 && low === 4) return current + 76; // quatre-vingt
  if (value >= 100) return current === 0 ? value : undefined;
  if (value === 0) return undefined;
  if (low === 0) return current + value;
  if (value < 10 && low >= 20 && low % 10 === 0) return current + value;
  // soixante-douze, quatre-vingt-dix
  if (value >= 10 && value < 20 && (low === 60 || low === 80)) return current + value;
  if (value < 10 && low % 100 >= 70 && low % 10 === 0) return current + value;
  if (value >= 7 && value < 10 && (low === 70 || low === 90)) return current + value;
  return undefined;
}

/** The longest number that begins at word `from`, and the index behind it. */
function readNumber(
  list: Word[],
  from: number,
  text: string,
  words: NumberWords,
): { value: number; next: number } | undefined {
  const first = pieceOf(list[from]!.text, words);
  if (!first) return undefined;
  let total = 0;
  let current = 'value' in first ? first.value : first.times;
  if ('times' in first && first.times === 1000) {
    total = 1000;
    current = 0;
  }
  if (current === 0 && total === 0) return { value: 0, next: from + 1 };
  let next = from + 1;
  while (next < list.length) {
    const gap = text.slice(list[next - 1]!.end, list[next]!.start);
    if (gap !== ' ' && gap !== '-') break;
    let at = next;
    if (words.and !== undefined && list[at]!.text === words.and && at + 1 < list.length) {
      // "two and three" are two numbers: the joining word needs a round number of its language before it.
      const round =
        current === 0 ? total > 0 : words.and === 'and' ? current % 100 === 0 : current % 10 === 0 && current >= 20;
      if (!round || !/^[ -]$/.test(text.slice(list[at]!.end, list[at + 1]!.start))) break;
      at += 1;
    }
    const piece = pieceOf(list[at]!.text, words);
    if (!piece) break;
    if ('times' in piece) {
      if (piece.times === 100 && current > 0 && current < 10) current *= 100;
      else if (piece.times === 100 && current === 0 && total > 0) current = 100;
      else if (piece.times === 1000 && total === 0 && current > 0) {
        total = current * 1000;
        current = 0;
      } else break;
    } else {
      const sum = joined(current, piece.value);
      if (sum === undefined) break;
      current = sum;
    }
    next = at + 1;
  }
  return { value: total + current, next };
}

/** Numbers in words: en, de, fr, es up to 999,999, smaller ones in it, pt, nl. */
export function findNumberWords({ text }: FoldedText, language: string | undefined): NumberToken[] {
  const list: Word[] = [];
  for (const match of text.matchAll(/(?<![\p{L}\p{N}_@])\p{L}{1,60}(?![\p{L}\p{N}_@])/gu)) {
    list.push({ text: match[0], start: match.index, end: match.index + match[0].length });
  }
  const vocabularies = vocabulariesFor(language);
  const tokens: NumberToken[] = [];
  for (let index = 0; index < list.length; index += 1) {
    for (const { words, except } of vocabularies) {
      const word = list[index]!.text;
      if (except.has(word)) continue;
      const number = readNumber(list, index, text, words);
      if (!number) continue;
      const single = number.next === index + 1;
      // "tausend Dank", "hundred percent": a lone round word is seldom a count.
      const weak = single && (words.weak.has(word) || words.hundred.has(word) || words.thousand.has(word));
      tokens.push({
        start: list[index]!.start,
        end: list[number.next - 1]!.end,
        value: String(number.value),
        ...(weak ? { weak } : {}),
      });
      index = number.next - 1;
      break;
    }
  }
  return tokens;
}
