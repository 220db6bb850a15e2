import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalStats, refusalTable, refusalTables } from './refusal-stats.ts';

const counted = {
  formId: 'frm_1',
  from: '2026-11-01',
  to: '2026-11-02',
  refused: 6,
  accepted: 18,
  byQuestion: [
    { question: 'email', code: 'required', count: 5 },
    { question: null, code: 'other', count: 1 },
  ] as const,
  byDay: [
    { day: '2026-11-01', refused: 1, accepted: 18 },
    { day: '2026-11-02', refused: 5, accepted: 0 },
  ],
  asOf: 7,
};
const stats = (leastGroup: number, over: object = {}) =>
  refusalStats({ ...counted, byQuestion: [...counted.byQuestion], ...over }, leastGroup);

test('without a least group everything is told', () => {
  const { byDay, byQuestion, ...rest } = stats(1);
  assert.deepEqual([byDay, byQuestion], [counted.byDay, counted.byQuestion]);
  assert.deepEqual([rest.refused, rest.accepted, rest.shareRefused, rest.suppressed], [6, 18, 0.25, 0]);
  assert.equal(stats(1, { refused: 0, accepted: 0 }).shareRefused, null, 'of nothing there is no share');
});

test('counts of too few are null or left out, and counted; nothing at all may be told', () => {
  const { byDay, byQuestion, refused, accepted, shareRefused, suppressed, suppressedIn } = stats(5);
  assert.deepEqual(byQuestion, [counted.byQuestion[0]]);
  assert.deepEqual(byDay, [
    { day: '2026-11-01', refused: null, accepted: 18 },
    { day: '2026-11-02', refused: 5, accepted: 0 },
  ]);
  assert.deepEqual([refused, accepted, shareRefused, suppressed], [6, 18, 0.25, 2]);
  assert.deepEqual(suppressedIn, { by_question: 1, per_day: 1 });
  const few = stats(7);
  assert.deepEqual([few.refused, few.accepted, few.shareRefused, few.suppressed], [null, 18, null, 5]);
  assert.deepEqual(few.suppressedIn, { by_question: 2, per_day: 2 }, 'and one of all');
});

test('each table holds the rows of its list, under the names of its columns', () => {
  const all = stats(5);
  assert.deepEqual(refusalTable('by_question', all).rows, all.byQuestion);
  assert.deepEqual(refusalTable('per_day', all).rows, all.byDay);
  for (const name of refusalTables) {
    const { columns, rows } = refusalTable(name, all);
    for (const row of rows) assert.deepEqual(Object.keys(row), Object.keys(columns));
  }
});
