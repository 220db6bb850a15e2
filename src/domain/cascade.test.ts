import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CascadeFacts, leftToModel, missingFields } from './cascade.ts';
import type { IntelligenceSpec } from './intelligence.ts';
import type { ClassifyResult, ExtractResult, Provenance, Understanding } from './response.ts';

const provenance: Provenance = { tier: 'head', model: 'm', inputSha256: '', milliseconds: 1, at: 0 };
const spec: IntelligenceSpec = {
  classify: { labels: [{ name: 'a' }, { name: 'b' }] },
  extract: {
    fields: [
      { name: 'city', type: 'place' },
      { name: 'mail', type: 'email' },
      { name: 'size', type: 'enum', values: ['s'] },
    ],
  },
  respond: { instructions: 'Thank them.' },
};
const verdict = (needsReview: boolean): ClassifyResult => ({
  label: 'a',
  confidence: 0.9,
  tier: 'head',
  needsReview,
  alternatives: [],
  provenance,
});
const found = (...names: string[]): ExtractResult => ({
  fields: Object.fromEntries(
    names.map((name) => [name, { value: 'x', source: 'x', start: 0, end: 1, question: 'q', tier: 'rules' as const }]),
  ),
  provenance,
});
const facts: CascadeFacts = { noModel: undefined, trust: 'useful', known: new Set() };
const left = (understanding: Understanding, over: Partial<CascadeFacts> = {}, of = spec) =>
  leftToModel(of, understanding, { ...facts, ...over });
const why = (result: ReturnType<typeof left>, part: string) =>
  result.trail.find((entry) => entry.part === part)?.outcome;

test('what the head is sure of, and fields that were found, are not asked again', () => {
  const result = left({ classify: verdict(false), extract: found('city') });
  assert.deepEqual(result.parts, ['respond']);
  assert.equal(why(result, 'classify'), 'not-needed');
  assert.equal(why(result, 'extract'), 'not-needed');
});

test('a doubtful label goes to a model that was measured to help, and to no other', () => {
  const doubtful = { classify: verdict(true), extract: found('city') };
  assert.deepEqual(left(doubtful).parts, ['classify', 'respond']);
  for (const trust of ['no-gain', 'not-measured'] as const) {
    const result = left(doubtful, { trust });
    assert.deepEqual(result.parts, ['respond']);
    assert.equal(why(result, 'classify'), trust);
  }
});

test('without examples there is nothing to measure, and the model proposes a label', () => {
  const result = left(
    { extract: found('city'), skipped: { classify: 'no-trained-head' } },
    { trust: 'nothing-to-measure' },
  );
  assert.deepEqual(result.parts, ['classify', 'respond']);
});

test('without a model every part that it would have done says so', () => {
  const result = left({ classify: verdict(true), extract: found() }, { noModel: 'no-model' });
  assert.deepEqual(result.parts, []);
  assert.deepEqual(
    result.trail.map(({ part, outcome }) => `${part} ${outcome}`),
    ['classify no-model', 'extract no-model', 'respond no-model'],
  );
});

test('a response without a text asks nothing of a model but a reply', () => {
  const result = left({ skipped: { classify: 'no-text', extract: 'no-text' } });
  assert.deepEqual(result.parts, ['respond']);
  assert.deepEqual(result.trail, []);
});

test('a form that asks for nothing leaves nothing', () => {
  assert.deepEqual(left({}, {}, {}), { parts: [], trail: [] });
});

test('a model is not asked for what rules find wherever it stands, for values of a list, or for what the tagger knows', () => {
  const names = (known: string[]) => missingFields(spec, { extract: found() }, new Set(known)).map(({ name }) => name);
  assert.deepEqual(names([]), ['city']);
  assert.deepEqual(names(['city']), []);
});
