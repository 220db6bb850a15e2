import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldSpec } from '#ports/field-extractor.ts';
import { createRulesExtractor } from '../extractor.ts';

const extractor = createRulesExtractor();
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin', language: 'en' };

function values(text: string, fields: FieldSpec[], language = 'en'): Record<string, string> {
  const found = extractor.extract(text, fields, { ...context, language });
  return Object.fromEntries(Object.entries(found).map(([name, { value }]) => [name, value]));
}

test('two dates go to the fields whose words stand before them', () => {
  const fields: FieldSpec[] = [
    { name: 'arrival', type: 'date' },
    { name: 'departure', type: 'date' },
  ];
  const days = { arrival: '2026-05-03', departure: '2026-05-10' };
  assert.deepEqual(values('from 3 May to 10 May', fields), days);
  assert.deepEqual(values('We leave on 10 May and arrive on 3 May', fields), days);
  assert.deepEqual(values('3 May and then 10 May', fields), days);
  assert.deepEqual(values('from 3 to 10 May', fields), days);
  assert.deepEqual(values('Anreise am 3. Mai, Abreise am 10. Mai', fields, 'de'), days);
  assert.deepEqual(values('vom 3. bis 10. Mai', fields, 'de'), days);
  assert.deepEqual(values('du 3 au 10 mai', fields, 'fr'), days);
  assert.deepEqual(values('we are leaving on 10 May', fields), { departure: '2026-05-10' });
});

test('the words of a name or description near a number decide which field gets it', () => {
  const fields: FieldSpec[] = [
    { name: 'rooms', type: 'number' },
    { name: 'guests', type: 'number' },
    { name: 'stay', type: 'number', description: 'How many nights?' },
  ];
  assert.deepEqual(values('2 rooms for 5 people, 3 nights', fields), { rooms: '2', guests: '5', stay: '3' });
  assert.deepEqual(values('3 nights for two', fields), { guests: '2', stay: '3' });
  assert.deepEqual(values('we have 4 dogs', fields), {});
  assert.deepEqual(values('I give it 4 out of 5', [{ name: 'rating', type: 'number' }]), { rating: '4' });
  assert.deepEqual(values('4 von 5 Sternen', [{ name: 'rating', type: 'number' }], 'de'), { rating: '4' });
});

test('what the text takes back is not the value', () => {
  const day: FieldSpec[] = [{ name: 'day', type: 'date' }];
  assert.deepEqual(values('not on Monday but on Friday', day), { day: '2026-03-06' });
  assert.deepEqual(values('please move it from Monday to Friday', day), { day: '2026-03-06' });
  assert.deepEqual(values('I booked 24 May and want to change that to 3 June', day), { day: '2026-06-03' });
  assert.deepEqual(values("it's 5 not 4 people", [{ name: 'people', type: 'number' }]), { people: '5' });
});

test('people are counted in numbers, words and descriptions', () => {
  const people: FieldSpec[] = [{ name: 'party_size', type: 'number' }];
  const scenarios: [string, string, string | undefined][] = [
    ['for 4 people', 'en', '4'],
    ['table for two', 'en', '2'],
    ['a party of five', 'en', '5'],
    ['a table for one', 'en', '1'],
    ['the 14 of us would like to book', 'en', '14'],
    ['5 adults and 1 child', 'en', '6'],
    ['me and my 3 friends', 'en', '4'],
    ['myself, my wife, my parents and 2 kids', 'en', '6'],
    ['two couples', 'en', '4'],
    ['just me and my mom', 'en', '2'],
    ['Tisch für 6 Personen', 'de', '6'],
    ['zwei Erwachsene und drei Kinder', 'de', '5'],
    ['une table pour quatre', 'fr', '4'],
    ['deux adultes et un enfant', 'fr', '3'],
    ['mesa para cuatro personas', 'es', '4'],
    ['I need 2 high chairs', 'en', undefined],
    ['a rating higher than 4 is what I want', 'en', undefined],
    ['me and my friends', 'en', undefined],
    ['we were there a couple of days', 'en', undefined],
    ['add 1 more person to the booking', 'en', undefined],
    ['on the 14th at 7pm', 'en', undefined],
  ];
  for (const [text, language, value] of scenarios) assert.equal(values(text, people, language).party_size, value, text);
  assert.equal(extractor.extract('book for 4 people', people, context).party_size?.source, '4 people');
});

test('a value of an enum is found whole, whatever its case and accents, the longest first', () => {
  const colour = (...list: string[]): FieldSpec[] => [{ name: 'colour', type: 'enum', values: list }];
  const scenarios: [string, string[], string | undefined][] = [
    ['The DARK BLUE one', ['blue', 'dark blue'], 'dark blue'],
    ['dark-blue please', ['blue', 'dark blue'], 'dark blue'],
    ['un café crème', ['Cafe'], 'Cafe'],
    ['two chairs', ['chair', 'table'], 'chair'],
    ['ein veganes Menü', ['vegan', 'vegetarisch'], 'vegan'],
    ['Größe M', ['S', 'M', 'L'], 'M'],
    ['a reddish tint', ['red'], undefined],
    ['I am bored', ['red', 'ore'], undefined],
    ['not red, blue', ['red', 'blue'], 'blue'],
    ['C++ or C', ['C++', 'Java'], 'C++'],
    ['anything', [], undefined],
    ['anything', ['', ' '], undefined],
  ];
  for (const [text, list, value] of scenarios) assert.equal(values(text, colour(...list)).colour, value, text);
});

test('a name is found after an introduction and written with capitals, never guessed', () => {
  const person: FieldSpec[] = [{ name: 'guest', type: 'person' }];
  const scenarios: [string, string | undefined][] = [
    ['my name is Jane Doe and I am late', 'Jane Doe'],
    ['Hi, I am Twila Ketelhut I need a table', 'Twila Ketelhut'],
    ['a table under the name of Ludwig van der Rohe.', 'Ludwig van der Rohe'],
    ['Ich heiße Jörg Müller-Lüdenscheidt', 'Jörg Müller-Lüdenscheidt'],
    ["Je m'appelle Élodie", 'Élodie'],
    ['Me llamo José García', 'José García'],
    ['I am Hungry', undefined],
    ['my name is wrong on the invoice', undefined],
    ['my name is not on the list', undefined],
    ['this is Urgent', undefined],
    ['I love Paris', undefined],
  ];
  for (const [text, value] of scenarios) assert.equal(values(text, person).guest, value, text);
  const parts: FieldSpec[] = [
    { name: 'first_name', type: 'person' },
    { name: 'last_name', type: 'person' },
  ];
  assert.deepEqual(values('My name is Jane Doe.', parts), { first_name: 'Jane', last_name: 'Doe' });
});

test('types that rules cannot tell are left out', () => {
  const fields: FieldSpec[] = (['text', 'place', 'organisation'] as const).map((type) => ({ name: type, type }));
  assert.deepEqual(values('We met at the Ritz in Paris, booked through Acme Ltd.', fields), {});
});
