import assert from 'node:assert/strict';
import test from 'node:test';
import { eachFeature } from './features.ts';
import { createHashIndex } from './hash-index.ts';

function featuresOf(text: string): { hash: number; view: number }[] {
  const found: { hash: number; view: number }[] = [];
  eachFeature(text, (hash, view) => found.push({ hash, view }));
  return found;
}

const ofView = (text: string, view: number) =>
  new Set(
    featuresOf(text)
      .filter((f) => f.view === view)
      .map((f) => f.hash),
  );

const shared = (a: Set<number>, b: Set<number>) => [...a].filter((hash) => b.has(hash)).length;

test('every word and every neighbouring pair, with the edges, gives one feature', () => {
  assert.equal(ofView('where is my card', 0).size, 4);
  assert.equal(ofView('where is my card', 1).size, 5);
});

test('order matters to pairs and not to words', () => {
  assert.deepEqual(ofView('card lost', 0), new Set([...ofView('lost card', 0)]));
  assert.equal(shared(ofView('card lost', 1), ofView('lost card', 1)), 0);
});

test('forms of one word share characters but are different words', () => {
  assert.equal(shared(ofView('refunded', 0), ofView('refunding', 0)), 0);
  assert.ok(shared(ofView('refunded', 2), ofView('refunding', 2)) > 10);
});

test('numbers of the same length look alike to the character views only', () => {
  assert.deepEqual(ofView('pay 12', 2), ofView('pay 34', 2));
  assert.notDeepEqual(ofView('pay 12', 0), ofView('pay 34', 0));
});

test('an empty text has features that no word has, and no hash is 0', () => {
  assert.deepEqual([...ofView('', 0)], []);
  assert.ok(featuresOf('the quick brown fox jumps over the lazy dog').every((f) => f.hash !== 0));
});

test('the index numbers hashes in order of arrival through its growth and knows no others', () => {
  const index = createHashIndex();
  const hashes = Array.from({ length: 5_000 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
  const inOrder = [...hashes.keys()];
  assert.deepEqual(hashes.map(index.add), inOrder);
  assert.deepEqual(hashes.map(index.add), inOrder, 'added again');
  assert.deepEqual([...index.hashes()], hashes);
  assert.equal(index.find(hashes[4_321]!), 4_321);
  assert.equal(index.find(12_345), -1);
});
