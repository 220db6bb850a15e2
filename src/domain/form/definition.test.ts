import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Issue } from '#domain/errors.ts';
import { parseDefinition } from './definition.ts';
import { limits } from './limits.ts';

function issuesOf(definition: unknown): Issue[] {
  const parsed = parseDefinition(definition);
  return 'issues' in parsed ? parsed.issues : [];
}

/** "code pointer" of every issue of a form with these elements. */
function codes(...elements: unknown[]): string[] {
  return issuesOf({ elements }).map((issue) => `${issue.code} ${issue.pointer}`);
}

const text = { type: 'text', name: 'a' };

test('a form with every supported element is taken as it is', () => {
  const definition = {
    title: { default: 'Everything', de: 'Alles', 'pt-BR': 'Tudo' },
    description: 'All of it',
    locale: 'en',
    showProgressBar: 'top',
    pages: [
      {
        name: 'one',
        title: 'One',
        elements: [
          {
            type: 'text',
            name: 'name',
            isRequired: true,
            requiredErrorText: 'Your name, please.',
            placeholder: 'Ada',
            maxLength: 80,
          },
          { type: 'text', name: 'born', inputType: 'date', min: '1900-01-01', max: '2026-12-31' },
          {
            type: 'text',
            name: 'grade',
            inputType: 'number',
            min: 0,
            max: 6,
            step: 0.5,
            validators: [{ type: 'numeric', minValue: 1 }],
          },
          {
            type: 'comment',
            name: 'why',
            rows: 4,
            validators: [
              { type: 'text', minLength: 10 },
              { type: 'regex', regex: '^[^<>]*$' },
            ],
          },
          {
            type: 'panel',
            name: 'inner',
            visibleIf: '{grade} > 3',
            elements: [{ type: 'boolean', name: 'sure', valueTrue: 'yes', valueFalse: 'no' }],
          },
        ],
      },
      {
        name: 'two',
        visibleIf: "{sure} = 'yes'",
        elements: [
          {
            type: 'dropdown',
            name: 'one-of',
            choices: ['a', 2, { value: 'b', text: { default: 'B', de: 'Be' } }],
            showOtherItem: true,
            choicesOrder: 'asc',
          },
          { type: 'radiogroup', name: 'größe', choices: ['S', 'M'], hasNone: true, colCount: 2 },
          {
            type: 'checkbox',
            name: 'several',
            choices: [1, 2, 3],
            minSelectedChoices: 1,
            maxSelectedChoices: 2,
            validators: [{ type: 'answercount', maxCount: 2 }],
          },
          { type: 'rating', name: 'stars', rateMin: 0, rateMax: 10, rateStep: 2, minRateDescription: 'bad' },
          { type: 'rating', name: 'words', rateValues: ['bad', { value: 'good', text: 'Good!' }] },
        ],
      },
    ],
  };
  assert.deepEqual(parseDefinition(definition), { definition });
});

test('whatever is not a form is refused without throwing', () => {
  for (const input of [undefined, null, 1, 'form', true, [], [{}], () => 1])
    assert.deepEqual(
      issuesOf(input).map((issue) => issue.code),
      ['wrong-type'],
    );
  for (const input of [{}, { elements: [] }, { pages: [] }, { pages: [{}] }, { elements: [{ type: 'panel' }] }])
    assert.ok(issuesOf(input).length > 0);
  const odd = [
    null,
    5,
    'x',
    [],
    {},
    { type: 5 },
    { type: '__proto__' },
    { type: 'toString' },
    { type: 'text' },
    { type: 'text', name: {} },
  ];
  for (const element of odd) assert.equal(issuesOf({ elements: [element] }).length, 1, JSON.stringify(element));
  for (const pages of [5, null, {}, [null], [5], [{ elements: 5 }]]) assert.ok(issuesOf({ pages }).length > 0);
});

test('elements of other types are refused with those that are supported', () => {
  for (const type of ['file', 'matrix', 'html', 'image', 'expression', 'paneldynamic', 'signaturepad', 'tagbox']) {
    assert.deepEqual(codes({ type, name: 'a' }), ['unsupported-element /elements/0/type']);
  }
});

test('unknown properties are refused with their pointer, on every kind of object', () => {
  const issues = issuesOf({
    colour: 'red',
    pages: [
      {
        name: 'p',
        'a/b~c': 1,
        elements: [
          { ...text, foo: 1, validators: [{ type: 'email', bar: 2 }] },
          { type: 'panel', baz: 1 },
        ],
      },
    ],
  });
  assert.deepEqual(
    issues.map((issue) => issue.pointer),
    [
      '/colour',
      '/pages/0/a~1b~0c',
      '/pages/0/elements/0/foo',
      '/pages/0/elements/0/validators/0/bar',
      '/pages/0/elements/1/baz',
    ],
  );
  assert.ok(issues.every((issue) => issue.code === 'unknown-property'));
});

test('known properties that would change the answers are refused with what to do instead', () => {
  const rows: [object, RegExp][] = [
    [{ ...text, enableIf: '{a} = 1' }, /visibleIf/],
    [{ ...text, maskSettings: {} }, /regex/],
    [{ ...text, valueName: 'b' }, /own name/],
    [{ type: 'dropdown', name: 'a', choices: ['x'], choicesByUrl: { url: 'http://x' } }, /Write the choices/],
    [{ type: 'panel', isRequired: true, elements: [text] }, /questions inside/],
    [{ type: 'dropdown', name: 'a', choices: [{ value: 'x', visibleIf: '{a} = 1' }] }, /single choices/],
  ];
  for (const [element, cure] of rows) {
    const issues = issuesOf({ elements: [element] });
    assert.deepEqual(
      issues.map((issue) => issue.code),
      ['unsupported-property'],
    );
    assert.match(issues[0]!.detail, cure);
  }
});

test('properties of a wrong kind are refused', () => {
  assert.deepEqual(
    codes({
      ...text,
      isRequired: 'yes',
      title: 5,
      description: { default: 1 },
      minLength: -1,
      visibleIf: '',
      clearIfInvisible: 'none',
    }),
    [
      'wrong-type /elements/0/isRequired',
      'wrong-type /elements/0/title',
      'wrong-type /elements/0/description',
      'wrong-type /elements/0/minLength',
      'wrong-type /elements/0/visibleIf',
      'unsupported-value /elements/0/clearIfInvisible',
    ],
  );
});

test('names must be plain, unique without regard to case, and without a meaning of their own', () => {
  for (const name of ['1a', 'a b', 'a.b', '-a', 'a$', '$a', 'x'.repeat(65), 'a\u0301', 'a\n'])
    assert.deepEqual(codes({ type: 'text', name }), ['bad-name /elements/0/name'], name);
  for (const name of [
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'hasOwnProperty',
    'a-Comment',
    'item',
    'Locale',
  ]) {
    assert.deepEqual(
      codes(JSON.parse(`{"type":"text","name":${JSON.stringify(name)}}`)),
      ['reserved-name /elements/0/name'],
      name,
    );
  }
  assert.deepEqual(
    codes({ type: 'text', name: 'Age' }, { type: 'panel', elements: [{ type: 'boolean', name: 'age' }] }),
    ['duplicate-name /elements/1/elements/0/name'],
  );
  for (const name of ['a', '_x-1', 'größe', '年齢', 'x'.repeat(64)])
    assert.deepEqual(codes({ type: 'text', name }), [], name);
});

test('a condition may only name questions of the form, as they are spelt', () => {
  const issues = issuesOf({
    elements: [
      { ...text, visibleIf: '{b} = 1 and {A} = 2', requiredIf: '{a} =' },
      { type: 'panel', visibleIf: '{panel.x} = 1', elements: [] },
    ],
  });
  assert.deepEqual(issues.map((issue) => `${issue.code} ${issue.pointer}`).sort(), [
    'bad-expression /elements/0/requiredIf',
    'unknown-name /elements/0/visibleIf',
    'unknown-name /elements/0/visibleIf',
    'unknown-name /elements/1/visibleIf',
  ]);
  assert.ok(issues.some((issue) => issue.detail.includes('write {a}')));
});

test('conditions may form circles and name questions further down', () => {
  assert.deepEqual(codes({ ...text, visibleIf: '{b} empty' }, { type: 'text', name: 'b', visibleIf: '{a} empty' }), []);
});

test('choices are scalars or values with texts, each once', () => {
  const choices = (...list: unknown[]) => codes({ type: 'dropdown', name: 'a', choices: list });
  const at = '/elements/0/choices';
  assert.deepEqual(choices(), [`missing ${at}`]);
  assert.deepEqual(choices('a', 1, { value: 'b' }), []);
  assert.deepEqual(choices('a', 'a'), [`duplicate-choice ${at}/1`]);
  assert.deepEqual(choices(1, { value: '1', text: 'one' }), [`duplicate-choice ${at}/1/value`]);
  assert.deepEqual(choices('a|b'), [`unsupported-value ${at}/0`]);
  for (const odd of [null, true, '', ' ', [], {}, { value: {} }, 'x'.repeat(257)])
    assert.equal(choices(odd).length, 1, JSON.stringify(odd));
  assert.deepEqual(codes({ type: 'dropdown', name: 'a' }), [`missing ${at}`]);
  assert.deepEqual(codes({ type: 'dropdown', name: 'a', showOtherItem: true, choices: ['other'] }), [
    `duplicate-choice ${at}/0`,
  ]);
  const many = (count: number) =>
    codes({ type: 'checkbox', name: 'a', choices: Array.from({ length: count }, (_, index) => index) });
  assert.deepEqual(many(limits.choices), []);
  assert.deepEqual(many(limits.choices + 1), [`too-many ${at}`]);
});

test('min, max, step and validators must fit the inputType', () => {
  const of = (inputType: string, part: object) =>
    codes({ ...text, inputType, ...part }).map((code) => code.replace('/elements/0/', ''));
  assert.deepEqual(of('number', { min: '1' }), ['wrong-type min']);
  assert.deepEqual(of('number', { min: 5, max: 1 }), ['contradiction max']);
  assert.deepEqual(of('number', { step: 0 }), ['wrong-type step']);
  assert.deepEqual(of('number', { maxLength: 3 }), ['unsupported-property maxLength']);
  assert.deepEqual(of('number', { validators: [{ type: 'regex', regex: 'x' }] }), [
    'unsupported-validator validators/0/type',
  ]);
  assert.deepEqual(of('text', { min: 3 }), ['unsupported-property min']);
  assert.deepEqual(of('date', { min: '=today()' }), ['wrong-type min']);
  assert.deepEqual(of('date', { min: '2026-02-01', max: '2026-01-01' }), ['contradiction max']);
  assert.deepEqual(of('time', { min: '08:00', max: '18:00', step: 60 }), []);
  assert.deepEqual(of('week', { min: '2026-W05' }), []);
  assert.deepEqual(of('toString', {}), ['unsupported-value inputType']);
});

test('validators need their parts and belong to certain questions', () => {
  const of = (validator: unknown) =>
    codes({ ...text, validators: [validator] }).map((code) => code.replace('/elements/0/validators/0', ''));
  assert.deepEqual(of({ type: 'regex' }), ['missing /regex']);
  assert.deepEqual(of({ type: 'regex', regex: '(?=x)' }), ['bad-pattern /regex']);
  assert.deepEqual(of({ type: 'expression' }), ['missing /expression']);
  assert.deepEqual(of({ type: 'answercount', minCount: 1 }), ['unsupported-validator /type']);
  assert.deepEqual(of('email'), ['wrong-type ']);
  assert.deepEqual(of({ type: 'text', allowDigits: false }), ['unsupported-property /allowDigits']);
});

test('contradictions within a question are refused', () => {
  const first = (element: object) => codes({ name: 'a', ...element })[0]?.replace('/elements/0/', '');
  assert.equal(first({ type: 'boolean', valueTrue: 'x', valueFalse: 'x' }), 'contradiction valueFalse');
  assert.equal(first({ type: 'comment', minLength: 9, maxLength: 3 }), 'contradiction maxLength');
  assert.equal(
    first({ type: 'checkbox', choices: [1, 2], minSelectedChoices: 2, maxSelectedChoices: 1 }),
    'contradiction maxSelectedChoices',
  );
  assert.equal(first({ type: 'rating', rateMin: 5, rateMax: 1 }), 'contradiction rateMax');
  assert.equal(first({ type: 'rating', rateMax: 21 }), 'contradiction rateMax');
  assert.equal(first({ type: 'rating', rateMax: 10, rateCount: 5 }), 'contradiction rateCount');
  assert.equal(first({ type: 'rating', autoGenerate: false }), 'missing rateValues');
  assert.deepEqual(
    issuesOf({ pages: [], elements: [text] }).map((issue) => issue.code),
    ['contradiction'],
  );
});

test('all problems are reported at once, 50 at most', () => {
  assert.equal(codes({ type: 'file' }, { ...text, foo: 1, visibleIf: '{x' }, { type: 'text', name: 'A' }).length, 4);
  assert.equal(codes(...Array.from({ length: 80 }, () => ({ type: 'file' }))).length, limits.issues);
});

test('500 elements and panels 8 deep are taken, more are not', () => {
  const many = (count: number) =>
    codes(...Array.from({ length: count }, (_, index) => ({ type: 'text', name: `q${index}` })));
  assert.deepEqual(many(limits.elements), []);
  assert.deepEqual(many(limits.elements + 1), ['too-many ']);
  const nested = (levels: number) =>
    Array.from({ length: levels }).reduce<object>((inner) => ({ type: 'panel', elements: [inner] }), text);
  assert.deepEqual(codes(nested(limits.panelDepth)), []);
  assert.deepEqual(
    codes(nested(limits.panelDepth + 1)).map((code) => code.split(' ')[0]),
    ['too-deep'],
  );
});

test('what is too large, too deep or cannot be kept is refused before it is read', () => {
  assert.deepEqual(
    issuesOf({ elements: [{ ...text, title: 'x'.repeat(limits.definitionBytes) }] }).map((issue) => issue.code),
    ['too-large'],
  );
  const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`);
  assert.deepEqual(
    issuesOf({ elements: deep }).map((issue) => issue.code),
    ['too-deep'],
  );
  for (const broken of ['a\u0000', '\ud800', '\udc00x']) {
    assert.deepEqual(
      issuesOf({ elements: [{ ...text, title: broken }] }).map((issue) => `${issue.code} ${issue.pointer}`),
      ['invalid-character /elements/0/title'],
    );
    assert.deepEqual(
      issuesOf({ elements: [{ ...text, [broken]: 1 }] }).map((issue) => `${issue.code} ${issue.pointer}`),
      ['invalid-character /elements/0'],
    );
  }
});

test('members called __proto__ are seen and refused', () => {
  const issues = issuesOf(
    JSON.parse('{"__proto__":{"elements":[]},"elements":[{"type":"text","name":"a","__proto__":{"isRequired":true}}]}'),
  );
  assert.deepEqual(
    issues.map((issue) => issue.pointer),
    ['/__proto__', '/elements/0/__proto__'],
  );
});
