import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRulesExtractor } from '../extractor.ts';

const extractor = createRulesExtractor();
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin' };

function read(type: 'number' | 'money', text: string, language?: string, region?: string): string | undefined {
  return extractor.extract(text, [{ name: 'quantity', type }], { ...context, language, region }).quantity?.value;
}

test('a number in digits is read with the separators of its language', () => {
  const scenarios: [string, string, string | undefined][] = [
    ['1.234', 'de', '1234'],
    ['1.234', 'en', '1.234'],
    ['1,234', 'en', '1234'],
    ['3,5', 'de', '3.5'],
    ['1.234,56', 'en', '1234.56'],
    ['1,234.56', 'de', '1234.56'],
    ['1 234,5', 'fr', '1234.5'],
    ['1.234.567', 'en', '1234567'],
    ["12'000", 'de', '12000'],
    ['0,50', 'de', '0.5'],
    ['-5 degrees', 'en', '-5'],
    ['2,5 kg', 'de', '2.5'],
    ['2x', 'en', '2'],
    ['50%', 'en', '50'],
    ['I need 3.', 'en', '3'],
  ];
  for (const [text, language, value] of scenarios)
    assert.equal(read('number', text, language), value, `${text} ${language}`);
});

test('a number in words is read in its language', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['two', 'en', '2'],
    ['twenty-two boxes', 'en', '22'],
    ['two thousand three hundred and five', 'en', '2305'],
    ['zwölf Stück', 'de', '12'],
    ['zwo\u0308lf Stück', 'de', '12'],
    ['einundzwanzig', 'de', '21'],
    ['zweihundertfünfundvierzig', 'de', '245'],
    ['dreitausendeinhundertzwölf', 'de', '3112'],
    ['fünfunddreißig', 'de', '35'],
    ['vingt-deux pommes', 'fr', '22'],
    ['soixante et onze', 'fr', '71'],
    ['quatre-vingt-dix-sept', 'fr', '97'],
    ['mille neuf cent', 'fr', '1900'],
    ['treinta y dos', 'es', '32'],
    ['doscientos cinco', 'es', '205'],
    ['once', 'es', '11'],
    ['once', 'en', undefined],
    ['no one came', 'en', undefined],
    ['eine Frage', 'de', undefined],
    ['un problème', 'fr', undefined],
    ['tausend Dank', 'de', undefined],
    ['someone', 'en', undefined],
    ['fünfte', 'de', undefined],
    ['ten stół', 'pl', undefined],
    ['très bien', undefined, undefined],
    ['tres', 'es', '3'],
    ['three', 'no', '3'],
    ['deux', 'fr', '2'],
    ['deux', 'de', undefined],
  ];
  for (const [text, language, value] of scenarios)
    assert.equal(read('number', text, language), value, `${text} ${language}`);
});

test('two numbers beside each other are two numbers', () => {
  const fields = [
    { name: 'quantity', type: 'number' as const },
    { name: 'number', type: 'number' as const },
  ];
  const found = extractor.extract('five six', fields, { ...context, language: 'en' });
  assert.equal(found.quantity?.value, '5');
  assert.equal(found.number?.value, '6');
});

test('digits that name, date, time or pay something are no number', () => {
  for (const text of [
    'order #4711',
    'Bestellnummer 4711',
    'order 123456',
    'ticket: A-17',
    'room 12',
    'version 1.2.3',
    'v2.0',
    '10.0.0.1',
    'INV-2026-001',
    'AB12CD',
    '00412',
    'since 2019',
    'call +49 30 1234567',
    'on 12.03.2026',
    'at 19:30',
    'at 7pm',
    'the 3rd time',
    'DE89 3704 0044 0532 0130 00',
    '12,50 €',
    '10-12 items',
    'mail a1@b22.com',
    'https://example.com/7',
  ])
    assert.equal(read('number', text, 'en'), undefined, text);
});

test('an amount is a number beside a currency, normalised to two decimals and the ISO code', () => {
  const scenarios: [string, string | undefined, string | undefined][] = [
    ['12,50 €', undefined, '12.50 EUR'],
    ['$1,200.50', undefined, '1200.50 USD'],
    ['20 Euro', undefined, '20.00 EUR'],
    ['1.234,56 EUR', undefined, '1234.56 EUR'],
    ['EUR 1\u202f234,56', undefined, '1234.56 EUR'],
    ['1.234 €', 'en', '1234.00 EUR'],
    ["CHF 1'200.-", undefined, '1200.00 CHF'],
    ['£5', undefined, '5.00 GBP'],
    ['-5 €', undefined, '-5.00 EUR'],
    ['5k €', undefined, '5000.00 EUR'],
    ['2 Mio. €', undefined, '2000000.00 EUR'],
    ['1.5 million dollars', undefined, '1500000.00 USD'],
    ["2 millions d'euros", 'fr', '2000000.00 EUR'],
    ['zwanzig Euro', 'de', '20.00 EUR'],
    ['vingt-deux euros', 'fr', '22.00 EUR'],
    ['999999999999999,99 €', undefined, '999999999999999.99 EUR'],
    ['50 kr', 'sv', '50.00 SEK'],
    ['50 kr', undefined, undefined],
    ['I paid 30', undefined, undefined],
    ['€', undefined, undefined],
    ['version 1.2.3', undefined, undefined],
    ['1.2.3 €', undefined, undefined],
    ['5 try again', undefined, undefined],
    ['5 TRY', undefined, '5.00 TRY'],
    ['100 all inclusive', undefined, undefined],
    ['on 12.03.2026', undefined, undefined],
  ];
  for (const [text, language, value] of scenarios)
    assert.equal(read('money', text, language), value, `${text} ${language}`);
});

test('a dollar is that of the region', () => {
  assert.equal(read('money', '$20', 'en', 'CA'), '20.00 CAD');
  assert.equal(read('money', '$20', 'en', 'US'), '20.00 USD');
  assert.equal(read('money', 'A$20', 'en', 'US'), '20.00 AUD');
});
