import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statsOf } from './intelligence-stats.ts';
import type { Provenance, Response, Review, Understanding } from './response.ts';

const head = (milliseconds: number): Provenance => ({
  tier: 'head',
  model: 'ngram-head/1',
  modelSha256: 'a1',
  inputSha256: '',
  milliseconds,
  at: 0,
});
const llm = (more: Partial<Provenance> = {}): Provenance => ({
  tier: 'llm',
  model: 'small',
  modelSha256: 'b2',
  inputSha256: '',
  milliseconds: 900,
  at: 0,
  tokens: { prompt: 100, reused: 80, answer: 5 },
  times: { queue: 10, firstToken: 60 },
  ...more,
});
const rules: Provenance = { tier: 'rules', model: 'rules/1', inputSha256: '', milliseconds: 2, at: 0 };
const verdict = (label: string | null, needsReview: boolean, provenance: Provenance) => ({
  label,
  confidence: 0.9,
  tier: provenance.tier,
  needsReview,
  alternatives: [],
  provenance,
});
const field = (value: string, tier: 'rules' | 'llm') => ({
  value,
  source: value,
  start: 0,
  end: 1,
  question: 'q',
  tier,
});
const by = { by: 'somebody', at: 0 };

function counted(responses: { understanding?: Understanding; review?: Omit<Review, 'by' | 'at'>; at?: number }[]) {
  const stats = statsOf();
  for (const { understanding, review, at = 0 } of responses)
    stats.add({ understanding, review: review && { ...review, ...by }, submittedAt: at } as Response);
  return stats.result();
}

test('of no responses there is nothing to say, and nothing is divided by zero', () => {
  const stats = counted([]);
  assert.deepEqual(
    [stats.responses, stats.from, stats.to, stats.abstainedShare, stats.modelMilliseconds],
    [0, undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(stats.parts.classify, { results: 0, tiers: [], outcomes: {} });
});

test('labels are counted by the model that gave them: shares, unsure ones, and what people left as it was', () => {
  const { parts, abstainedShare, from, to, responses } = counted([
    { at: 5, understanding: { classify: verdict('a', false, head(1)) }, review: { label: 'a' } },
    { at: 3, understanding: { classify: verdict('a', false, head(2)) }, review: { label: 'b' } },
    { at: 9, understanding: { classify: verdict('b', true, head(30)) }, review: { reply: 'about something else' } },
    { at: 4, understanding: { classify: verdict(null, false, llm()) }, review: { label: null } },
    {
      at: 6,
      understanding: {
        skipped: { classify: 'no-trained-head' },
        trail: [{ part: 'classify', tier: 'head', outcome: 'no-trained-head' }],
      },
    },
    { at: 7 },
  ]);
  assert.deepEqual([responses, from, to], [6, 3, 9]);
  const [first, second] = parts.classify.tiers;
  assert.equal(parts.classify.results, 4);
  assert.deepEqual(
    [first!.tier, first!.answered, first!.share, first!.needsReview, first!.reviewed, first!.agreed],
    ['head', 3, 0.75, 1, 2, 1],
  );
  assert.deepEqual(first!.milliseconds, { p50: 2, p95: 30, max: 30 });
  assert.deepEqual([first!.tokens, first!.queueMs], [undefined, undefined]);
  assert.deepEqual([second!.tier, second!.reviewed, second!.agreed], ['llm', 1, 1], '"none" is a label too');
  // Five were to get one: the unsure one and the one without a head have none.
  assert.equal(abstainedShare, 2 / 5);
});

test('heads of different bytes are different models', () => {
  const other = { ...head(1), modelSha256: 'c3' };
  const { parts } = counted([
    { understanding: { classify: verdict('a', false, head(1)) } },
    { understanding: { classify: verdict('a', false, other) } },
  ]);
  assert.deepEqual(parts.classify.tiers.map(({ modelSha256 }) => modelSha256).sort(), ['a1', 'c3']);
});

test('fields belong to the tier that found them; who found nothing took its time all the same', () => {
  const { parts, droppedValues } = counted([
    {
      understanding: {
        extract: {
          fields: { day: field('d', 'rules'), name: field('n', 'llm') },
          provenance: rules,
          llm: { ...llm(), dropped: 2 },
        },
      },
      review: { fields: { name: 'another', day: 'd' } },
    },
    {
      understanding: {
        extract: { fields: { name: field('n', 'llm') }, provenance: rules, llm: { ...llm(), dropped: 1 } },
      },
      review: { fields: { day: '' } },
    },
    { understanding: { extract: { fields: {}, provenance: rules } } },
  ]);
  const tiers = Object.fromEntries(parts.extract.tiers.map((tier) => [tier.tier, tier]));
  assert.deepEqual([parts.extract.results, tiers.rules!.answered, tiers.llm!.answered], [3, 1, 2]);
  assert.deepEqual([tiers.rules!.reviewed, tiers.rules!.agreed], [1, 1]);
  assert.deepEqual([tiers.llm!.reviewed, tiers.llm!.agreed], [2, 1], 'a field that the person did not name was right');
  assert.equal(tiers.rules!.milliseconds!.max, 2);
  assert.equal(droppedValues, 3);
});

test('tokens are added up, and what came from the cache counts for neither time nor tokens', () => {
  const draft = (provenance: Provenance, text = 'Thanks') => ({
    understanding: { respond: { text, tier: provenance.tier, draft: true as const, provenance }, modelMs: 950 },
  });
  const { parts, modelMilliseconds } = counted([
    draft(llm()),
    draft(llm({ milliseconds: 700, times: { queue: 400, firstToken: 500 } })),
    draft(llm({ milliseconds: 0.1, times: undefined, cached: true })),
    { ...draft(llm({ times: undefined })), review: { reply: 'Thanks' } },
  ]);
  const [tier] = parts.respond.tiers;
  assert.deepEqual(tier!.tokens, { read: 60, reused: 240, written: 15 });
  assert.deepEqual([tier!.answered, tier!.cached, tier!.reviewed, tier!.agreed], [4, 1, 1, 1]);
  assert.deepEqual(tier!.milliseconds, { p50: 900, p95: 900, max: 900 });
  assert.deepEqual(
    [tier!.queueMs, tier!.firstTokenMs],
    [
      { p50: 10, p95: 400, max: 400 },
      { p50: 60, p95: 500, max: 500 },
    ],
  );
  assert.equal(modelMilliseconds!.max, 950);
});

test('how each tier ended is counted from the trail, the most frequent first', () => {
  const trail = (outcome: string) => ({
    understanding: { trail: [{ part: 'classify' as const, tier: 'llm' as const, outcome }] },
  });
  const { parts } = counted([trail('not-needed'), trail('model-too-slow'), trail('not-needed')]);
  assert.deepEqual(Object.entries(parts.classify.outcomes), [
    ['llm:not-needed', 2],
    ['llm:model-too-slow', 1],
  ]);
  assert.deepEqual(parts.extract.outcomes, {});
});
