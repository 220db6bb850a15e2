import assert from 'node:assert/strict';
import test from 'node:test';
import { decodeHead, encodeHead, HeadFormatError, sha256 } from './codec.ts';
import { createScorer, judge } from './head.ts';
import { createHeadCache } from './head-cache.ts';
import { trainHead } from './train-head.ts';

const examples = ['red apple', 'red cherry', 'red rose', 'red fox'].flatMap((text, i) => [
  { text: `${text} ${i}`, label: 'red' },
  { text: `blue whale ${i}`, label: 'blue' },
]);
const head = trainHead({ examples, none: ['green', 'grass', 'leaf', 'frog', 'lime'], allowNone: true });
const bytes = encodeHead(head);

test('a head read back is the same head and says the same', () => {
  const back = decodeHead(bytes);
  assert.deepEqual(back, head);
  const [before, after] = [head, back].map((h) => judge(h, createScorer(h)('a red thing'), 0.5));
  assert.deepEqual(after, before);
});

const vectorOf = (text: string) => Float32Array.of(text.startsWith('red') ? 1 : -1, text.length / 20, 0.1);
const withEmbeddings = trainHead({
  examples,
  none: [],
  allowNone: false,
  embedded: { modelSha256: 'e'.repeat(64), vectors: examples.map(({ text }) => vectorOf(text)) },
});

test('a head with embeddings read back is the same head, of format 2; one without is of format 1 as before', () => {
  const encoded = encodeHead(withEmbeddings);
  assert.deepEqual(decodeHead(encoded), withEmbeddings);
  assert.deepEqual([encoded[7], bytes[7]], [2, 1]);
  assert.ok(withEmbeddings.dense);
  for (let cut = 0; cut < encoded.length; cut += 97)
    assert.throws(() => decodeHead(encoded.subarray(0, cut)), HeadFormatError);
});

test('a part for embeddings whose numbers do not fit is refused', () => {
  const text = Buffer.from(encodeHead(withEmbeddings)).toString('latin1');
  for (const [from, to] of [
    ['"dimensions":3', '"dimensions":0'],
    ['"share":0', '"share":7'],
  ] as const) {
    assert.ok(text.includes(from), from);
    assert.throws(() => decodeHead(Buffer.from(text.replace(from, to), 'latin1')), HeadFormatError);
  }
});

test('a head is read from a Buffer at any offset', () => {
  const shifted = Buffer.concat([Buffer.from('abc'), bytes]).subarray(3);
  assert.deepEqual(decodeHead(shifted), head);
});

test('what is not a head is refused', () => {
  for (const foreign of [
    new Uint8Array(0),
    Buffer.from('PNG'),
    Buffer.from('GGUF'.padEnd(100)),
    new Uint8Array(1_000),
  ]) {
    assert.throws(() => decodeHead(foreign), HeadFormatError);
  }
});

test('a head of another format is refused with the way out', () => {
  const newer = bytes.slice();
  newer[7] = 9;
  assert.throws(() => decodeHead(newer), /format 9.*train it again/);
});

test('a head cut short anywhere or changed in any byte after the magic is refused or reads the same', () => {
  for (let cut = 0; cut < bytes.length; cut += 97)
    assert.throws(() => decodeHead(bytes.subarray(0, cut)), HeadFormatError);
  const headerEnd = 12 + Buffer.from(bytes).readUInt32LE(8);
  for (let at = Math.ceil(headerEnd / 8) * 8; at < bytes.length; at += 101) {
    const changed = bytes.slice();
    changed[at] = changed[at]! ^ 1;
    assert.throws(() => decodeHead(changed), /damaged/);
  }
});

test('a header whose numbers do not fit is refused', () => {
  const text = Buffer.from(bytes).toString('latin1');
  for (const [from, to] of [
    ['"classes":3', '"classes":9'],
    ['"labels":["blue","red"]', '"labels":["blue",12345]'],
    ['"temperature":', '"temperaturx":'],
  ] as const) {
    assert.ok(text.includes(from), from);
    assert.throws(() => decodeHead(Buffer.from(text.replace(from, to.padEnd(from.length)), 'latin1')), HeadFormatError);
  }
});

test('the cache keeps the newest heads within its bytes and refuses bytes with another sha256', () => {
  const others = ['x', 'y', 'z'].map((extra) =>
    encodeHead(trainHead({ examples: [...examples, { text: extra, label: 'red' }], none: [], allowNone: false })),
  );
  const keys = others.map(sha256);
  const cache = createHeadCache(Math.max(...others.map((of) => of.length)) * 2);
  cache.load(keys[0]!, others[0]!);
  cache.load(keys[1]!, others[1]!);
  assert.ok(cache.find(keys[0]!), 'used again: now the newest');
  cache.load(keys[2]!, others[2]!);
  assert.equal(cache.find(keys[1]!), undefined);
  assert.ok(cache.find(keys[0]!) && cache.find(keys[2]!));
  assert.throws(() => cache.load('0'.repeat(64), bytes), HeadFormatError);
  const tiny = createHeadCache(1);
  assert.ok(tiny.load(sha256(bytes), bytes)('red').label);
  assert.equal(tiny.size(), 1);
});
