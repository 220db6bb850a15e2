import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planForm } from '#domain/export-rows.ts';
import { compileForm } from '#domain/form/compile.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import { tableOf, versionsByColumn } from './tables.ts';

function tableAfter(...published: object[][]) {
  const versions = published.map((elements, i) => {
    const parsed = parseDefinition({ elements });
    assert.ok(!('issues' in parsed), JSON.stringify(parsed));
    return { version: i + 1, compiled: compileForm(parsed.definition), intelligence: undefined };
  });
  return tableOf(planForm(versions).columns, versions.at(-1)!, versionsByColumn(versions));
}
const text = (name: string) => ({ type: 'text', name });

test('a question is of the versions that have its column: not of those before it, without it, or with answers of another type', () => {
  const number = { ...text('age'), inputType: 'number' };
  const { questions } = tableAfter(
    [text('a'), text('age'), text('gone')],
    [text('a'), number, text('b')],
    [text('a'), number],
    [text('a'), number, text('b')],
  );
  assert.deepEqual(
    questions.map(({ name, column, versions }) => [name, column.type, versions]),
    [
      ['a', 'string', [1, 2, 3, 4]],
      ['age', 'number', [2, 3, 4]],
      ['b', 'string', [2, 4]],
    ],
  );
});

test('the free text of other is a text, a password is none', () => {
  const { texts } = tableAfter([
    { type: 'radiogroup', name: 'size', choices: ['small'], showOtherItem: true },
    { type: 'checkbox', name: 'wishes', choices: ['quiet'], showOtherItem: true },
    { ...text('pin'), inputType: 'password' },
    { ...text('age'), inputType: 'number' },
  ]);
  assert.deepEqual(texts.map(({ name }) => name).toSorted(), ['size', 'size-Comment', 'wishes-Comment']);
});
