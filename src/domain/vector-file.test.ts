import assert from 'node:assert/strict';
import test from 'node:test';
import { quantise } from './similarity.ts';
import { decodeVectors, encodeVectors, vectorKey } from './vector-file.ts';

const of = (...texts: string[]) =>
  new Map(texts.map((text) => [vectorKey(text), quantise([text.length, -1, 0.25, text.charCodeAt(0)])]));

test('vectors read back are the same, by the hash of their text', () => {
  const vectors = of('parcel', 'invoice', 'ärger');
  const back = decodeVectors(encodeVectors(vectors, 4));
  assert.equal(back.dimensions, 4);
  assert.deepEqual(new Map([...back.vectors].sort()), new Map([...vectors].sort()));
  assert.deepEqual(decodeVectors(encodeVectors(new Map(), 4)).vectors.size, 0);
});

test('the order in which vectors come does not change the bytes', () => {
  assert.deepEqual(encodeVectors(of('a', 'b', 'c'), 4), encodeVectors(of('c', 'a', 'b'), 4));
});

test('bytes that are no such file, or are cut short, hold no vectors', () => {
  const bytes = encodeVectors(of('a', 'b'), 4);
  for (const wrong of [new Uint8Array(0), Buffer.from('FSVECTS\x02'.padEnd(64)), bytes.subarray(0, -1)])
    assert.equal(decodeVectors(wrong).vectors.size, 0);
});

test('no text can be read from the file', () => {
  assert.ok(!Buffer.from(encodeVectors(of('a secret wish'), 4)).includes('secret'));
});
