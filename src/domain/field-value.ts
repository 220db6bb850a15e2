import { isDate } from './day.ts';
import type { FieldSpec, FieldType } from './intelligence.ts';

type Rule = {
  /** The value in its normal form, undefined when it cannot be of the type. */
  read: (text: string) => string | undefined;
  /** How one is written: for the person whose value was refused. */
  form: string;
};

const asWritten = (text: string): string => text;
const written: Rule = { read: asWritten, form: 'a text' };

const rules: Record<Exclude<FieldType, 'enum'>, Rule> = {
  text: written,
  person: written,
  place: written,
  organisation: written,
  number: { read: numberOf, form: 'a number in digits, such as 1234.5' },
  money: { read: moneyOf, form: 'an amount and its currency (ISO 4217), such as 12.50 EUR' },
  date: { read: (text) => (isDate(text) ? text : undefined), form: 'a day of the calendar, such as 2026-11-22' },
  time: { read: timeOf, form: 'a time of day from 00:00 to 23:59, such as 19:30' },
  email: { read: emailOf, form: 'an e-mail address, such as jane@example.com' },
  phone: { read: phoneOf, form: 'a number with its country code, such as +4930123456' },
  iban: {
    read: ibanOf,
    form: 'an account number with its country and check digits, such as DE89 3704 0044 0532 0130 00',
  },
  url: { read: urlOf, form: 'a web address, such as https://example.com' },
};

/**
 * What a person says a field is, in the normal form that the extractor would give it. Lenient in what is unmistakable (spaces, a decimal comma, letter case);
 * an enum is one of its values to the letter. The empty text is a value of every type: the field is not there.
 */
export function fieldValue(spec: FieldSpec, text: string): { value: string } | { problem: string } {
  const plain = text.trim();
  if (plain === '') return { value: '' };
  if (spec.type === 'enum') {
    const values = spec.values ?? [];
    if (values.includes(text)) return { value: text };
    return { problem: `Use one of ${JSON.stringify(values).slice(0, 500)}, or an empty text for none.` };
  }
  const { read, form } = rules[spec.type];
  const value = read(plain);
  return value === undefined ? { problem: `Write ${form}, or an empty text for none.` } : { value };
}

/** A comma or point with three digits behind it, alone in the number, may be either: such a number is none. */
function numberOf(text: string): string | undefined {
  const plain = /^([+-]?)(\d+)(?:[.](\d+))?$/.exec(text);
  const [sign, whole, fraction] = plain
    ? plain.slice(1)
    : (
        /^([+-]?)(\d{1,3}(?:,\d{3})+)(?:[.](\d+))$/.exec(text) ??
        /^([+-]?)(\d{1,3}(?:[.]\d{3})+),(\d+)$/.exec(text) ??
        /^([+-]?)(\d{1,3}(?:[ '’\u00a0\u202f]\d{3})+)(?:[.,](\d+))?$/.exec(text) ??
        /^([+-]?)(\d+),(\d{1,2}|\d{4,})$/.exec(text) ??
        []
      ).slice(1);
  if (whole === undefined) return undefined;
  const digits = whole.replace(/\D/g, '').replace(/^0+(?=\d)/, '');
  return `${sign === '-' ? '-' : ''}${digits}${fraction === undefined ? '' : `.${fraction}`}`;
}

const currencies: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));
const signs: Record<string, string> = { '€': 'EUR', '£': 'GBP', $: 'USD', '¥': 'JPY' };

function moneyOf(text: string): string | undefined {
  const [, before = '', amount = '', after = ''] =
    /^([A-Za-z]{3}|[€£$¥])?\s*([^A-Za-z€£$¥]*?)\s*([A-Za-z]{3}|[€£$¥])?$/.exec(text) ?? [];
  if ((before === '') === (after === '')) return undefined;
  const mark = before + after;
  const currency = Object.hasOwn(signs, mark) ? signs[mark]! : mark.toUpperCase();
  const number = numberOf(amount);
  if (number === undefined || !currencies.has(currency)) return undefined;
  const [whole, fraction = ''] = number.split('.');
  return `${whole}.${fraction.padEnd(2, '0')} ${currency}`;
}

function timeOf(text: string): string | undefined {
  const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(text) ?? [];
  return hour === undefined ? undefined : `${hour.padStart(2, '0')}:${minute}`;
}

function emailOf(text: string): string | undefined {
  return /^[^\s@<>"]{1,64}@[^\s@<>"]+\.[^\s@<>".]+$/.test(text) ? text.toLowerCase() : undefined;
}

function phoneOf(text: string): string | undefined {
  if (!/^(?:\+|00)[\d\s()./-]+$/.test(text)) return undefined;
  const digits = text.replace(/^00/, '').replace(/\(0\)/, '').replace(/\D/g, '');
  return /^[1-9]\d{6,14}$/.test(digits) ? `+${digits}` : undefined;
}

/** Of any country, whatever its length there: ISO 13616, at most 34, with the remainder 1 of ISO 7064 mod 97. */
function ibanOf(text: string): string | undefined {
  const plain = text.replace(/[\s-]/g, '').toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z\d]{11,30}$/.test(plain)) return undefined;
  let remainder = 0;
  for (const char of plain.slice(4) + plain.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1 ? plain : undefined;
}

/** Scheme and host in lower case, the rest as written. */
function urlOf(text: string): string | undefined {
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const [, origin, rest] = /^(https?:\/\/[^\s/?#@]*[^\s/?#@.:][.:][^\s/?#@]+)([/?#]\S*)?$/i.exec(full) ?? [];
  return origin !== undefined && URL.canParse(full) ? `${origin.toLowerCase()}${rest ?? ''}` : undefined;
}
