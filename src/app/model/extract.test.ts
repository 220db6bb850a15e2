import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FieldSpec } from '#domain/intelligence.ts';
import { groundIn, isPlausible, parseNamed } from './extract.ts';

const fields: FieldSpec[] = [
  { name: 'city', type: 'place' },
  { name: 'who', type: 'person' },
];

test('an answer is believed to be what it should be only after it was read by ourselves', () => {
  assert.deepEqual(parseNamed('{"city": "Berlin", "who": null}', fields), { city: 'Berlin', who: null });
  for (const bad of [
    '{"city": "Berlin"}',
    '{"city": "Berlin", "who": null, "role": "admin"}',
    '{"city": 5, "who": null}',
    '{"city": ["Berlin"], "who": null}',
    '["Berlin", null]',
    'null',
    '{"city": "Berlin", "who": nul',
    '{"city": "Berlin", "__proto__": null}',
    JSON.stringify({ city: 'x'.repeat(401), who: null }),
  ])
    assert.equal(parseNamed(bad, fields), undefined, bad);
});

test('a value stands in the text, or it is none', () => {
  const text = 'I live in  New\nYork, at 5 Main St. – call me Jo';
  const at = (value: string) => {
    const place = groundIn(text, value);
    return place && text.slice(place.start, place.end);
  };
  assert.equal(at('New York'), 'New\nYork');
  assert.equal(at('new york'), 'New\nYork');
  assert.equal(at('"Jo".'), 'Jo');
  assert.equal(at('5 Main St.'), '5 Main St');
  assert.equal(at('York City'), undefined);
  assert.equal(at('ork'), undefined, 'a part of a word');
  assert.equal(at(' – '), undefined, 'no word');
  assert.equal(at('(N.w'), undefined);
  assert.equal(at(''), undefined);
});

test('a name is no sentence', () => {
  const person = fields[1]!;
  assert.equal(isPlausible(person, 'Jane van den Berg'), true);
  assert.equal(isPlausible(person, 'Dr. Jane Doe'), true);
  assert.equal(isPlausible(person, 'Hi, I live in Berlin'), false);
  assert.equal(isPlausible(person, 'one two three four five'), false);
  assert.equal(isPlausible({ name: 'n', type: 'number' }, 'a, b'), true);
});

test('a name holds no code; a text may', () => {
  assert.equal(isPlausible({ name: 'who', type: 'person' }, 'OAK-11-XY'), false);
  assert.equal(isPlausible({ name: 'where', type: 'place' }, 'near OAK-11-XY'), false);
  assert.equal(isPlausible({ name: 'where', type: 'place' }, 'room B12'), true);
  assert.equal(isPlausible({ name: 'thing', type: 'text' }, 'lamp OAK-11-XY'), true);
});
