import { createRequire } from 'node:module';
import type { CountryCode } from 'libphonenumber-js/min';
import type { Found } from '../text/found.ts';

const require = createRequire(import.meta.url);
type Library = typeof import('libphonenumber-js/min');

/** Loaded at the first text with enough digits (require keeps it): about 15 MB of memory with the smallest metadata. */
const load = () => require('libphonenumber-js/min') as Library;

/** What a phone number is written with. One character class, so one pass over the text. */
const RUN = /[+(]{0,2}\d[\d ()./+\u00a0-]*/gu;
const MIN_DIGITS = 7;
/** Two numbers may stand side by side; longer runs are tables of figures, on which the library throws one error per digit (0.7 s for 20,000). */
const MAX_DIGITS = 40;

/** A plus and 15 digits; national plans of the library allow more. */
const MAX_E164 = 16;

/**
 * Phone numbers in E.164. Without a region only those with a country code, since 030 123456 means nothing by itself.
 * `text` is the original with dates, amounts and identifiers blanked out.
 */
export function findPhones(text: string, region: string | undefined): Found[] {
  const found: Found[] = [];
  for (const run of text.matchAll(RUN)) {
    const digits = run[0].match(/\d/g)!.length;
    if (digits < MIN_DIGITS || digits > MAX_DIGITS) continue;
    const { findPhoneNumbersInText, isSupportedCountry } = load();
    const upper = region?.toUpperCase();
    const defaultCountry = upper !== undefined && isSupportedCountry(upper) ? (upper as CountryCode) : undefined;
    // One character more on both sides: a letter that touches the digits makes them a code.
    const from = Math.max(0, run.index - 1);
    const piece = text.slice(from, run.index + run[0].length + 1);
    for (const { startsAt, endsAt, number } of findPhoneNumbersInText(piece, defaultCountry && { defaultCountry })) {
      if (number.number.length > MAX_E164) continue;
      found.push({ start: from + startsAt, end: from + endsAt, value: number.number });
    }
  }
  return found;
}
