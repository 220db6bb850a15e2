import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldSpec, FieldType } from '#ports/field-extractor.ts';
import { createRulesExtractor, MAX_TEXT_UNITS } from './extractor.ts';

const extractor = createRulesExtractor();
const context = { now: Date.UTC(2026, 2, 4, 10), timeZone: 'Europe/Berlin', region: 'DE' };
const TYPES: FieldType[] = [
  'email',
  'url',
  'phone',
  'money',
  'date',
  'time',
  'number',
  'person',
  'enum',
  'text',
  'place',
  'organisation',
];
const ALL: FieldSpec[] = [
  ...TYPES.map((type) => ({ name: type, type, values: ['red', 'dark blue', 'straße'] })),
  { name: 'people', type: 'number' },
  { name: 'departure', type: 'date' },
];

test('one text gives each field its value and its place', () => {
  const text =
    'Hallo, ich heiße Jörg Meier. Bitte am Freitag, 13.03.2026 um 19:30 einen Tisch für 6 Personen, bis 250 €. Tel. 030 1234567, j.meier@example.org, www.example.org';
  const found = extractor.extract(text, ALL, { ...context, language: 'de' });
  const seen = Object.fromEntries(Object.entries(found).map(([name, { value, source }]) => [name, [value, source]]));
  assert.deepEqual(seen, {
    email: ['j.meier@example.org', 'j.meier@example.org'],
    url: ['https://www.example.org', 'www.example.org'],
    phone: ['+49301234567', '030 1234567'],
    money: ['250.00 EUR', '250 €'],
    date: ['2026-03-13', 'Freitag, 13.03.2026'],
    time: ['19:30', '19:30'],
    person: ['Jörg Meier', 'Jörg Meier'],
    people: ['6', '6 Personen'],
  });
});

/** A small deterministic generator (mulberry32), so that a failure can be had again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const PIECES = [
  ...[
    '😀',
    '👨‍👩‍👧',
    'e\u0301',
    'ß',
    'İ',
    'ﬁ',
    '\u0301',
    '\ud83d',
    '日本',
    'я',
    ' ',
    '  ',
    '\n',
    '\u00a0',
    ', ',
    '. ',
    '-',
    '_',
    '(',
    ')',
  ],
  ...[
    'jane@example.com',
    'https://example.com/a(b)',
    '+49 30 123456',
    '030 1234567',
    '12,50 €',
    '$1,200',
    'EUR 5',
    'zwölf',
    'zwo\u0308lf',
    'two hundred',
  ],
  ...[
    'vingt-deux',
    'straße',
    'STRASSE',
    'red',
    'dark blue',
    'tomorrow',
    'nächsten Freitag',
    '12.03.2026',
    '03/04',
    'the 18th',
    'from 3 to 5 May',
    'mañana',
  ],
  ...[
    '7pm',
    'um 19 Uhr',
    'half past seven',
    'in an hour',
    '19h30',
    'for 4 people',
    'me and my son',
    'my name is Jane Doe',
    'ich heiße Jörg',
    '#4711',
    '1.2.3',
  ],
];

test('every value stands in the text at its offsets, whatever surrounds it', () => {
  const random = generator(20260304);
  let values = 0;
  for (let round = 0; round < 1500; round += 1) {
    let text = '';
    for (let count = 1 + Math.floor(random() * 12); count > 0; count -= 1) {
      text += PIECES[Math.floor(random() * PIECES.length)] + (random() < 0.6 ? ' ' : '');
    }
    const language = [undefined, 'en', 'de', 'fr', 'es', 'ja'][Math.floor(random() * 6)];
    const found = extractor.extract(text, ALL, { ...context, language });
    for (const [name, { value, source, start, end }] of Object.entries(found)) {
      values += 1;
      assert.equal(text.slice(start, end), source, `${name} in ${JSON.stringify(text)}`);
      assert.ok(
        source.trim() === source && source !== '' && value !== '',
        `${name} ${JSON.stringify(source)} in ${JSON.stringify(text)}`,
      );
      const type = ALL.find((field) => field.name === name)?.type;
      if (type === 'date') assert.match(value, /^\d{4}-\d{2}-\d{2}$/);
      if (type === 'time') assert.match(value, /^(?:[01]\d|2[0-3]):[0-5]\d$/);
      if (type === 'money') assert.match(value, /^-?\d+\.\d{2,} [A-Z]{3}$/);
      if (type === 'number') assert.match(value, /^-?\d+(?:\.\d+)?$/);
      if (type === 'phone') assert.match(value, /^\+\d{7,15}$/);
    }
  }
  assert.ok(values > 3000, `only ${values} values: the pieces no longer match the rules`);
});

test('the offsets count UTF-16 units, also behind emoji and combining marks', () => {
  const found = extractor.extract('👩‍🍳 cafe\u0301 😀 at 7pm', [{ name: 'time', type: 'time' }], context);
  assert.deepEqual(found.time, { value: '19:00', source: '7pm', start: 18, end: 21 });
});

test('the same text gives the same values again', () => {
  const text = 'tomorrow at 7pm for two, 12 €, call +49 30 123456';
  const other = createRulesExtractor();
  assert.deepEqual(extractor.extract(text, ALL, context), extractor.extract(text, ALL, context));
  assert.deepEqual(extractor.extract(text, ALL, context), other.extract(text, ALL, context));
});

test('text beyond the first 20,000 units is not read', () => {
  const filler = 'la '.repeat(MAX_TEXT_UNITS / 3);
  const field: FieldSpec[] = [{ name: 'mail', type: 'email' }];
  assert.equal(
    extractor.extract(`${filler.slice(0, MAX_TEXT_UNITS - 20)} jane@example.com`, field, context).mail?.value,
    'jane@example.com',
  );
  assert.equal(extractor.extract(`${filler}    jane@example.com`, field, context).mail, undefined);
});

test('nothing is found in nothing, and no field asks for nothing', () => {
  for (const text of ['', ' ', '\n', '\ud83d', '\u0000', '😀'])
    assert.deepEqual(extractor.extract(text, ALL, context), {});
  assert.deepEqual(extractor.extract('tomorrow at 7pm', [], context), {});
});

test('a field named after a part of every object is an ordinary field', () => {
  const found = extractor.extract('at 7pm', [{ name: '__proto__', type: 'time' }], context);
  assert.equal(Object.getOwnPropertyDescriptor(found, '__proto__')?.value.value, '19:00');
  assert.equal(Object.getPrototypeOf(found), Object.prototype);
});

const ADVERSARIAL = [
  ...[
    'a',
    '1',
    '@',
    'a@',
    'a.',
    'a@a.',
    'http://',
    'http://a)',
    ')',
    'www.',
    '1.',
    '1,',
    '1 ',
    '0 ',
    '1,234,',
    "1'234",
    '+',
    '+49 30 ',
    '030 1,',
    '(',
    '- ',
  ],
  ...[
    '€',
    '€ 1',
    '5 € ',
    'EUR ',
    'DE89',
    'DE89 3704 0044 0532 0130 0 ',
    'two ',
    'two hundred and ',
    'zweiund',
    'hundert',
    'tausend',
    'quatre-vingt-',
    'y ',
  ],
  ...[
    '12:',
    '12:3',
    '12h',
    'at ',
    'at 7 ',
    'halb ',
    'quarter to ',
    'p.m.',
    '7 a m ',
    'minutes before ',
    '30 minutes before ',
    'in 3 days ',
    'next ',
    'monday ',
  ],
  ...[
    '1/2/',
    '12.03.',
    '1.2.2026 ',
    '1st ',
    'the 1st of ',
    '12 March ',
    'from 3 to 5 May ',
    'my name is ',
    'my name is A',
    'Aa Bb ',
    'von ',
    'me and ',
    'my 3 ',
  ],
  ...[
    'a couple ',
    'change from ',
    'not ',
    'red ',
    'rere',
    ' ',
    '\n',
    '\t',
    'e\u0301',
    '\u0301',
    '😀',
    'ß',
    '#1',
    'order no ',
    'a1-',
    'A-1-',
    '日',
    '次の金曜日',
    '_',
    "'",
  ],
  ...[
    'dinner at 7 ',
    'good evening ',
    'in an hour come ',
    'booked for 4 but ',
    'auf den 6. ',
    '3 May, ',
    '3 May, 10 ',
    '10 or ',
    'from 4 to ',
    'we are 4 ',
    'one of us is ',
    'headcount ',
    'ordered on Monday ',
    'some Sunday ',
    'for two weeks ',
    'morgen ',
  ],
];

test('64 kB made to be slow are read well below a second, for each kind', () => {
  extractor.extract('tomorrow at 7pm, 12. März, 030 1234567', ALL, context); // loads the libraries
  for (const piece of ADVERSARIAL) {
    const text = piece.repeat(Math.ceil(65_536 / piece.length));
    for (const language of ['en', undefined]) {
      // Processor time, not the clock on the wall: the machine may be busy with something else.
      const before = process.cpuUsage();
      extractor.extract(text, ALL, { ...context, language });
      const { user } = process.cpuUsage(before);
      assert.ok(user < 800_000, `${JSON.stringify(piece)} took ${user / 1000} ms`);
    }
  }
});
