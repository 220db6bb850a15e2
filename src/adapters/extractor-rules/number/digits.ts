import type { FoldedText, Span } from '../text/folded-text.ts';

/** A number as it stands in the folded text, before anyone decided what it is. `value` is canonical: `1234.5`, no leading zeros. */
export type NumberToken = Span & {
  value: string;
  /** Digits and separators as written; undefined for a number in words. */
  digits?: string;
  /** Also an article or another common word (one, un, eine, neuf): a number only where something says so. */
  weak?: boolean;
};

const DIGITS =
  /(?<![\p{L}\p{N}_#@/\\]|[\d][.,:'-])(-?)(\d{1,3}(?:[., ']\d{3}){1,5}(?:[.,]\d{1,9})?|\d{1,18}(?:[.,]\d{1,9})?)/gu;
/** What may stick to a number without a blank: a unit or a multiplication sign. Anything else makes it part of a code. */
const ATTACHED =
  /^(?:x|kg|g|mg|l|ml|cl|m|m2|cm|mm|km|st|stk|pcs|pers|pax|k|mio|%|€|\$|£|¥|eur|usd|gbp|chf)(?![a-z0-9])/;

/**
 * Where a lone separator before three digits groups thousands: `1.234` is a thousand in German and a bit more than one in English.
 * French and most others write `1 234`; there both marks are read by the rule of their neighbours, the comma being decimal.
 */
function groupMark(language: string | undefined): '.' | ',' {
  return language === undefined || ['en', 'ja', 'zh', 'ko', 'th', 'he', 'hi'].includes(language) ? ',' : '.';
}

/**
 * `1.234,56` → `1234.56`. With both marks the last is the decimal one; a mark that occurs twice groups; a lone mark before exactly three digits
 * groups when `money` is set (amounts have two decimals at most) or the language says so, and is decimal otherwise.
 */
export function parseDigits(written: string, language: string | undefined, money = false): string {
  let text = written.replace(/[ ']/g, '');
  const dot = text.lastIndexOf('.');
  const comma = text.lastIndexOf(',');
  if (dot >= 0 && comma >= 0) {
    const group = dot > comma ? ',' : '.';
    text = text.replaceAll(group, '').replace(',', '.');
  } else if (dot >= 0 || comma >= 0) {
    const mark = dot >= 0 ? '.' : ',';
    const pieces = text.split(mark);
    const three = pieces.at(-1)!.length === 3 && pieces[0] !== '0';
    const groups = pieces.length > 2 || (three && (money || mark === groupMark(language)));
    text = groups ? pieces.join('') : pieces.join('.');
  }
  const canonical = text.replace(/^(-?)0+(?=\d)/, '$1');
  return canonical.includes('.') ? canonical.replace(/\.?0+$/, '') : canonical;
}

/** Numbers in digits, with the separators of several locales. Not ordinals, version numbers, clock times or parts of a code. */
export function findDigits({ text }: FoldedText, language: string | undefined): NumberToken[] {
  const tokens: NumberToken[] = [];
  for (const match of text.matchAll(DIGITS)) {
    const minus = match[1]!;
    const digits = match[2]!;
    const end = match.index + match[0].length;
    const after = text.slice(end, end + 8);
    if (/^(?:\d|[.,:/-]\d)/.test(after)) continue;
    if (/^[\p{L}_@\\]/u.test(after) && !ATTACHED.test(after)) continue;
    // 00412 names something; 0,5 and 07 count.
    if (/^0\d{2}/.test(digits)) continue;
    const signed = minus !== '' && /^$|[ \n(:=]/.test(text.charAt(match.index - 1));
    const start = minus !== '' && !signed ? match.index + 1 : match.index;
    // "AB-12" and "-" glued to a word: the number is part of a code.
    if (minus !== '' && !signed) continue;
    tokens.push({ start, end, digits, value: (signed ? '-' : '') + parseDigits(digits, language) });
  }
  return tokens;
}
