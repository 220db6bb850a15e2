import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldSpec } from '#ports/field-extractor.ts';
import { createRulesExtractor } from '../extractor.ts';

const extractor = createRulesExtractor();
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin', language: 'en' };

function values(text: string, fields: FieldSpec[], language: string | undefined = 'en'): Record<string, string> {
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
  assert.deepEqual(values('any day but not Monday', day), {});
  assert.deepEqual(values('please move it from Monday to Friday', day), { day: '2026-03-06' });
  assert.deepEqual(values('I booked 24 May and want to change that to 3 June', day), { day: '2026-06-03' });
  assert.deepEqual(values("it's 5 not 4 people", [{ name: 'people', type: 'number' }]), { people: '5' });
});

test('people are counted in numbers, words and descriptions', () => {
  const people: FieldSpec[] = [{ name: 'party_size', type: 'number' }];
  const scenarios: [string, string | undefined, string | undefined][] = [
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
    ['2 Pers. morgen', 'de', '2'],
    ['2 Erw. + Hund', 'de', '2'],
    ['mit etwa 20 Leuten', 'de', '20'],
    ['dann sind wir 5', 'de', '5'],
    ['wir sind zu dritt', 'de', '3'],
    ['wir sind zu viert oder fünft', 'de', undefined],
    ['we are three hikers', 'en', '3'],
    ['we are 20 minutes late', 'en', undefined],
    ['a party of six, I booked it', 'en', '6'],
    ['a table for 4 and a baby seat', 'en', '4'],
    ['a booth for 830', 'en', undefined],
    ['set an alarm for six tomorrow', 'en', undefined],
    ['très bien', undefined, undefined],
  ];
  for (const [text, language, value] of scenarios) assert.equal(values(text, people, language).party_size, value, text);
  assert.equal(extractor.extract('book for 4 people', people, context).party_size?.source, '4 people');
});

test('the whole party is counted, not some of its guests', () => {
  const people: FieldSpec[] = [{ name: 'people', type: 'number' }];
  const scenarios: [string, string, string | undefined][] = [
    ['Nous serons 7 samedi, une amie s’ajoute au groupe', 'fr', '7'],
    ['Nous serons 6, dont un bébé', 'fr', '6'],
    ['nous sommes 4 dont 2 enfants', 'fr', '4'],
    ['4 Personen, davon ein Kind', 'de', '4'],
    ['Headcount for the birthday: 9, and one of them needs a high chair', 'en', '9'],
    ['table for 6, one of us is vegan', 'en', '6'],
    ['one of us is vegan', 'en', undefined],
    ['there will be two kids needing a high chair', 'en', undefined],
    ['please add one person to our booking', 'en', undefined],
    ['une table pour une personne', 'fr', '1'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(values(text, people, language).people, value, text);
});

test('what is wanted now goes before what was agreed', () => {
  const people: FieldSpec[] = [{ name: 'people', type: 'number' }];
  const scenarios: [string, string, string][] = [
    ['we are now 6 rather than four', 'en', '6'],
    ['we booked for two but our daughter will join, so 3 please', 'en', '3'],
    ['I made a booking for 1, could I make that 2?', 'en', '2'],
    ['I booked a table for 4 people for 8:30pm, can 5 people come instead?', 'en', '5'],
    ['please change it from 4 to 6 people', 'en', '6'],
    ['Aus vier werden leider nur 2', 'de', '2'],
    ['Wir hatten für 4 reserviert, jetzt sind wir 6', 'de', '6'],
    ['On avait réservé pour 4, finalement nous serons 6', 'fr', '6'],
    ['venimos 3 y no dos', 'es', '3'],
    ['we booked for 6 and two of us are vegan', 'en', '6'],
  ];
  for (const [text, language, value] of scenarios) assert.equal(values(text, people, language).people, value, text);
  const day: FieldSpec[] = [{ name: 'day', type: 'date' }];
  const moved = 'Freitag klappt nicht. Könnten wir das auf den 6. Mai verlegen?';
  assert.deepEqual(values(moved, day, 'de'), { day: '2026-05-06' });
});

test('a range is no exact number', () => {
  const people: FieldSpec[] = [{ name: 'people', type: 'number' }];
  for (const [text, language] of [
    ['10-12 people', 'en'],
    ['10 - 12 people', 'en'],
    ['ten to twelve people', 'en'],
    ['4 or 5 people', 'en'],
    ['4/5 people', 'en'],
    ['between 10 and 12 guests', 'en'],
    ['zwischen 10 und 12 Personen', 'de'],
    ['4 bis 5 Personen', 'de'],
    ['de 4 à 6 personnes', 'fr'],
    ['4 o 5 personas', 'es'],
    ['7 or 8pm', 'en'],
  ] as const)
    assert.deepEqual(values(text, people, language), {}, text);
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
