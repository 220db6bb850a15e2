import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validateAnswers } from '#domain/answers.ts';
import { compileForm } from '#domain/form/compile.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import { createAjvValidator } from './ajv-validator.ts';

function compiledForm(...elements: object[]) {
  const parsed = parseDefinition({ elements });
  assert.ok('definition' in parsed, JSON.stringify(parsed));
  return compileForm(parsed.definition);
}

/** "code pointer" of each issue that answers to a form of these elements get. */
function codesFor(...elements: object[]) {
  const compiled = compiledForm(...elements);
  const prepared = createAjvValidator().prepare(compiled, 'form');
  return (answers: unknown) => {
    const checked = validateAnswers(compiled, prepared, answers);
    return 'issues' in checked ? checked.issues.map((issue) => `${issue.code} ${issue.pointer}`) : [];
  };
}

const text = (name: string, more: object = {}) => ({ type: 'text', name, ...more });

test('each keyword has its own code', () => {
  const codes = codesFor(
    text('t', {
      maxLength: 3,
      validators: [
        { type: 'text', minLength: 2 },
        { type: 'regex', regex: '^a' },
      ],
    }),
    text('n', { inputType: 'number', min: 1, max: 9, step: 0.1 }),
    { type: 'dropdown', name: 'd', choices: ['a', 1] },
    {
      type: 'checkbox',
      name: 'c',
      choices: ['a', 'b', 'c'],
      validators: [{ type: 'answercount', minCount: 2, maxCount: 2 }],
    },
    { type: 'boolean', name: 'b' },
    { type: 'rating', name: 'r' },
    text('m', { inputType: 'email', isRequired: true }),
  );
  const rows: [Record<string, unknown>, string[]][] = [
    [{}, ['required /answers/m']],
    [{ t: 'a' }, ['too-short /answers/t']],
    [{ t: 'abcd' }, ['too-long /answers/t']],
    [{ t: 'bb' }, ['pattern /answers/t']],
    [{ n: 0.9 }, ['too-small /answers/n']],
    [{ n: 9.1 }, ['too-large /answers/n']],
    [{ n: 1.05 }, ['wrong-step /answers/n']],
    [{ n: 1.3 }, []],
    [{ d: '1' }, ['not-a-choice /answers/d']],
    [{ c: ['a', 'x'] }, ['not-a-choice /answers/c/1']],
    [{ c: ['a', 'a'] }, ['duplicate-choice /answers/c']],
    [{ c: ['a'] }, ['too-few /answers/c']],
    [{ c: ['a', 'b', 'c'] }, ['too-many /answers/c']],
    [{ r: 6 }, ['not-a-choice /answers/r']],
    [{ b: 'true' }, ['wrong-type /answers/b']],
    [{ m: 'nobody' }, ['bad-format /answers/m']],
  ];
  for (const [answers, expected] of rows) {
    const complete = 'm' in answers || expected[0]?.startsWith('required') ? answers : { ...answers, m: 'a@b.de' };
    assert.deepEqual(codes(complete), expected, JSON.stringify(answers));
  }
});

test('a value of a wrong type is one problem, not one for each keyword', () => {
  const codes = codesFor(
    text('t', { inputType: 'email' }),
    { type: 'checkbox', name: 'c', choices: ['a'] },
    { type: 'radiogroup', name: 'r', choices: ['a'] },
    text('n', { inputType: 'number' }),
  );
  for (const odd of [{ $gt: '' }, true, { a: { b: 1 } }]) {
    assert.deepEqual(codes({ t: odd, c: odd, r: odd, n: odd }), [
      'wrong-type /answers/t',
      'wrong-type /answers/c',
      'wrong-type /answers/r',
      'wrong-type /answers/n',
    ]);
  }
  assert.deepEqual(codes({ t: ['a@b.de'], c: [['a']], r: ['a'], n: ['1'] }), [
    'wrong-type /answers/t',
    'wrong-type /answers/c/0',
    'wrong-type /answers/r',
    'wrong-type /answers/n',
  ]);
});

test('nothing is converted and nothing is added', () => {
  const codes = codesFor(text('n', { inputType: 'number', defaultValue: 5 }), text('t'), {
    type: 'boolean',
    name: 'b',
  });
  assert.deepEqual(codes({ n: '5', t: 5, b: 1 }), [
    'wrong-type /answers/n',
    'wrong-type /answers/t',
    'wrong-type /answers/b',
  ]);
  const compiled = compiledForm(text('n', { inputType: 'number', defaultValue: 5 }));
  const answers = Object.freeze({});
  assert.deepEqual(validateAnswers(compiled, createAjvValidator().prepare(compiled, 'x'), answers), {
    answers: {},
    hiddenDropped: 0,
  });
});

test('dates, times and addresses are those that exist', () => {
  const good: Record<string, string[]> = {
    date: ['2024-02-29', '2026-12-31'],
    'datetime-local': ['2026-01-31T09:00', '2026-01-31T09:00:59.123'],
    time: ['00:00', '23:59:59'],
    month: ['2026-12'],
    week: ['2026-W53'],
    color: ['#00ffAA'],
    url: ['https://exämple.org/ü?x=1', 'mailto:a@b.de'],
    email: ['a@b.de', 'ünï@exämple.org', '"a b"@c.de'],
  };
  const bad: Record<string, string[]> = {
    date: ['2023-02-29', '2026-13-01', '26-01-01', '2026-01-01T00:00', 'today'],
    'datetime-local': ['2026-02-30T09:00', '2026-01-31T24:00', '2026-01-31', '2026-01-31T09:00Z'],
    time: ['24:00', '9:00', '09:60'],
    month: ['2026-13'],
    week: ['2026-W54', '2026-W00'],
    color: ['red', '#fff'],
    url: ['example.org', '/path', 'https://', 'http://[x'],
    email: ['a@b', 'a b@c.de', '@c.de', 'a@@b.de'],
  };
  for (const [inputType, values] of Object.entries(good)) {
    const codes = codesFor(text('q', { inputType }));
    for (const q of values) assert.deepEqual(codes({ q }), [], `${inputType} ${q}`);
  }
  for (const [inputType, values] of Object.entries(bad)) {
    const codes = codesFor(text('q', { inputType }));
    for (const q of values) assert.ok(codes({ q }).length > 0, `${inputType} ${q}`);
  }
});

test('lengths count characters, not UTF-16 units', () => {
  const codes = codesFor(text('q', { maxLength: 2 }));
  assert.deepEqual(codes({ q: '😀😀' }), []);
  assert.deepEqual(codes({ q: '😀😀😀' }), ['too-long /answers/q']);
});

test('texts without a maxLength of their own end at 10,000 and 100,000 characters', () => {
  const codes = codesFor(text('q'), { type: 'comment', name: 'c' });
  assert.deepEqual(codes({ q: 'x'.repeat(10_000), c: 'x'.repeat(100_000) }), []);
  assert.deepEqual(codes({ q: 'x'.repeat(10_001), c: 'x'.repeat(100_001) }), [
    'too-long /answers/q',
    'too-long /answers/c',
  ]);
});

test('the words of the author tell what is missing and what does not match', () => {
  const compiled = compiledForm(
    text('zip', {
      isRequired: true,
      requiredErrorText: 'Where?',
      validators: [{ type: 'regex', regex: '^[0-9]{5}$', text: 'Five digits.' }],
    }),
  );
  const prepared = createAjvValidator().prepare(compiled, 'x');
  assert.deepEqual(prepared.check({}), [{ pointer: '/answers/zip', code: 'required', detail: 'Where?' }]);
  assert.deepEqual(prepared.check({ zip: '1' }), [
    { pointer: '/answers/zip', code: 'pattern', detail: 'Five digits.' },
  ]);
});

test('each rule is told in the words of its author, whatever keyword it became', () => {
  const compiled = compiledForm(
    text('t', {
      validators: [
        { type: 'text', minLength: 2, text: 'Longer!' },
        { type: 'regex', regex: '^a', text: 'Begin with a.' },
        { type: 'regex', regex: 'z$', caseInsensitive: true, text: { default: 'End with z.', de: 'Ende mit z.' } },
        { type: 'regex', regex: 'm' },
      ],
    }),
    text('n', {
      inputType: 'number',
      min: 3,
      minErrorText: 'At least {0}.',
      step: 2,
      stepErrorText: 'Steps of {0}.',
      validators: [{ type: 'numeric', maxValue: 9, text: 'Too much.' }],
    }),
    {
      type: 'checkbox',
      name: 'c',
      choices: [1, 2, 3],
      validators: [{ type: 'answercount', minCount: 2, text: 'Two, please.' }],
    },
  );
  const prepared = createAjvValidator().prepare(compiled, 'x');
  const details = (answers: Record<string, unknown>) =>
    prepared
      .check(answers)
      .map((issue) => issue.detail)
      .sort();
  assert.deepEqual(details({ t: 'b' }), [
    'Begin with a.',
    'End with z.',
    'Longer!',
    'Write the answer in the form that is asked for.',
  ]);
  assert.deepEqual(details({ n: 1 }), ['At least 3.', 'Steps of 2.']);
  assert.deepEqual(details({ n: 10 }), ['Too much.']);
  assert.deepEqual(details({ c: [1] }), ['Two, please.']);
});

test('no JSON value makes the check throw, and none that does not fit is kept', () => {
  const compiled = compiledForm(
    text('t', {
      validators: [
        { type: 'regex', regex: '^[a-z]*$' },
        { type: 'numeric', minValue: 1 },
      ],
    }),
    text('n', { inputType: 'number', visibleIf: '{t} > 3 or {c} contains {d}' }),
    text('at', { inputType: 'datetime-local', requiredIf: "{c} anyof ['a'] and {t} + {n} * 2 < {at}" }),
    { type: 'checkbox', name: 'c', choices: ['a', 1], showOtherItem: true },
    {
      type: 'dropdown',
      name: 'd',
      choices: ['a'],
      validators: [{ type: 'expression', expression: '{d} = {t} or {n} - {c} empty or {r} noneof {c}' }],
    },
    { type: 'boolean', name: 'b' },
    { type: 'rating', name: 'r' },
    { type: 'comment', name: 'm' },
  );
  const prepared = createAjvValidator().prepare(compiled, 'x');
  const odd = JSON.parse(
    '[null, true, false, 0, -0, 1e308, -1e-320, 9007199254740993, "", " ", "\\u0000", "\\ud800", "__proto__", "NaN", "0x10", "1,5", [], [[]], [null], ["a","a"], [1,[1]], {},' +
      '{"$gt":""}, {"__proto__":{"x":1}}, {"toString":1,"valueOf":2,"length":3}, {"constructor":{"prototype":{}}}, [{"toJSON":1}], {"then":1}]',
  );
  const names = ['t', 'n', 'at', 'c', 'd', 'b', 'r', 'm', 'c-Comment'];
  for (const first of odd) {
    assert.ok('issues' in validateAnswers(compiled, prepared, first) || typeof first === 'object');
    for (const second of odd) {
      for (const [index, name] of names.entries()) {
        const other = names[(index + 3) % names.length]!;
        const checked = validateAnswers(compiled, prepared, { [name]: first, [other]: second });
        if ('issues' in checked)
          assert.ok(
            checked.issues.every((issue) => issue.pointer.startsWith('/answers/') && issue.code && issue.detail),
          );
        else assert.deepEqual(prepared.check(checked.answers), []);
      }
    }
  }
});

test('each pattern of a form is its own, also without regard to case', () => {
  const regex = (pattern: string, more: object = {}) => ({ validators: [{ type: 'regex', regex: pattern, ...more }] });
  const codes = codesFor(
    text('a', regex('^a+$')),
    text('b', regex('^b+$', { caseInsensitive: true })),
    text('c', {
      validators: [
        { type: 'regex', regex: '^c' },
        { type: 'regex', regex: 'd$' },
      ],
    }),
  );
  assert.deepEqual(codes({ a: 'aa', b: 'bB', c: 'c d' }), []);
  assert.deepEqual(codes({ a: 'A', b: 'a', c: 'c' }), [
    'pattern /answers/a',
    'pattern /answers/b',
    'pattern /answers/c',
  ]);
});

test('a pattern that would hold up a backtracking engine takes no time', () => {
  const codes = codesFor(text('q', { validators: [{ type: 'regex', regex: '^(a+)+$' }] }), {
    type: 'comment',
    name: 'c',
    validators: [{ type: 'email' }],
  });
  const started = performance.now();
  assert.deepEqual(codes({ q: `${'a'.repeat(9_999)}!`, c: `"${'"@'.repeat(40_000)}` }), [
    'pattern /answers/q',
    'bad-format /answers/c',
  ]);
  assert.ok(performance.now() - started < 1000);
});

test('the check alone refuses unknown answers too', () => {
  const prepared = createAjvValidator().prepare(compiledForm(text('a')), 'x');
  assert.deepEqual(
    prepared.check({ b: 1 }).map((issue) => `${issue.code} ${issue.pointer}`),
    ['unknown-answer /answers/b'],
  );
});

test('the same key gives the same validator for as long as there is room, the least used goes first', () => {
  const validator = createAjvValidator({ cacheSize: 2 });
  const compiled = compiledForm(text('a'));
  const first = validator.prepare(compiled, 'one');
  const second = validator.prepare(compiled, 'two');
  assert.equal(validator.prepare(compiled, 'one'), first);
  validator.prepare(compiled, 'three');
  assert.equal(validator.prepare(compiled, 'one'), first);
  assert.notEqual(validator.prepare(compiled, 'two'), second);
});
