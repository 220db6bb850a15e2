import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Review } from '#domain/response.ts';
import { agreement, figuresOf, type Reading, sampleOf } from './compare.ts';
import { createRehearsal } from './rehearsal.ts';

const reading = (more: Partial<Reading>): Reading => ({
  label: 'good',
  stands: 'good',
  fields: {},
  byModel: 0,
  drafted: false,
  ms: 1000,
  ...more,
});
const review = (more: Partial<Review>): Review => ({ by: 'usr_1', at: 0, ...more });

test('a model is held against what people said, and against nothing where nobody said anything', () => {
  const readings = [
    reading({ fields: { who: 'Jane' }, byModel: 1, drafted: true }),
    reading({ label: 'bad', stands: undefined, fields: { who: 'Tom' }, ms: 3000 }),
    reading({ label: 'bad', stands: 'bad', ms: 2000 }),
  ];
  const reviews = [
    review({ label: 'good', fields: { who: 'Jane' } }),
    review({ label: 'bad', fields: { who: 'Tim' } }),
    undefined,
  ];
  assert.deepEqual(figuresOf(readings, reviews), {
    labels: { right: 2, of: 2 },
    standing: { right: 1, of: 1 },
    fields: { right: 1, of: 2 },
    fieldsByModel: 1,
    drafts: 1,
    p50: 2,
    p95: 3,
  });
  // That it belongs to none of the labels is something that a person can say.
  const none = figuresOf([reading({ label: null })], [review({ label: null })]);
  assert.deepEqual(none.labels, { right: 1, of: 1 });
  assert.deepEqual(figuresOf([reading({})], [undefined]).labels, { right: 0, of: 0 });
});

test('two models agree on a label they both gave, and on a field that one of them has only where both have the same', () => {
  const one = [reading({ fields: { who: 'Jane', day: '1' } }), reading({ label: undefined })];
  const other = [reading({ fields: { who: 'Jane' } }), reading({ label: 'bad' })];
  assert.deepEqual(agreement(one, other), { labels: { right: 1, of: 1 }, fields: { right: 1, of: 2 } });
});

test('reviewed responses come first, each kind the newest first', async () => {
  const docs = [1, 2, 3, 4, 5].map((id) => ({ id: `rsp_${id}`, ...(id > 3 && { review: review({}) }) }));
  const list = async (_: string, { after, limit }: { after?: string; limit: number }) => {
    const from = Number(after ?? 0);
    const next = from + Math.min(2, limit);
    return {
      items: docs.slice(from, next).map((doc) => ({ revision: 1, doc })),
      next: next < docs.length ? String(next) : undefined,
    };
  };
  const storage = { list } as unknown as Parameters<typeof sampleOf>[0];
  const ids = async (limit: number, lookThrough?: number) =>
    (await sampleOf(storage, 'frm_1', limit, lookThrough)).map(({ id }) => id);
  assert.deepEqual(await ids(3), ['rsp_4', 'rsp_5', 'rsp_1']);
  assert.deepEqual(await ids(1), ['rsp_4']);
  assert.deepEqual(await ids(3, 2), ['rsp_1', 'rsp_2']);
});

test('a rehearsal keeps nothing, and refuses what is not about a response that was entered', async () => {
  const real = { get: async () => undefined, commit: () => assert.fail('written') } as never;
  const { storage, enter, now } = createRehearsal(real);
  const response = { id: 'rsp_1', status: 'completed', applied: ['tsk_1'], understanding: {}, receipt: { seq: 1 } };
  enter(response as never);
  assert.deepEqual(
    [now('rsp_1').status, now('rsp_1').understanding, now('rsp_1').applied],
    ['accepted', undefined, []],
  );
  const change = { op: 'update', kind: 'response', doc: { ...now('rsp_1'), status: 'completed' }, expect: 1 } as const;
  assert.deepEqual(await storage.commit({ change }), { outcome: 'committed', revision: 2 });
  assert.equal(now('rsp_1').status, 'completed');
  assert.deepEqual(await storage.commit({ change }), { outcome: 'conflict' });
  await assert.rejects(storage.commit({ change: { op: 'none' } }), /writes nothing/);
});
