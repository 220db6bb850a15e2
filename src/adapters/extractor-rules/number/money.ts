import type { FoldedText } from '../text/folded-text.ts';
import type { Found } from '../text/found.ts';
import { currencyOf, MARK_AFTER, MARK_BEFORE } from './currencies.ts';
import { type NumberToken, parseDigits } from './digits.ts';

/** "1.5 million", "2 Mio.", "5k": powers of ten. */
const MAGNITUDE =
  /^(?:k(?![a-z])| ?(?:mio\.?|million(?:s|en)?|millones|milioni|thousand|tausend)(?![a-z])(?: d'| de)?)/;

function magnitude(after: string): { power: number; length: number } {
  const match = MAGNITUDE.exec(after);
  if (!match) return { power: 0, length: 0 };
  return { power: /mi[ol]/.test(match[0]) ? 6 : 3, length: match[0].length };
}

/** Shifts a canonical decimal by a power of ten and writes it with two decimals at least: in digits, never in floating point. */
function amount(canonical: string, power: number): string {
  const [whole = '0', fraction = ''] = canonical.replace('-', '').split('.');
  const padded = fraction.padEnd(power, '0');
  const integer = (whole + padded.slice(0, power)).replace(/^0+(?=\d)/, '');
  return `${canonical.startsWith('-') ? '-' : ''}${integer}.${padded.slice(power).padEnd(2, '0')}`;
}

/**
 * Amounts with a currency before or behind, as `1234.56 EUR`. A number without a currency is no amount.
 * `numbers` are the tokens of the same folded text, in digits or words.
 */
export function findMoney(
  folded: FoldedText,
  numbers: NumberToken[],
  region: string | undefined,
  language: string | undefined,
): Found[] {
  const { text } = folded;
  const found: Found[] = [];
  for (const token of numbers) {
    const { power, length } = magnitude(text.slice(token.end, token.end + 16));
    const numberEnd = token.end + length;
    const before = MARK_BEFORE.exec(text.slice(Math.max(0, token.start - 6), token.start))?.[0];
    const after = MARK_AFTER.exec(text.slice(numberEnd, numberEnd + 12))?.[0];
    const written = (from: number, to: number) => {
      const span = folded.toOriginal(from, to);
      return folded.original.slice(span.start, span.end);
    };
    const leading = before && currencyOf(written(token.start - before.length, token.start), region, language);
    const trailing = after && currencyOf(written(numberEnd, numberEnd + after.length), region, language);
    const currency = trailing || leading;
    if (!currency) continue;
    const start = !leading || trailing ? token.start : token.start - before!.length;
    const end = !trailing ? numberEnd : numberEnd + after!.length;
    const sign = token.value.startsWith('-') ? '-' : '';
    const value = token.digits === undefined ? token.value : sign + parseDigits(token.digits, language, true);
    found.push({ ...folded.toOriginal(start, end), value: `${amount(value, power)} ${currency}` });
  }
  return found;
}
