import assert from 'node:assert/strict';
import test from 'node:test';
import { createEmbeddingCache } from './embedding-cache.ts';

const vector = Float32Array.of(1);

test('the embeddings used last are kept, and no more than there may be', () => {
  const cache = createEmbeddingCache(2);
  cache.add('m', 'a', vector);
  cache.add('m', 'b', vector);
  assert.equal(cache.find('m', 'a'), vector);
  cache.add('m', 'c', vector);
  assert.equal(cache.size(), 2);
  assert.deepEqual([cache.find('m', 'a'), cache.find('m', 'b'), cache.find('m', 'c')], [vector, undefined, vector]);
});

test('the embedding of one model is not that of another', () => {
  const cache = createEmbeddingCache(2);
  cache.add('m', 'a', vector);
  assert.equal(cache.find('n', 'a'), undefined);
});
