import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldValue } from './field-value.ts';
import type { FieldType } from './intelligence.ts';

const read: Record<Exclude<FieldType, 'enum'>, { [written: string]: string | undefined }> = {
  number: {
    '5': '5',
    ' -1234.50 ': '-1234.50',
    '12,5': '12.5',
    '1,234.5': '1234.5',
    '1.234,5': '1234.5',
    '1 234 567': '1234567',
    '007': '7',
    '0.125': '0.125',
    '1,234': undefined,
    '1.2.3': undefined,
    five: undefined,
    '1e5': undefined,
    '0x10': undefined,
    '12 EUR': undefined,
  },
  money: {
    '12.50 EUR': '12.50 EUR',
    '12,5 €': '12.50 EUR',
    'eur 12': '12.00 EUR',
    '$1,234.567': '1234.567 USD',
    '-3 CHF': '-3.00 CHF',
    '12.50': undefined,
    EUR: undefined,
    '12 XYZ': undefined,
    '12 EUR USD': undefined,
    '€12€': undefined,
    'a lot of EUR': undefined,
  },
  date: { '2026-11-22': '2026-11-22', '2026-02-30': undefined, '22.11.2026': undefined, tomorrow: undefined },
  time: { '19:30': '19:30', '7:05': '07:05', '24:00': undefined, '7pm': undefined, '19:60': undefined },
  email: {
    'Jane@Example.COM': 'jane@example.com',
    'jane@example': undefined,
    'a b@example.com': undefined,
    jane: undefined,
  },
  phone: {
    '+49 (0)30 123-456': '+4930123456',
    '0049 30 123456': '+4930123456',
    '030 123456': undefined,
    '+49 call me': undefined,
    '+1': undefined,
  },
  url: {
    'HTTPS://Example.COM/A?b#c': 'https://example.com/A?b#c',
    'example.com/x': 'https://example.com/x',
    'http://localhost:8080': 'http://localhost:8080',
    'javascript://x.y/': undefined,
    'not an address': undefined,
    nothing: undefined,
  },
  iban: {
    'de89 3704 0044 0532 0130 00': 'DE89370400440532013000',
    'GB29-NWBK-6016-1331-9268-19': 'GB29NWBK60161331926819',
    DE89370400440532013001: undefined,
    DE89: undefined,
    '370400440532013000': undefined,
  },
  text: { ' as it is ': 'as it is' },
  person: { 'Ada Lovelace': 'Ada Lovelace' },
  place: { Kraków: 'Kraków' },
  organisation: { 'R & D': 'R & D' },
};

test('a value is taken in the normal form of its type, and what cannot be of the type is refused with how to write it', () => {
  for (const [type, values] of Object.entries(read)) {
    for (const [text, expected] of Object.entries(values)) {
      const found = fieldValue({ name: 'x', type: type as FieldType }, text);
      assert.deepEqual('value' in found ? found.value : undefined, expected, `${type} ${JSON.stringify(text)}`);
      if ('problem' in found) assert.match(found.problem, /^Write .+, or an empty text for none\.$/);
    }
    assert.deepEqual(fieldValue({ name: 'x', type: type as FieldType }, ' '), { value: '' }, `${type}: none`);
  }
});

test('a value in its normal form is its own normal form', () => {
  for (const [type, values] of Object.entries(read))
    for (const value of Object.values(values))
      if (value !== undefined) assert.deepEqual(fieldValue({ name: 'x', type: type as FieldType }, value), { value });
});

test('an enum takes its values to the letter', () => {
  const spec = { name: 'colour', type: 'enum', values: ['red', 'Green'] } as const;
  const one = { ...spec, values: [...spec.values] };
  assert.deepEqual(fieldValue(one, 'Green'), { value: 'Green' });
  for (const wrong of ['green', ' red', 'blue', 'constructor', '__proto__'])
    assert.ok('problem' in fieldValue(one, wrong), wrong);
});

test('a long text is read or refused in no time', () => {
  const startedAt = performance.now();
  for (const type of Object.keys(read))
    for (const part of ['1', ' ', '1,', '.', 'a@', '+1 ', '€'])
      fieldValue({ name: 'x', type: type as FieldType }, `${part.repeat(1000 / part.length)}!`);
  assert.ok(performance.now() - startedAt < 500);
});
