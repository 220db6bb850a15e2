import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { form } from './answers.ts';
import { commonQueries } from './catalogue.ts';
import { sqlOf } from './least-group.ts';
import { columnOf, type ParamSpec, type QueryTable, quoted, readParams } from './query.ts';

const params: ParamSpec[] = [
  { name: 'days', type: 'integer', least: 1, most: 9, default: 7, about: '' },
  { name: 'by', type: 'choice', values: ['day', 'week'], about: '' },
  { name: 'question', type: 'text', maxLength: 5, required: true, about: '' },
];
const issues = (given: Record<string, unknown>): string[] => {
  try {
    readParams({ params }, given);
    return [];
  } catch (err) {
    assert.ok(err instanceof AppError && err.code === 'value-refused');
    return err.issues!.map(({ pointer, code }) => `${pointer} ${code}`);
  }
};

test('parameters are read from texts and from JSON values, and default where they may', () => {
  assert.deepEqual(readParams({ params }, { question: 'a' }), { days: 7, by: undefined, question: 'a' });
  assert.deepEqual(readParams({ params }, { question: 'a', days: '3', by: 'week' }), {
    days: 3,
    by: 'week',
    question: 'a',
  });
  assert.equal(readParams({ params }, { question: 'a', days: 9 }).days, 9);
});

test('every mistake is told at once, with its place', () => {
  assert.deepEqual(issues({}), ['/question missing']);
  assert.deepEqual(issues({ question: 'longer', days: '0', by: 'moon', colour: 'red' }), [
    '/colour unknown-parameter',
    '/days wrong-type',
    '/by wrong-type',
    '/question wrong-type',
  ]);
  for (const days of ['1.5', '', 'x', '10', 1.5, null, [], '1e1', ' 1', '01', '-0', '+1'])
    assert.deepEqual(issues({ question: 'a', days }), ['/days wrong-type']);
  for (const question of ['', 3, ['a']]) assert.deepEqual(issues({ question }), ['/question wrong-type']);
  assert.deepEqual(issues({ question: 'a', constructor: 'x' }), ['/constructor unknown-parameter']);
});

const evil = `x"; DROP TABLE responses; --'`;
const table: QueryTable = {
  columns: [],
  questions: [
    { name: 'size "x"', type: 'radiogroup', column: { name: 'size_1__text', type: 'string' }, versions: [1] },
    { name: 'message', type: 'comment', column: { name: 'message__text', type: 'string' }, versions: [1, 3] },
    { name: 'stars', type: 'rating', column: { name: 'stars__number', type: 'number' }, versions: [2, 1] },
  ],
  texts: [{ name: evil, column: { name: 'message__text', type: 'string' } }],
};

test('a question is found by its name, of the types that a query takes', () => {
  assert.equal(columnOf(table, 'size "x"', ['string']).name, 'size_1__text');
  assert.throws(() => columnOf(table, 'size', ['string']), { code: 'value-refused' });
  assert.throws(() => columnOf(table, 'stars', ['string']), { code: 'value-refused' });
  assert.throws(() => columnOf(table, 'message', ['string'], ['radiogroup']), { code: 'value-refused' });
});

test('every query names its columns, has a name of its own, and puts nothing from outside into its SQL', () => {
  assert.equal(new Set(commonQueries.map(({ name }) => name)).size, commonQueries.length);
  for (const query of commonQueries) {
    assert.match(query.name, /^[a-z]+(-[a-z]+)*$/);
    if (query.counted) assert.ok(Object.hasOwn(query.columns, query.counted), query.name);
    const given = Object.fromEntries(
      query.params.map((spec) => [
        spec.name,
        spec.type === 'integer' ? spec.least : spec.type === 'choice' ? spec.values[0] : 'stars',
      ]),
    );
    if (Object.hasOwn(given, 'text')) given.text = evil;
    for (const leastGroup of [1, 5]) {
      const { sql, params: bound } = sqlOf(query, table, given as never, leastGroup);
      assert.ok(!sql.includes('DROP'), query.name);
      for (const name of Object.keys(bound))
        assert.ok(sql.includes(`$${name}`), `${query.name}: ${name} is bound and not used`);
      for (const [, name] of sql.matchAll(/\$([a-z_]+\d*)/g))
        assert.ok(name === 'zone' || Object.hasOwn(bound, name!), `${query.name}: $${name} is not bound`);
    }
  }
  assert.equal(quoted('a"b'), '"a""b"');
});

/** What a row is about, and what speaks of all of its responses. */
const ofTheWholeRow: Record<string, string[]> = {
  'responses-over-time': ['period'],
  trend: ['label'],
  labels: ['label', 'source', 'share'],
  confidence: ['tier', 'from'],
  agreement: ['week', 'tier', 'model'],
  reviews: ['week'],
  'time-to-answer': ['week'],
  answers: ['answer', 'share'],
  numbers: ['mean', 'deviation'],
  histogram: ['from', 'to'],
  respondents: ['week', 'responses'],
  form: ['question'],
};

test('every column is the count of its row, speaks of all that it counts, or says of how many it speaks', () => {
  for (const { name, columns, counted, parts = {}, reveals } of commonQueries) {
    if (reveals) continue;
    assert.ok(counted, name);
    const known = [counted, ...ofTheWholeRow[name]!, ...Object.keys(parts)];
    assert.deepEqual(known.toSorted(), Object.keys(columns).toSorted(), name);
  }
});

test('a question of some versions is divided by the responses to those', () => {
  const { sql } = sqlOf(form, table, {}, 1);
  assert.ok(sql.includes('(WHERE form_version BETWEEN 1 AND 1 OR form_version BETWEEN 3 AND 3)'), sql);
  assert.ok(sql.includes('(WHERE form_version BETWEEN 1 AND 2)'), 'in whatever order they stand');
});
