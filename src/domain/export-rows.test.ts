import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellOf, planForm } from './export-rows.ts';
import { compileForm } from './form/compile.ts';
import type { FormDefinition } from './form/definition.ts';
import type { Json } from './json.ts';
import type { KeptResponse } from './response.ts';

const versionOf = (version: number, elements: object[], fields: string[] = []) => ({
  version,
  compiled: compileForm({ elements } as unknown as FormDefinition),
  intelligence: { extract: { fields: fields.map((name) => ({ name, type: 'text' as const })) } },
});
const names = (versions: Parameters<typeof planForm>[0]) => planForm(versions).columns.map(({ name }) => name);

const responseOf = (formVersion: number, answers: Record<string, Json>): KeptResponse => ({
  id: 'rsp_1',
  formId: 'frm_1',
  formVersion,
  status: 'accepted',
  answers,
  metadata: undefined,
  submittedAt: 0,
  day: '1970-01-01',
  bodySha256: '',
  idempotency: undefined,
  salt: '',
  payloadSha256: '',
  hiddenDropped: 0,
  steps: [],
  understanding: undefined,
  review: undefined,
  applied: [],
  receipt: { chain: 'chn_1', seq: 1, sha256: 'a', previous: 'b' },
});

test('a later version adds columns and moves none before the new ones', () => {
  const one = versionOf(1, [{ type: 'text', name: 'city' }], ['amount']);
  const two = versionOf(
    2,
    [
      { type: 'text', name: 'zip' },
      { type: 'text', name: 'city' },
    ],
    ['amount', 'date'],
  );
  const [first, both] = [names([one]), names([two, one])];
  assert.deepEqual(
    both.filter((name) => first.includes(name)),
    first,
  );
  assert.deepEqual(
    both.filter((name) => !first.includes(name)),
    ['zip__text', 'x_date'],
  );
});

test('an answer goes to the column that its own version gave it', () => {
  const plan = planForm([
    versionOf(1, [{ type: 'text', name: 'age', inputType: 'number' }]),
    versionOf(2, [{ type: 'text', name: 'age' }]),
  ]);
  const cell = (response: KeptResponse, name: string) =>
    plan.rowOf(response).cells[plan.columns.findIndex((column) => column.name === name)];
  assert.equal(cell(responseOf(1, { age: 40 }), 'age__number'), 40);
  assert.equal(cell(responseOf(1, { age: 40 }), 'age__text'), null);
  assert.equal(cell(responseOf(2, { age: '40' }), 'age__text'), '40');
  assert.equal(plan.rowOf(responseOf(2, { age: '40' })).misfits, 0);
});

test('an answer that is a password in any version has no column, in rows of every version', () => {
  const asText = versionOf(1, [
    { type: 'text', name: 'pin' },
    { type: 'text', name: 'city' },
  ]);
  const versions = [asText, versionOf(2, [{ type: 'text', name: 'pin', inputType: 'password' }])];
  assert.ok(names([asText]).includes('pin__text'));
  assert.deepEqual(
    names(versions),
    names([asText]).filter((name) => name !== 'pin__text'),
  );
  const { cells } = planForm(versions).rowOf(responseOf(1, { pin: 'hush', city: 'Ulm' }));
  assert.equal(cells.length, names(versions).length);
  assert.deepEqual([cells.includes('Ulm'), cells.includes('hush')], [true, false]);
});

test('names of columns are plain and unique, whatever questions and fields are called', () => {
  const fields = ['Größe', 'größe', 'amount', 'Amount', 'amount__number', 'a b', 'a.b', '1st', 'day'];
  const all = names([
    versionOf(
      1,
      ['day', 'label', 'x_amount', 'Label', 'constructor', '__proto__'].map((name) => ({ type: 'text', name })),
      fields,
    ),
  ]);
  assert.equal(new Set(all.map((name) => name.toLowerCase())).size, all.length);
  for (const name of all) assert.match(name, /^[a-z0-9_]+$/);
});

test('a name that every object has is no answer', () => {
  const plan = planForm([versionOf(1, [{ type: 'text', name: 'constructor' }])]);
  assert.deepEqual(plan.rowOf(responseOf(1, {})).cells, plan.rowOf(responseOf(1, { other: 1 })).cells);
});

test('a row has a cell for each column', () => {
  const plan = planForm([
    versionOf(
      1,
      [
        { type: 'text', name: 'a' },
        { type: 'comment', name: 'b' },
      ],
      ['f'],
    ),
  ]);
  assert.equal(plan.rowOf(responseOf(1, {})).cells.length, plan.columns.length);
});

const fitting: [Json, Parameters<typeof cellOf>[1], unknown][] = [
  ['x', 'string', 'x'],
  [1, 'string', '1'],
  [false, 'string', 'false'],
  ['\ud800', 'string', '\ufffd'],
  [['a', 1], 'string[]', ['a', '1']],
  [1.5, 'number', 1.5],
  [0, 'number', 0],
  [false, 'boolean', false],
  ['2024-02-29', 'date', '2024-02-29'],
  ['2026-01-31T09:00', 'timestamp', '2026-01-31T09:00'],
  ['2026-01-31T23:59:59.5', 'timestamp', '2026-01-31T23:59:59.5'],
];
const misfits: [Json, Parameters<typeof cellOf>[1]][] = [
  [{ a: 1 }, 'string'],
  [['a'], 'string'],
  ['a', 'string[]'],
  [[['a']], 'string[]'],
  ['1', 'number'],
  [true, 'number'],
  [1, 'boolean'],
  ['2026-02-30', 'date'],
  ['2026-1-1', 'date'],
  [20260101, 'date'],
  ['2026-01-31', 'timestamp'],
  ['2026-01-31T24:00', 'timestamp'],
  ['2026-02-30T09:00', 'timestamp'],
  ['2026-01-31T09:00Z', 'timestamp'],
];
for (const [value, type, cell] of fitting)
  test(`${JSON.stringify(value)} fits a ${type}`, () => assert.deepEqual(cellOf(value, type), cell));
for (const [value, type] of misfits)
  test(`${JSON.stringify(value)} does not fit a ${type}`, () => assert.equal(cellOf(value, type), undefined));
