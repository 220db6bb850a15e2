import assert from 'node:assert/strict';
import test from 'node:test';
import { labelText } from './label-text.ts';
import { bySimilarity, type DescribedLabel, withUntrained, zeroShot } from './zero-shot.ts';

const labels: DescribedLabel[] = [
  { name: 'billing', vector: Float32Array.of(1, 0, 0) },
  { name: 'delivery', vector: Float32Array.of(0, 1, 0) },
  { name: 'account', vector: Float32Array.of(0, 0, 1) },
];
const aboutDelivery = Float32Array.of(0.1, 0.9, 0.2);
const sure = {
  label: 'billing',
  confidence: 0.9,
  abstained: false,
  alternatives: [{ label: 'account', confidence: 0.1 }],
};

test('the label whose description is most similar is the verdict, and it never stands without a person', () => {
  const verdict = zeroShot(aboutDelivery, labels)!;
  assert.equal(verdict.label, 'delivery');
  assert.ok(verdict.confidence > 0.9);
  assert.deepEqual([verdict.abstained, verdict.zeroShot], [true, true]);
  assert.deepEqual(
    verdict.alternatives.map(({ label }) => label),
    ['account', 'billing'],
  );
});

test('a text as similar to one description as to another is as likely either', () => {
  const [first, second] = bySimilarity(Float32Array.of(0.7, 0.7, 0), labels);
  assert.ok(Math.abs(first!.confidence - second!.confidence) < 1e-9);
  assert.ok(first!.confidence < 0.51);
});

test('without labels there is no verdict', () => {
  assert.equal(zeroShot(aboutDelivery, []), undefined);
});

test('a head that knows all labels is left as it is', () => {
  assert.equal(withUntrained(sure, aboutDelivery, labels, new Set(['billing', 'delivery', 'account'])), sure);
});

test('a label without examples takes over where its description fits best, and says that it was not learnt', () => {
  const verdict = withUntrained(sure, aboutDelivery, labels, new Set(['billing', 'account']));
  assert.equal(verdict.label, 'delivery');
  assert.deepEqual([verdict.abstained, verdict.zeroShot], [true, true]);
  assert.ok(verdict.alternatives.some(({ label }) => label === 'billing'));
});

test('a label without examples leaves the head its verdict where the description of the head’s label fits better', () => {
  const verdict = withUntrained(sure, Float32Array.of(0.9, 0.1, 0.1), labels, new Set(['billing', 'account']));
  assert.equal(verdict.label, 'billing');
  assert.deepEqual([verdict.abstained, verdict.zeroShot], [false, undefined]);
  assert.ok(verdict.confidence <= 0.9 && verdict.confidence > 0.89);
});

test('confidences of a mixed verdict never add up to more than 1', () => {
  for (const text of [aboutDelivery, Float32Array.of(0.5, 0.5, 0.5), Float32Array.of(1, 0, 0)]) {
    const verdict = withUntrained(sure, text, labels, new Set(['billing', 'account']));
    const sum = verdict.alternatives.reduce((all, { confidence }) => all + confidence, verdict.confidence);
    assert.ok(sum <= 1 + 1e-9, `${sum}`);
  }
});

test('a label is known by its words and its description', () => {
  assert.equal(labelText({ name: 'cardArrival', description: 'Where is my card?' }), 'card Arrival: Where is my card?');
  assert.equal(labelText({ name: 'card_arrival' }), 'card arrival');
});
