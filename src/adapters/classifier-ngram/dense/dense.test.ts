import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeHead } from '../codec.ts';
import { createVerdict } from '../head.ts';
import { seededRandom } from '../random.ts';
import { settingsFor } from '../settings.ts';
import { trainHead } from '../train-head.ts';
import { mixScores, scoreDense, trainDense } from './dense.ts';

const modelSha256 = 'e'.repeat(64);
const random = seededRandom(3);
const labels = ['billing', 'delivery', 'account'];
/** Unit vectors around one corner for each label. */
const near = (k: number): Float32Array => {
  const vector = Float32Array.from({ length: 8 }, (_, d) => (d === k ? 1 : 0) + (random() - 0.5) * 0.6);
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
};
/** Texts of chance words: they tell nothing, only the vectors do. */
const chanceText = (i: number) => `word${Math.floor(random() * 50)} word${Math.floor(random() * 50)} ${i}`;
const rows = Array.from({ length: 90 }, (_, i) => ({
  text: chanceText(i),
  label: labels[i % 3]!,
  vector: near(i % 3),
}));
const embedded = { modelSha256, vectors: rows.map(({ vector }) => vector) };
const lesson = { examples: rows, none: [] as string[], allowNone: false };

test('the weights tell vectors of one label from those of another, rounded or not', () => {
  const targets = Int32Array.from(rows, (_, i) => i % 3);
  const all = Int32Array.from(rows.keys());
  const member = trainDense(embedded, all, targets, 3, settingsFor(90, 3).dense);
  const scores = new Float64Array(3);
  for (let i = 0; i < 60; i++) {
    scoreDense(member, near(i % 3), scores);
    assert.equal(scores.indexOf(Math.max(...scores)), i % 3);
  }
});

test('where only the vectors tell, the head leans on them, and is right', () => {
  const head = trainHead({ ...lesson, embedded });
  assert.equal(head.dense!.share, 0.85);
  assert.ok(head.dense!.report.accuracy! > 0.95, `${head.dense!.report.accuracy}`);
  assert.ok(head.report.accuracy! < 0.6, 'the words alone know nothing, and the calibration for them says so');
  const verdict = createVerdict(head);
  for (let i = 0; i < 30; i++)
    assert.equal(verdict('word1', { modelSha256, vector: near(i % 3) }).label, labels[i % 3]);
});

test('where the vectors are noise, as in a language that the model does not know, the head leaves them alone', () => {
  const told = rows.map((row, i) => ({ ...row, text: `${['invoice', 'parcel', 'password'][i % 3]} ${row.text}` }));
  const noise = { modelSha256, vectors: rows.map((_, i) => near(3 + ((i * 7) % 5))) };
  const head = trainHead({ ...lesson, examples: told, embedded: noise });
  assert.ok(head.dense!.share <= 0.3, `${head.dense!.share}`);
  assert.ok(head.dense!.report.accuracy! >= head.report.accuracy! - 0.02);
});

test('without a vector, or with one of another model, the verdict is that of a head trained without', () => {
  const verdict = createVerdict(trainHead({ ...lesson, embedded }));
  const plain = createVerdict(trainHead(lesson));
  for (const { text } of rows.slice(0, 20)) {
    assert.deepEqual(verdict(text), plain(text));
    assert.deepEqual(verdict(text, { modelSha256: 'f'.repeat(64), vector: near(1) }), plain(text));
  }
});

test('the same examples and vectors give the same bytes', () => {
  const bytes = () => encodeHead(trainHead({ ...lesson, embedded }));
  assert.deepEqual(bytes(), bytes());
});

test('"none" is learnt from vectors too', () => {
  const outside = Array.from({ length: 20 }, (_, i) => ({ text: chanceText(i), vector: near(5) }));
  const head = trainHead({
    examples: rows,
    none: outside.map(({ text }) => text),
    allowNone: true,
    embedded: { modelSha256, vectors: [...embedded.vectors, ...outside.map(({ vector }) => vector)] },
  });
  const verdict = createVerdict(head);
  const said = (k: number) => verdict('word1', { modelSha256, vector: near(k) }).label;
  const right = Array.from({ length: 40 }, (_, i) => (i % 2 ? said(5) === undefined : said(0) === 'billing'));
  assert.ok(right.filter(Boolean).length >= 36, `${right.filter(Boolean).length} of 40`);
});

test('mixed scores are the weighted mean of both', () => {
  assert.deepEqual(mixScores(Float64Array.of(1, 0), Float64Array.of(0, 2), 0.25), Float64Array.of(0.75, 0.5));
});
