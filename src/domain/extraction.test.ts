import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cascade, type FoundField, joinFields, placesToRead, type TaggedPlace } from './extraction.ts';
import type { FieldSpec } from './intelligence.ts';

const people: FieldSpec = { name: 'people', type: 'number' };
const guest: FieldSpec = { name: 'guest', type: 'person' };
const specs = [people, guest];
const skill = { precision: 0.9, threshold: 0.6, rulesPrecision: 0.8 };
const skills = { people: skill, guest: skill };

const text = '5 adults and 1 child for Ada at table 9';
function tagged(field: string, source: string, confidence: number, index = 0): TaggedPlace {
  const start = text.indexOf(source);
  return { field, source, start, end: start + source.length, text: index, confidence };
}
function ruled(source: string, value = source): FoundField {
  const start = text.indexOf(source);
  return { value, source, start, end: start + source.length, text: 0 };
}
const cascade = (given: Partial<Cascade>): Cascade => ({ specs, rules: {}, tagged: [], skills, ...given });
const joined = (given: Partial<Cascade>, values: Record<string, string | undefined> = {}) => {
  const { fields, dropped } = joinFields({ ...cascade(given), values });
  return [Object.entries(fields).map(([name, { value, source, tier }]) => [name, value, source, tier]), dropped];
};

test('a sure place of a typed field is read by the rules, a name is taken as written', () => {
  const found = { tagged: [tagged('people', '5 adults and 1 child', 0.9), tagged('guest', 'Ada', 0.7)] };
  assert.deepEqual(placesToRead(cascade(found)), [{ spec: people, source: '5 adults and 1 child' }]);
  assert.deepEqual(joined(found, { people: '6' }), [
    [
      ['people', '6', '5 adults and 1 child', 'tagger'],
      ['guest', 'Ada', 'Ada', 'tagger'],
    ],
    0,
  ]);
});

test('a place below the threshold of its field, or of a field that the form does not have, is no answer', () => {
  const found = { tagged: [tagged('guest', 'Ada', 0.59), tagged('other', 'child', 1)] };
  assert.deepEqual(joined(found), [[], 0]);
  assert.deepEqual(joined({ ...found, rules: { guest: ruled('Ada') } }), [[['guest', 'Ada', 'Ada', 'rules']], 0]);
});

test('a place in which no value of its type can be read is dropped and counted, and leaves the answer of the rules', () => {
  const found = { tagged: [tagged('people', 'table', 0.9)] };
  assert.deepEqual(joined(found), [[], 1]);
  assert.deepEqual(joined({ ...found, rules: { people: ruled('5') } }), [[['people', '5', '5', 'rules']], 1]);
});

test('of two answers the one counts that was right more often on this field', () => {
  const both = { tagged: [tagged('people', '9', 0.9)], rules: { people: ruled('5') } };
  assert.deepEqual(joined(both, { people: '9' }), [[['people', '9', '9', 'tagger']], 0]);
  const better = { people: { ...skill, rulesPrecision: 0.95 } };
  assert.deepEqual(joined({ ...both, skills: better }, { people: '9' }), [[['people', '5', '5', 'rules']], 0]);
  const tie = { people: { ...skill, rulesPrecision: 0.9 } };
  assert.deepEqual(joined({ ...both, skills: tie }, { people: '9' }), [[['people', '9', '9', 'tagger']], 0]);
});

test('a place that the rules found too keeps the value that they read in its sentence', () => {
  const both = { tagged: [tagged('people', '5 adults and 1 child', 0.9)], rules: { people: ruled('5 adults', '6') } };
  assert.deepEqual(placesToRead(cascade(both)), []);
  assert.deepEqual(joined(both), [[['people', '6', '5 adults and 1 child', 'tagger']], 0]);
  const elsewhere = { ...both, tagged: [tagged('people', '5 adults and 1 child', 0.9, 1)] };
  assert.equal(placesToRead(cascade(elsewhere)).length, 1, 'the same offsets in another text are another place');
});

test('of several texts the surest place counts', () => {
  const found = { tagged: [tagged('guest', 'child', 0.7), tagged('guest', 'Ada', 0.8, 1)] };
  assert.deepEqual(joined(found), [[['guest', 'Ada', 'Ada', 'tagger']], 0]);
});

test('without a measurement a tagger is believed when it is very sure, and never over the rules', () => {
  const unmeasured = { skills: undefined, tagged: [tagged('people', '9', 0.85), tagged('guest', 'Ada', 0.75)] };
  assert.deepEqual(joined(unmeasured, { people: '9' }), [[['people', '9', '9', 'tagger']], 0]);
  const ruledToo = { ...unmeasured, rules: { people: ruled('5') } };
  assert.deepEqual(joined(ruledToo, { people: '9' }), [[['people', '5', '5', 'rules']], 0]);
});
