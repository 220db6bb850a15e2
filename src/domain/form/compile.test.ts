import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileForm, contentSha256 } from './compile.ts';
import { type FormDefinition, type FormElement, parseDefinition } from './definition.ts';

function compiled(...elements: object[]) {
  const parsed = parseDefinition({ elements });
  assert.ok('definition' in parsed, JSON.stringify(parsed));
  return compileForm(parsed.definition);
}

function schemaOf(element: object): unknown {
  return (compiled({ name: 'q', ...element }).schema.properties as Record<string, unknown>).q;
}

test('each kind of question has the schema of its answers', () => {
  const rows: [object, object][] = [
    [{ type: 'text' }, { type: 'string', maxLength: 10_000 }],
    [
      { type: 'text', title: { default: 'Town', de: 'Ort' }, maxLength: 5 },
      { title: 'Town', type: 'string', maxLength: 5 },
    ],
    [
      { type: 'comment', minLength: 2 },
      { type: 'string', minLength: 2, maxLength: 100_000 },
    ],
    [
      { type: 'text', inputType: 'email' },
      { type: 'string', maxLength: 10_000, format: 'email' },
    ],
    [
      { type: 'text', inputType: 'number', min: 1, max: 9, step: 2 },
      { type: 'number', minimum: 1, maximum: 9, multipleOf: 2 },
    ],
    [
      { type: 'text', inputType: 'number', max: -1, validators: [{ type: 'numeric', minValue: -5, maxValue: -3 }] },
      { type: 'number', minimum: -5, maximum: -3 },
    ],
    [{ type: 'text', inputType: 'range', step: 5 }, { type: 'number' }],
    [{ type: 'boolean' }, { type: 'boolean' }],
    [
      { type: 'boolean', valueTrue: 'yes' },
      { type: ['string', 'boolean'], enum: ['yes', false] },
    ],
    [
      { type: 'rating', rateMin: 0, rateMax: 0.5, rateStep: 0.1 },
      { type: 'number', enum: [0, 0.1, 0.2, 0.3, 0.4, 0.5] },
    ],
    [
      { type: 'rating', rateCount: 3 },
      { type: 'number', enum: [1, 2, 3] },
    ],
    [
      { type: 'dropdown', choices: ['a', { value: 1, text: 'one' }], showOtherItem: true, hasNone: true },
      { type: ['string', 'number'], enum: ['a', 1, 'other', 'none'] },
    ],
    [
      {
        type: 'checkbox',
        choices: ['a', 'b', 'c'],
        maxSelectedChoices: 2,
        validators: [{ type: 'answercount', minCount: 2 }],
      },
      { type: 'array', items: { type: 'string', enum: ['a', 'b', 'c'] }, uniqueItems: true, minItems: 2, maxItems: 2 },
    ],
  ];
  for (const [element, expected] of rows) assert.deepEqual(schemaOf(element), expected);
});

test('several patterns and formats of one text are all kept', () => {
  const validators = [
    { type: 'regex', regex: '^a', caseInsensitive: true },
    { type: 'regex', regex: 'z$' },
    { type: 'email' },
    { type: 'text', minLength: 3, maxLength: 9 },
  ];
  assert.deepEqual(schemaOf({ type: 'text', validators }), {
    type: 'string',
    minLength: 3,
    maxLength: 9,
    format: 'email',
    pattern: '(?i:^a)',
    allOf: [{ pattern: 'z$' }],
  });
});

test('validators that only warn change nothing', () => {
  assert.deepEqual(
    schemaOf({ type: 'comment', validators: [{ type: 'text', minLength: 3, notificationType: 'warning' }] }),
    { type: 'string', maxLength: 100_000 },
  );
});

test('only what must always be answered is required by the schema', () => {
  const form = compiled(
    { type: 'text', name: 'always', isRequired: true },
    { type: 'text', name: 'sometimes', isRequired: true, visibleIf: '{always} = 1' },
    { type: 'text', name: 'decided', isRequired: true, requiredIf: '{always} = 1' },
    { type: 'text', name: 'hidden', isRequired: true, visible: false },
    { type: 'text', name: 'fixed', isRequired: true, readOnly: true },
    { type: 'panel', readOnly: true, elements: [{ type: 'text', name: 'inside', isRequired: true }] },
  );
  assert.deepEqual(form.schema.required, ['always']);
  assert.equal(form.schema.additionalProperties, false);
  assert.deepEqual(
    form.questions.filter((one) => one.required).map((one) => one.name),
    ['always', 'sometimes', 'hidden'],
  );
});

test('a question inherits the conditions around it, each kept once, and a condition decides over visible', () => {
  const definition = {
    pages: [
      {
        visibleIf: '{a} = 1',
        elements: [
          { type: 'text', name: 'a', visible: false },
          {
            type: 'panel',
            visible: false,
            visibleIf: '{a} = 2',
            elements: [{ type: 'text', name: 'b', visibleIf: '{a} = 1' }],
          },
        ],
      },
      { visible: false, elements: [{ type: 'text', name: 'c' }] },
    ],
  };
  const form = compileForm(definition as FormDefinition);
  assert.equal(form.conditions.length, 2);
  assert.deepEqual(
    form.questions.map((one) => [one.name, one.pointer, one.visible, one.visibleIf]),
    [
      ['a', '/pages/0/elements/0', false, [0]],
      ['b', '/pages/0/elements/1/elements/0', true, [0, 1]],
      ['c', '/pages/1/elements/0', false, undefined],
    ],
  );
});

test('columns have ids that outlive versions and types that fit', () => {
  const form = compiled(
    { type: 'text', name: 'age', inputType: 'number' },
    { type: 'text', name: 'born', inputType: 'date' },
    { type: 'text', name: 'at', inputType: 'datetime-local' },
    { type: 'text', name: 'secret', inputType: 'password' },
    { type: 'boolean', name: 'ok' },
    { type: 'checkbox', name: 'tags', choices: ['a'] },
    { type: 'rating', name: 'stars' },
    { type: 'dropdown', name: 'mixed', choices: [1, 'a'], showOtherItem: true, title: 'Mixed' },
  );
  assert.deepEqual(
    form.columns.map((column) => `${column.id} ${column.type} ${column.title}`),
    [
      'age__number number age',
      'born__date date born',
      'at__timestamp timestamp at',
      'ok__boolean boolean ok',
      'tags__list string[] tags',
      'stars__number number stars',
      'mixed__text string Mixed',
      'mixed_comment_b86189c0__text string Mixed (other)',
    ],
  );
});

test('column ids are plain, and differ wherever the names differ', () => {
  const names = ['age', 'a_b', 'a-b', 'größe', 'grösse', 'gr_e', '_age', '年齢', 'a__b', 'x1', 'Age2', 'age-2'];
  const ids = compiled(...names.map((name) => ({ type: 'text', name }))).columns.map((column) => column.id);
  assert.equal(new Set(ids).size, names.length);
  for (const id of ids) assert.match(id, /^[a-z][a-z0-9_]*$/);
  assert.equal(ids[0], 'age__text');
});

test('free texts are comments, plain texts and what other stands for', () => {
  const form = compiled(
    { type: 'text', name: 'subject' },
    { type: 'text', name: 'mail', inputType: 'email' },
    { type: 'text', name: 'code', inputType: 'password' },
    { type: 'comment', name: 'message' },
    { type: 'radiogroup', name: 'topic', choices: ['a'], hasOther: true },
  );
  assert.deepEqual(form.texts, ['subject', 'message', 'topic-Comment']);
});

test('a compiled form is plain JSON', () => {
  const elements: FormElement[] = [
    {
      type: 'checkbox',
      name: 'c',
      choices: ['a', 'b'],
      minSelectedChoices: 1,
      visibleIf: "{t} = 'x' and !({d} > '2020-01-01')",
    },
    {
      type: 'text',
      name: 't',
      validators: [
        { type: 'numeric', minValue: 1 },
        { type: 'expression', expression: '{c} empty' },
      ],
    },
    { type: 'text', name: 'd', inputType: 'date', min: '2020-01-01' },
  ];
  const form = compileForm({ elements });
  assert.deepEqual(JSON.parse(JSON.stringify(form)), form);
});

test('the content hash knows contents, not the order of members', () => {
  const one = contentSha256({ title: 'T', elements: [{ type: 'text', name: 'a' }] });
  assert.match(one, /^[0-9a-f]{64}$/);
  assert.equal(contentSha256({ elements: [{ name: 'a', type: 'text' }], title: 'T' }), one);
  assert.notEqual(contentSha256({ elements: [{ name: 'b', type: 'text' }], title: 'T' }), one);
});
