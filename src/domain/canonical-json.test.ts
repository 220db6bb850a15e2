import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, canonicalJsonMaxDepth, TooDeepError } from './canonical-json.ts';

test('the order of members does not change canonical JSON, the order of items does', () => {
  assert.equal(canonicalJson({ b: 1, a: [2, { d: null, c: 'x' }] }), '{"a":[2,{"c":"x","d":null}],"b":1}');
  assert.equal(
    canonicalJson({ a: [2, { c: 'x', d: null }], b: 1 }),
    canonicalJson({ b: 1, a: [2, { d: null, c: 'x' }] }),
  );
  assert.notEqual(canonicalJson([1, 2]), canonicalJson([2, 1]));
});

test('members are sorted by UTF-16 code units, as RFC 8785 wants it', () => {
  assert.equal(
    canonicalJson({ '\u{1f600}': 1, '\ufb33': 2, é: 3, a: 4, A: 5 }),
    '{"A":5,"a":4,"é":3,"\u{1f600}":1,"\ufb33":2}',
  );
});

test('numbers are written as JavaScript writes them, minus zero as zero', () => {
  assert.equal(canonicalJson([1, 1.5, 1e21, 1e-7, -0]), '[1,1.5,1e+21,1e-7,0]');
});

test('members without a value are left out, items without a value are refused', () => {
  assert.equal(canonicalJson({ a: undefined, b: 1 }), '{"b":1}');
  assert.throws(() => canonicalJson([undefined]), TypeError);
});

test('what JSON cannot say is refused', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, () => 1, Symbol('x')]) {
    assert.throws(() => canonicalJson({ value }), TypeError);
  }
});

test('64 levels are written, more are refused before the stack suffers', () => {
  const nested = (levels: number) => Array.from({ length: levels }).reduce<unknown>((inner) => [inner], 1);
  assert.equal(canonicalJson(nested(canonicalJsonMaxDepth)), `${'['.repeat(64)}1${']'.repeat(64)}`);
  assert.throws(() => canonicalJson(nested(canonicalJsonMaxDepth + 1)), TooDeepError);
  assert.throws(() => canonicalJson(nested(100_000)), RangeError);
});

test('a member called __proto__ is written like any other', () => {
  assert.equal(canonicalJson(JSON.parse('{"__proto__":{"x":1},"a":2}')), '{"__proto__":{"x":1},"a":2}');
});
