import { fold } from '../text/folded-text.ts';

/** Currency marks as they stand next to an amount, folded. `$` and `kr` depend on where and in which language the text was written. */
export const ISO_CODES = new Set(
  (
    'aed ars aud bgn brl cad chf clp cny cop czk dkk egp eur gbp hkd huf idr ils inr isk jpy kes krw mad mxn myr ngn nok nzd pen php pln qar ron rsd ' +
    'rub sar sek sgd thb try twd uah usd vnd zar'
  ).split(' '),
);

const MARKS: Record<string, string> = {
  '€': 'EUR',
  '£': 'GBP',
  '¥': 'JPY',
  '₹': 'INR',
  '₽': 'RUB',
  '₺': 'TRY',
  '₴': 'UAH',
  '₩': 'KRW',
  '₪': 'ILS',
  '₫': 'VND',
  us$: 'USD',
  a$: 'AUD',
  au$: 'AUD',
  c$: 'CAD',
  ca$: 'CAD',
  nz$: 'NZD',
  s$: 'SGD',
  hk$: 'HKD',
  r$: 'BRL',
  zl: 'PLN',
  kc: 'CZK',
  fr: 'CHF',
  sfr: 'CHF',
  euro: 'EUR',
  euros: 'EUR',
  pound: 'GBP',
  pounds: 'GBP',
  quid: 'GBP',
  pfund: 'GBP',
  franken: 'CHF',
  zloty: 'PLN',
  yen: 'JPY',
  rupees: 'INR',
};

const DOLLARS: Record<string, string> = {
  AU: 'AUD',
  CA: 'CAD',
  NZ: 'NZD',
  SG: 'SGD',
  HK: 'HKD',
  MX: 'MXN',
  AR: 'ARS',
  CL: 'CLP',
  CO: 'COP',
};
const KRONOR: Record<string, string> = { sv: 'SEK', da: 'DKK', no: 'NOK', nb: 'NOK', SE: 'SEK', DK: 'DKK', NO: 'NOK' };
const DOLLAR_WORDS = new Set(['$', 'dollar', 'dollars', 'dolares', 'bucks']);
const KRONA_WORDS = new Set(['kr', 'kronor', 'kroner', 'kronen']);

/** Codes that people also write small. Others are words too ("try", "all", "top") and count in capitals only. */
export const SMALL_CODES = new Set([
  'eur',
  'usd',
  'gbp',
  'chf',
  'jpy',
  'pln',
  'sek',
  'nok',
  'dkk',
  'czk',
  'huf',
  'aud',
  'inr',
  'brl',
]);

/** A mark in front of a number: symbols and codes only. */
export const MARK_BEFORE =
  /(?:(?<![a-z$])(?:us|au|a|ca|c|nz|s|hk|r)\$|[$€£¥₹₽₺₴₩₪₫]|(?<![\p{L}\p{N}])(?:[a-z]{3}|kr|fr|sfr)\.?) ?$/u;
/** A mark behind a number: symbols, codes and words. */
export const MARK_AFTER = /^ ?(?:(?:us|au|a|ca|c|nz|s|hk|r)?\$|[€£¥₹₽₺₴₩₪₫]|[a-z]{2,8}(?![\p{L}\p{N}]))/u;

/** The ISO 4217 code of a mark as written (not folded), or undefined when it is none or cannot be told. */
export function currencyOf(
  written: string,
  region: string | undefined,
  language: string | undefined,
): string | undefined {
  const mark = written.trim().replace(/\.$/, '');
  const plain = fold(mark);
  if (ISO_CODES.has(plain) && (SMALL_CODES.has(plain) || mark === plain.toUpperCase())) return plain.toUpperCase();
  if (DOLLAR_WORDS.has(plain)) return DOLLARS[region?.toUpperCase() ?? ''] ?? 'USD';
  if (KRONA_WORDS.has(plain)) return KRONOR[region?.toUpperCase() ?? ''] ?? KRONOR[language ?? ''];
  if (plain === '¥' && (language === 'zh' || region?.toUpperCase() === 'CN')) return 'CNY';
  return MARKS[plain];
}
