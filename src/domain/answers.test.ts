import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formAnswersFromFields, validateAnswers } from './answers.ts';
import type { Issue } from './errors.ts';
import { compileForm } from './form/compile.ts';
import { parseDefinition } from './form/definition.ts';

/** A form and what becomes of answers to it, without a schema validator unless one is given. */
function form(...elements: object[]) {
  const parsed = parseDefinition({ elements });
  assert.ok('definition' in parsed, JSON.stringify(parsed));
  const compiled = compileForm(parsed.definition);
  const check = (
    answers: unknown,
    checker: { check(answers: Record<string, unknown>): Issue[] } = { check: () => [] },
  ) => validateAnswers(compiled, checker, answers);
  const codes = (answers: unknown) => {
    const checked = check(answers);
    return 'issues' in checked ? checked.issues.map((issue) => `${issue.code} ${issue.pointer}`) : [];
  };
  return { compiled, check, codes };
}

const text = (name: string, more: object = {}) => ({ type: 'text', name, ...more });

test('answers to hidden questions are dropped and counted', () => {
  const { check } = form(text('a'), text('b', { visibleIf: "{a} = 'x'" }), text('c', { visible: false }), {
    type: 'panel',
    visibleIf: "{a} = 'x'",
    elements: [text('d')],
  });
  assert.deepEqual(check({ a: 'y', b: '1', c: '2', d: '3' }), { answers: { a: 'y' }, hiddenDropped: 3 });
  assert.deepEqual(check({ a: 'x', b: '1', c: '2', d: '3' }), {
    answers: { a: 'x', b: '1', d: '3' },
    hiddenDropped: 1,
  });
});

test('an answer to a hidden question is dropped whatever it is, without being checked', () => {
  const { compiled } = form(text('a'), text('b', { visible: false }));
  const seen: unknown[] = [];
  const checker = {
    check(answers: Record<string, unknown>) {
      seen.push(answers);
      return [];
    },
  };
  const hostile = { a: 'x', b: { $gt: '' } };
  assert.deepEqual(validateAnswers(compiled, checker, hostile), { answers: { a: 'x' }, hiddenDropped: 1 });
  assert.deepEqual(seen, [{ a: 'x' }]);
});

test('conditions see the answers as sent, so hidden answers count in them and circles end', () => {
  const chain = form(text('a'), text('b', { visibleIf: '{a} = 1' }), text('c', { visibleIf: '{b} = 1' }));
  assert.deepEqual(chain.check({ a: '2', b: '1', c: 'kept' }), { answers: { a: '2', c: 'kept' }, hiddenDropped: 1 });
  const circle = form(text('a', { visibleIf: '{b} empty' }), text('b', { visibleIf: '{a} empty' }));
  assert.deepEqual(circle.check({ a: '1', b: '2' }), { answers: {}, hiddenDropped: 2 });
  assert.deepEqual(circle.check({ a: '1' }), { answers: { a: '1' }, hiddenDropped: 0 });
});

test('blank answers count as absent and are not kept', () => {
  const { check } = form(
    text('a'),
    { type: 'comment', name: 'b' },
    { type: 'checkbox', name: 'c', choices: [1] },
    { type: 'boolean', name: 'd' },
    text('e', { visible: false }),
  );
  assert.deepEqual(check({ a: '', b: ' \n\t ', c: [], d: null, e: '' }), { answers: {}, hiddenDropped: 0 });
  assert.deepEqual(check({ a: ' x ', d: false }), { answers: { a: ' x ', d: false }, hiddenDropped: 0 });
});

test('a blank list is no blank for a text, nor white space for a choice: the schema has to refuse them', () => {
  const { check } = form(text('a'), { type: 'dropdown', name: 'b', choices: ['x'] });
  assert.deepEqual(check({ a: [], b: '  ' }), { answers: { a: [], b: '  ' }, hiddenDropped: 0 });
});

test('what is required must be answered while it is visible', () => {
  const { codes } = form(
    text('a', { isRequired: true }),
    text('b', { visibleIf: '{a} = 1', isRequired: true }),
    text('c', { requiredIf: '{a} = 2' }),
  );
  assert.deepEqual(codes({}), ['required /answers/a']);
  assert.deepEqual(codes({ a: ' ' }), ['required /answers/a']);
  assert.deepEqual(codes({ a: '1' }), ['required /answers/b']);
  assert.deepEqual(codes({ a: '2', c: '' }), ['required /answers/c']);
  assert.deepEqual(codes({ a: '3' }), []);
});

test('a missing answer is told in the words of the author', () => {
  const { check } = form(
    text('a', { isRequired: true, requiredErrorText: { default: 'Who are you?', de: 'Wer sind Sie?' } }),
  );
  assert.deepEqual(check({}), { issues: [{ pointer: '/answers/a', code: 'required', detail: 'Who are you?' }] });
});

test('a problem that the schema validator has told already is not told twice', () => {
  const { check } = form(text('a', { isRequired: true }));
  const issue = { pointer: '/answers/a', code: 'required', detail: 'From the schema.' };
  assert.deepEqual(check({}, { check: () => [issue] }), { issues: [issue] });
});

test('unknown names are refused, those of Object.prototype and __proto__ among them', () => {
  const { codes } = form(text('a'));
  assert.deepEqual(codes({ a: 'x', b: 1 }), ['unknown-answer /answers/b']);
  assert.deepEqual(codes(JSON.parse('{"__proto__":{"a":1},"constructor":1,"hasOwnProperty":2,"x/y~z":3}')), [
    'unknown-answer /answers/__proto__',
    'unknown-answer /answers/constructor',
    'unknown-answer /answers/hasOwnProperty',
    'unknown-answer /answers/x~1y~0z',
  ]);
  assert.deepEqual(codes({}), []);
});

test('answers that are no object are refused, whatever they are', () => {
  const { codes } = form(text('a'));
  for (const answers of [null, undefined, 1, 'x', true, [], [1]])
    assert.deepEqual(codes(answers), ['wrong-type /answers']);
});

test('at most 100 problems are reported', () => {
  const { codes } = form(text('a'));
  assert.equal(codes(Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, 1]))).length, 100);
});

test('texts with NUL or lone surrogates are refused, in lists too', () => {
  const { codes } = form(text('a'), { type: 'checkbox', name: 'b', choices: ['x'] });
  assert.deepEqual(codes({ a: 'x\u0000y' }), ['invalid-character /answers/a']);
  assert.deepEqual(codes({ a: '\ud83d', b: ['\udc00'] }), [
    'invalid-character /answers/a',
    'invalid-character /answers/b',
  ]);
  assert.deepEqual(codes({ a: '\ud83d\ude00 \u200b é' }), []);
});

test('the text of other must be there when other is chosen, and is dropped when not', () => {
  const { check, codes } = form(
    { type: 'dropdown', name: 'a', choices: ['x'], showOtherItem: true },
    { type: 'checkbox', name: 'b', choices: ['x'], hasOther: true },
  );
  assert.deepEqual(codes({ a: 'other', b: ['other'] }), ['required /answers/a-Comment', 'required /answers/b-Comment']);
  assert.deepEqual(check({ a: 'other', 'a-Comment': 'mine', b: ['x'], 'b-Comment': 'lost' }), {
    answers: { a: 'other', 'a-Comment': 'mine', b: ['x'] },
    hiddenDropped: 1,
  });
});

test('a checkbox with a least number of choices must be answered; a lone none is enough', () => {
  const { codes } = form({
    type: 'checkbox',
    name: 'a',
    choices: [1, 2, 3],
    minSelectedChoices: 2,
    showNoneItem: true,
  });
  assert.deepEqual(codes({}), ['required /answers/a']);
  assert.deepEqual(codes({ a: [1] }), ['required /answers/a']);
  assert.deepEqual(codes({ a: ['none'] }), []);
  assert.deepEqual(codes({ a: [1, 2] }), []);
});

test('a read-only question is never required', () => {
  const { codes } = form(text('a', { isRequired: true, readOnly: true }), {
    type: 'panel',
    readOnly: true,
    elements: [text('b', { requiredIf: '{a} empty' })],
  });
  assert.deepEqual(codes({}), []);
});

test('an expression validator is asked for every visible question without other problems', () => {
  const rule = (expression: string) => ({ validators: [{ type: 'expression', expression, text: 'Later, please.' }] });
  const { check, codes } = form(
    text('from'),
    text('to', rule('{to} > {from}')),
    text('c', { visible: false, ...rule('1 = 2') }),
  );
  assert.deepEqual(check({ from: '2026-01-02', to: '2026-01-01' }), {
    issues: [{ pointer: '/answers/to', code: 'expression', detail: 'Later, please.' }],
  });
  assert.deepEqual(codes({ from: 'a', to: 'b' }), []);
  assert.deepEqual(codes({}), ['expression /answers/to']);
  assert.deepEqual(codes({ to: 'x\u0000', from: 'z' }), ['invalid-character /answers/to']);
});

test('numbers in texts and the order of dates and times are checked', () => {
  const { codes } = form(
    text('n', { validators: [{ type: 'numeric', minValue: 2, maxValue: 5 }] }),
    text('d', { inputType: 'date', min: '2026-01-10' }),
    text('t', { inputType: 'time', max: '18:00' }),
    text('at', { inputType: 'datetime-local', max: '2026-01-01T10:00' }),
  );
  assert.deepEqual(codes({ n: '3,5', d: '2026-01-10', t: '18:00', at: '2026-01-01T10:00:00' }), []);
  assert.deepEqual(codes({ n: 'three', d: '2026-01-09', t: '18:01', at: '2026-01-01T10:00:01' }), [
    'not-a-number /answers/n',
    'too-small /answers/d',
    'too-large /answers/t',
    'too-large /answers/at',
  ]);
  assert.deepEqual(codes({ n: '1', d: '3000-01-01' }), ['too-small /answers/n', 'too-large /answers/d']);
});

test('a list with far more items than choices is cut before anything looks at each of them', () => {
  const { compiled } = form({ type: 'checkbox', name: 'a', choices: [1, 2] }, text('b'));
  const lengths: unknown[] = [];
  const checker = {
    check(answers: Record<string, unknown>) {
      lengths.push((answers.a as unknown[]).length, (answers.b as unknown[]).length);
      return [{ pointer: '/answers/a', code: 'too-many', detail: '' }];
    },
  };
  validateAnswers(compiled, checker, {
    a: Array.from({ length: 100_000 }, () => 1),
    b: Array.from({ length: 100_000 }, () => 'x'),
  });
  assert.deepEqual(lengths, [3, 1]);
});

test('a text far longer than any question takes is cut before anything looks at it, and still too long', () => {
  const { compiled } = form({ type: 'comment', name: 'a', maxLength: 100_000 });
  const lengths: number[] = [];
  const checker = {
    check(answers: Record<string, unknown>) {
      lengths.push([...(answers.a as string)].length);
      return [];
    },
  };
  validateAnswers(compiled, checker, { a: '\u{1f600}'.repeat(1_000_000) });
  assert.deepEqual(lengths, [100_001]);
});

test('fields of an HTML form become answers by the type of their question', () => {
  const { compiled } = form(
    text('name'),
    text('age', { inputType: 'number' }),
    { type: 'comment', name: 'message' },
    { type: 'checkbox', name: 'tags', choices: ['a', 2, 3] },
    { type: 'rating', name: 'stars' },
    { type: 'boolean', name: 'ok' },
    { type: 'boolean', name: 'sure', valueTrue: 'yes', valueFalse: 0 },
    { type: 'dropdown', name: 'size', choices: [36, '38'] },
  );
  const fields: [string, string][] = [
    ['name', ' Ada '],
    ['age', ' 36.5 '],
    ['message', 'one\r\ntwo'],
    ['tags', 'a'],
    ['tags', '2'],
    ['stars', '4'],
    ['ok', 'false'],
    ['ok', 'on'],
    ['sure', '0'],
    ['size', '36'],
  ];
  const expected = {
    name: ' Ada ',
    age: 36.5,
    message: 'one\ntwo',
    tags: ['a', 2],
    stars: 4,
    ok: true,
    sure: 0,
    size: 36,
  };
  assert.deepEqual(formAnswersFromFields(compiled, fields), expected);
  assert.deepEqual(formAnswersFromFields(compiled, new URLSearchParams(fields)), expected);
});

test('fields that cannot be converted stay as they are, blank ones are absent', () => {
  const { compiled } = form(
    text('a'),
    text('n', { inputType: 'number' }),
    { type: 'boolean', name: 'b' },
    { type: 'checkbox', name: 'c', choices: [1] },
    { type: 'rating', name: 'r' },
  );
  const fields: [string, string][] = [
    ['a', 'one'],
    ['a', 'two'],
    ['n', 'many'],
    ['b', 'perhaps'],
    ['c', '9'],
    ['r', '99'],
    ['unknown', 'x'],
    ['__proto__', 'y'],
  ];
  const answers = formAnswersFromFields(compiled, fields);
  assert.deepEqual(Object.entries(answers), [
    ['a', ['one', 'two']],
    ['n', 'many'],
    ['b', 'perhaps'],
    ['c', ['9']],
    ['r', '99'],
    ['unknown', 'x'],
    ['__proto__', 'y'],
  ]);
  assert.equal(Object.getPrototypeOf(answers), Object.prototype);
  for (const odd of ['1e999', '0x10', 'Infinity', '1,5', '--1', '.'])
    assert.deepEqual(formAnswersFromFields(compiled, [['n', odd]]), { n: odd });
  assert.deepEqual(
    formAnswersFromFields(compiled, [
      ['n', ''],
      ['a', '  '],
      ['c', ''],
    ]),
    {},
  );
});
