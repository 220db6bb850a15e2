import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Form } from '#domain/form/form.ts';
import type { ResponseCounts } from '#ports/storage.ts';
import { createAnalytics } from './analytics.ts';
import { createAnswerCache } from './queries/answer-cache.ts';

const form = { id: 'frm_1', version: 0 } as Form;
const countsOf = (total: number): ResponseCounts => ({
  total,
  perDay: [],
  byLabel: [],
  unlabelled: total,
  byField: {},
});

function world(leastGroup = 1, counts = countsOf, entries = new Map<string, string>()) {
  const gate = { open: Promise.resolve(), fails: false };
  const state = { sequence: 1 as number | undefined, total: 1, counted: 0, lastHour: 0 };
  const outcomes: string[] = [];
  const metrics = {
    count: (_name: string, labels: object) => void outcomes.push(Object.values(labels).join()),
    observe() {},
  };
  const analytics = createAnalytics({
    storage: {
      get: (async () => ({ revision: 1, doc: form })) as never,
      sequence: async () => state.sequence,
      responses: {
        analytics: async () => {
          state.counted += 1;
          const { total } = state;
          await gate.open;
          if (gate.fails) throw new Error('away');
          return counts(total);
        },
        days: async () => (state.lastHour > 0 ? [{ day: '2026-11-02', count: state.lastHour, first: 1, last: 2 }] : []),
        lines: () => assert.fail('no export here'),
        forgetKeys: async () => 0,
      },
    },
    answers: createAnswerCache({
      cache: { get: async (key) => entries.get(key), set: async (key, value) => void entries.set(key, value) },
      metrics,
      ids: { next: (prefix) => `${prefix}_1` },
      release: '1',
    }),
    clock: { now: () => 5 },
    metrics,
    leastGroup,
  });
  return { analytics, state, gate, outcomes };
}

test('equal queries at the same time count once, and each gets the answer', async () => {
  const { analytics, state, outcomes } = world();
  const answers = await Promise.all(Array.from({ length: 20 }, () => analytics.ofForm({ formId: 'frm_1' })));
  assert.equal(state.counted, 1);
  assert.deepEqual(
    answers.map(({ analytics: { total }, cached }) => [total, cached]),
    [[1, false], ...Array.from({ length: 19 }, () => [1, true])],
  );
  assert.equal(outcomes.filter((outcome) => outcome === 'hit').length, 19);
});

test('a query that begins after a change never gets the answer of one that began before it', async () => {
  const { analytics, state, gate } = world();
  const held = Promise.withResolvers<void>();
  gate.open = held.promise;
  const early = analytics.ofForm({ formId: 'frm_1' });
  await new Promise((resolve) => setImmediate(resolve));
  Object.assign(state, { sequence: 2, total: 2 });
  const late = analytics.ofForm({ formId: 'frm_1' });
  await new Promise((resolve) => setImmediate(resolve));
  held.resolve();
  assert.equal((await early).analytics.total, 1);
  assert.equal((await late).analytics.total, 2);
  assert.deepEqual((await analytics.ofForm({ formId: 'frm_1' })).analytics.total, 2);
});

test('while the store cannot tell whether something has changed each query counts, and nothing of it is kept', async () => {
  const { analytics, state, outcomes } = world();
  await analytics.ofForm({ formId: 'frm_1' });
  Object.assign(state, { sequence: undefined, total: 2 });
  const late = () => analytics.ofForm({ formId: 'frm_1' });
  for (const { analytics: counts, cached } of [...(await Promise.all([late(), late()])), await late()])
    assert.deepEqual([counts.total, cached], [2, false]);
  assert.equal(state.counted, 4);
  assert.deepEqual(outcomes, ['miss', 'miss', 'miss', 'miss']);
});

test('other ranges are other answers', async () => {
  const { analytics, state } = world();
  await analytics.ofForm({ formId: 'frm_1', from: 1 });
  await analytics.ofForm({ formId: 'frm_1', to: 1 });
  await analytics.ofForm({ formId: 'frm_1' });
  assert.equal(state.counted, 3);
});

test('a failure is told to everybody who waits, and is not kept', async () => {
  const { analytics, gate } = world();
  gate.fails = true;
  const both = [analytics.ofForm({ formId: 'frm_1' }), analytics.ofForm({ formId: 'frm_1' })];
  for (const result of await Promise.allSettled(both)) assert.equal(result.status, 'rejected');
  gate.fails = false;
  assert.equal((await analytics.ofForm({ formId: 'frm_1' })).cached, false);
});

test('counts of fewer responses than the least group are left out, and it says how many were', async () => {
  const counts = (total: number): ResponseCounts => ({
    total,
    perDay: [
      { day: '2026-11-02', count: 5 },
      { day: '2026-11-03', count: 2 },
    ],
    byLabel: [
      { label: 'praise', count: 6 },
      { label: null, count: 1 },
    ],
    unlabelled: 4,
    byField: {
      size: [
        { value: 'large', count: 6 },
        { value: 'small', count: 1 },
      ],
      member: [{ value: true, count: 3 }],
    },
  });
  const shown = {
    total: 7,
    perDay: [{ day: '2026-11-02', count: 5 }],
    byLabel: [{ label: 'praise', count: 6 }],
    unlabelled: null,
    byField: { size: [{ value: 'large', count: 6 }], member: [] },
    suppressed: 5,
    formId: 'frm_1',
    asOf: 5,
  };
  const { analytics, state } = world(5, counts);
  Object.assign(state, { total: 7, lastHour: 4 });
  const first = await analytics.ofForm({ formId: 'frm_1' });
  assert.deepEqual([first.analytics, first.lastHour], [shown, null]);
  const again = await analytics.ofForm({ formId: 'frm_1' });
  assert.deepEqual([again.analytics, again.cached], [shown, true]);
  state.lastHour = 5;
  assert.equal((await analytics.ofForm({ formId: 'frm_1' })).lastHour, 5);
  Object.assign(state, { total: 1, sequence: 2 });
  assert.equal((await analytics.ofForm({ formId: 'frm_1' })).analytics.total, null);

  const all = world(1, counts);
  Object.assign(all.state, { total: 7, lastHour: 4 });
  const open = await all.analytics.ofForm({ formId: 'frm_1' });
  assert.deepEqual([open.analytics, open.lastHour], [{ ...counts(7), suppressed: 0, formId: 'frm_1', asOf: 5 }, 4]);
});

test('nobody is shown as nobody, whatever the least group', async () => {
  const { analytics, state } = world(5);
  state.total = 0;
  const { analytics: found, lastHour } = await analytics.ofForm({ formId: 'frm_1' });
  assert.deepEqual([found.total, found.unlabelled, found.suppressed, lastHour], [0, 0, 0, 0]);
});

test('an answer for one least group is no answer for another', async () => {
  const entries = new Map<string, string>();
  const open = world(1, countsOf, entries);
  await open.analytics.ofForm({ formId: 'frm_1' });
  const guarded = world(5, countsOf, entries);
  assert.equal((await guarded.analytics.ofForm({ formId: 'frm_1' })).analytics.total, null);
});
