import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFieldLesson, type FieldExample, markFields, placeOf, reviewedFields } from './field-example.ts';
import type { FieldSpec } from './intelligence.ts';
import type { ExtractedField } from './response.ts';

const names = ['people', 'guest'];

test('a value stands at the first place where it is no part of a longer word or number, else at the first of all', () => {
  const text = 'at 11:30 for 1, or 14hr; Adam and Ada';
  const at = (value: string) => {
    const place = placeOf(text, value);
    return place && [place.start, text.slice(place.start, place.end)];
  };
  assert.deepEqual(at('1'), [13, '1']);
  assert.deepEqual(at('Ada'), [34, 'Ada']);
  assert.deepEqual(at('14'), [19, '14']);
  assert.deepEqual([at('ada'), at('12'), at(' '), at('')], [undefined, undefined, undefined, undefined]);
});

test('fields given by value or by place become the same marks', () => {
  const text = '😀 a table for 2 under Ada';
  const byValue = markFields(text, { people: '2', guest: 'Ada' }, names);
  assert.deepEqual(byValue.issues, []);
  assert.deepEqual(byValue.marks, [
    { name: 'people', start: 15, end: 16 },
    { name: 'guest', start: 23, end: 26 },
  ]);
  assert.deepEqual(markFields(text, byValue.marks, names), byValue);
  assert.deepEqual(markFields(text, {}, names), { marks: [], issues: [] });
});

test('unknown fields, values that are not in the text and places outside of it are named', () => {
  const issues = (given: Parameters<typeof markFields>[1]) =>
    markFields('for 2', given, names).issues.map(({ pointer, code }) => `${pointer} ${code}`);
  assert.deepEqual(issues({ 'a/b': '2', guest: 'Ada', people: '2' }), [
    '/fields/a~1b unknown-field',
    '/fields/guest not-in-text',
  ]);
  const places = [
    { name: 'people', start: 4, end: 5 },
    { name: 'people', start: 4, end: 6 },
    { name: 'people', start: 4, end: 4 },
    { name: 'people', start: 3, end: 4 },
    { name: 'other', start: 0, end: 1 },
  ];
  assert.deepEqual(issues(places), [
    '/fields/1 out-of-range',
    '/fields/2 out-of-range',
    '/fields/3 out-of-range',
    '/fields/4 unknown-field',
  ]);
});

test('the newest word on a text counts, fields that are gone are left out, and the hash tells lessons apart', () => {
  const one: FieldExample = { text: 'x', fields: [{ name: 'people', start: 0, end: 1 }] };
  const newer: FieldExample = { text: 'x', fields: [{ name: 'gone', start: 0, end: 1 }] };
  const lessonOf = (items: FieldExample[], fields = names) => {
    const lesson = createFieldLesson(fields);
    for (const item of items) lesson.add([item]);
    return lesson.finish();
  };
  assert.deepEqual(lessonOf([one, { text: 'y', fields: [] }, newer]).examples, [
    { text: 'x', fields: [] },
    { text: 'y', fields: [] },
  ]);
  const hashes = [
    lessonOf([one]),
    lessonOf([newer]),
    lessonOf([one], ['people']),
    lessonOf([{ ...one, hints: one.fields }]),
    lessonOf([]),
  ].map(({ sha256 }) => sha256);
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(lessonOf([newer, one]).sha256, hashes[0]);
});

const specs: FieldSpec[] = [
  { name: 'price', type: 'money' },
  { name: 'guest', type: 'person' },
];
const texts = [
  { question: 'message', text: 'It was 7,5 € for Ada.' },
  { question: 'more', text: 'Ask Grace, not Ada.' },
];
const price: ExtractedField = {
  value: '7.50 EUR',
  source: '7,5 €',
  start: 7,
  end: 12,
  question: 'message',
  tier: 'rules',
};
const ada: ExtractedField = { value: 'Ada', source: 'Ada', start: 17, end: 20, question: 'message', tier: 'tagger' };
const taught = (corrected: Record<string, string>, extracted: Record<string, ExtractedField> | undefined) =>
  reviewedFields({ specs, texts, extracted, corrected }).map(({ text, fields }) =>
    fields.map(({ name, start, end }) => `${name} ${text.slice(start, end)}`),
  );

test('a review teaches where the values stand: those it confirms, those it leaves alone, and names as they are written', () => {
  assert.deepEqual(taught({ price: '7.50 EUR', guest: 'Grace' }, { price, guest: ada }), [
    ['price 7,5 €'],
    ['guest Grace'],
  ]);
  assert.deepEqual(taught({ guest: 'Grace' }, { price }), [['price 7,5 €'], ['guest Grace']]);
  assert.deepEqual(taught({ guest: 'Ada' }, { price, guest: ada }), [['price 7,5 €', 'guest Ada'], []]);
});

test('a field that a review says is not there is taught to be absent', () => {
  assert.deepEqual(taught({ price: '', guest: '' }, { price, guest: ada }), [[], []]);
});

test('a review teaches nothing when a value cannot be placed, or when a field that it leaves alone was never read', () => {
  assert.deepEqual(taught({ price: '8.00 EUR' }, { price, guest: ada }), [], 'no rule says where 8 euros stand');
  assert.deepEqual(taught({ guest: 'Barbara' }, { price }), []);
  assert.deepEqual(taught({ guest: 'Grace' }, undefined), []);
  assert.deepEqual(taught({ guest: 'Grace', price: '' }, undefined), [[], ['guest Grace']]);
});

test('a place of the machine that is not in the text any more is not believed', () => {
  assert.deepEqual(taught({ price: '7.50 EUR', guest: '' }, { price: { ...price, start: 0, end: 5 } }), []);
});
