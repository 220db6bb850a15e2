import type { Span } from '../text/folded-text.ts';

/** Groups of digits with at most one blank or dash between two of them. */
const RUN = /(?<![\p{L}\p{N}.,_/-])\d(?:[ \u00a0-]?\d){12,18}(?![\p{N}]|[.,/-]\d|-?\p{L})/gu;

/** First digits and lengths of the large networks: Visa, Mastercard, American Express, Discover, JCB, UnionPay, Diners Club, Maestro. */
const NETWORKS =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|62\d{14,17}|3(?:0[0-5]|[68]\d)\d{11}|(?:50|5[6-9]|6[37])\d{11,17})$/;
/** Words that make a number behind "no." a card all the same. */
const CUE = /(?:card|karte|carte|tarjeta|carta|cart[aã]o|kaart|kort|visa|master|amex|american express)[^\n]{0,30}$/iu;

/**
 * Card numbers: known first digits, the length that goes with them, and the check digit (Luhn). One of ten random numbers has a right check digit, so what a
 * word before it calls an order, a ticket or the like (`references`) is a card only where the word card stands before it too.
 */
export function findCards(text: string, references: Span[]): Span[] {
  const found: Span[] = [];
  for (const match of text.matchAll(RUN)) {
    const digits = match[0].replace(/\D/g, '');
    if (!NETWORKS.test(digits) || !hasCheckDigit(digits) || /^(\d)\1+$/.test(digits)) continue;
    const span = { start: match.index, end: match.index + match[0].length };
    const named = references.some(({ start, end }) => span.start < end && start < span.end);
    if (!named || CUE.test(text.slice(Math.max(0, span.start - 50), span.start))) found.push(span);
  }
  return found;
}

function hasCheckDigit(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place += 1) {
    const digit = Number(digits[digits.length - 1 - place]);
    const doubled = place % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
