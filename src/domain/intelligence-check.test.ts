import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileForm } from './form/compile.ts';
import { type FormElement, parseDefinition } from './form/definition.ts';
import type { IntelligenceSpec } from './intelligence.ts';
import { intelligenceIssues } from './intelligence-check.ts';

const comment: FormElement = { type: 'comment', name: 'message' };
const yesOrNo: FormElement = { type: 'boolean', name: 'agreed' };

function places(spec: IntelligenceSpec, elements: FormElement[] = [comment, yesOrNo]): string[] {
  const parsed = parseDefinition({ elements });
  assert.ok('definition' in parsed);
  return intelligenceIssues(spec, compileForm(parsed.definition)).map(({ pointer, code }) => `${pointer} ${code}`);
}

test('settings that fit their form have no issues', () => {
  const spec: IntelligenceSpec = {
    text: ['message', 'agreed'],
    classify: { labels: [{ name: 'a' }, { name: 'b' }] },
    extract: {
      fields: [
        { name: 'day', type: 'date' },
        { name: 'size', type: 'enum', values: ['small', 'large'] },
      ],
    },
  };
  assert.deepEqual(places(spec), []);
  assert.deepEqual(places({}), [], 'without a list the free-text questions are read');
});

test('a text that names no question is refused at its place in the list', () => {
  assert.deepEqual(places({ text: ['message', 'nobody', 'agreed', 'toString'] }), [
    '/intelligence/text/1 unknown-question',
    '/intelligence/text/3 unknown-question',
  ]);
});

test('a form without a free-text question must name what is to be read', () => {
  assert.deepEqual(places({}, [yesOrNo]), ['/intelligence no-text']);
  assert.deepEqual(places({ text: ['agreed'] }, [yesOrNo]), []);
});

test('of labels and of fields with one name every one but the first is refused, in its own list', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }));
  const fields = named('a', 'b', 'b', 'b').map((field) => ({ ...field, type: 'text' as const }));
  assert.deepEqual(places({ classify: { labels: named('a', 'b', 'a') }, extract: { fields } }), [
    '/intelligence/classify/labels/2/name duplicate-name',
    '/intelligence/extract/fields/2/name duplicate-name',
    '/intelligence/extract/fields/3/name duplicate-name',
  ]);
});

test('a field of type enum needs its values, fields of other types need none', () => {
  const fields: IntelligenceSpec['extract'] = {
    fields: [
      { name: 'a', type: 'text' },
      { name: 'b', type: 'enum' },
      { name: 'c', type: 'enum', values: [] },
      { name: 'd', type: 'enum', values: ['x'] },
    ],
  };
  assert.deepEqual(places({ extract: fields }), [
    '/intelligence/extract/fields/1/values required',
    '/intelligence/extract/fields/2/values required',
  ]);
});

test('a field or a label may not have a name that every object has: what is found under it would be lost', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype']) {
    const fields: IntelligenceSpec['extract'] = {
      fields: [
        { name: 'city', type: 'place' },
        { name, type: 'text' },
      ],
    };
    assert.deepEqual(places({ extract: fields }), ['/intelligence/extract/fields/1/name reserved-name']);
    assert.deepEqual(places({ classify: { labels: [{ name }, { name: 'other' }] } }), [
      '/intelligence/classify/labels/0/name reserved-name',
    ]);
  }
  assert.deepEqual(places({ extract: { fields: [{ name: 'Constructor of the house', type: 'organisation' }] } }), []);
});

test('the text of a password cannot be asked to be read', () => {
  const pin: FormElement = { type: 'text', name: 'pin', inputType: 'password' };
  assert.deepEqual(places({ text: ['message', 'pin', 'gone'] }, [comment, pin]), [
    '/intelligence/text/1 unreadable-question',
    '/intelligence/text/2 unknown-question',
  ]);
});
