import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '#domain/json.ts';
import { distinct, jsonBytes } from './reader.ts';

test('the bytes of a value are those of its JSON in UTF-8', () => {
  const values: Json[] = [
    'plain',
    'Größe \u{1F600} “x”',
    '"\\/\b\f\n\r\t\u0000\u001f\u007f',
    '',
    null,
    true,
    false,
    -1.5,
    1e300,
    12_345_678,
    [],
    {},
    [[], {}, [null, 'a']],
    { 'a "key"': 1, 'zwölf\n': [{ b: null }] },
  ];
  for (const value of values) assert.equal(jsonBytes(value), Buffer.byteLength(JSON.stringify(value)), String(value));
});

test('a repeated name gets a number, and never the name of another column', () => {
  assert.deepEqual(distinct(['a', 'b', 'a']), ['a', 'b', 'a:1']);
  assert.deepEqual(distinct(['a', 'a', 'a:1']), ['a', 'a:2', 'a:1']);
  assert.deepEqual(distinct(['a:1', 'a', 'a', 'a', 'a:1']), ['a:1', 'a', 'a:2', 'a:3', 'a:1:1']);
  assert.deepEqual(distinct(['__proto__', '__proto__']), ['__proto__', '__proto__:1']);
});
