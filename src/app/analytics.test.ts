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

function world() {
  const entries = new Map<string, string>();
  const gate = { open: Promise.resolve(), fails: false };
  const state = { sequence: 1, total: 1, counted: 0 };
  const outcomes: string[] = [];
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
          return countsOf(total);
        },
        days: async () => [],
        forgetKeys: async () => 0,
      },
    },
    answers: createAnswerCache({
      cache: { get: async (key) => entries.get(key), set: async (key, value) => void entries.set(key, value) },
      metrics: { count: (_name, labels) => void outcomes.push(Object.values(labels).join()) },
    }),
    clock: { now: () => 5 },
    metrics: { observe() {} },
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
