import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonErrorPosition } from './json-position.ts';

/** `^` marks the place; none means that the text is JSON. */
const cases: [string, string][] = [
  ['{"a": tru}', '      ^'],
  ['{"a": 1,}', '        ^'],
  ['[1, 2,]', '      ^'],
  ['[1 2]', '   ^'],
  ["{'a': 1}", ' ^'],
  ['{"a" 1}', '     ^'],
  ['{"a": 01}', '       ^'],
  ['{"a": "\\x"}', '       ^'],
  ['{"a": "b', '        ^'],
  ['{"a": [1, {', '           ^'],
  ['', '^'],
  ['   ', '   ^'],
  ['1 2', '  ^'],
  ['{"a":1}}', '       ^'],
  ['[1}', '  ^'],
  ['nul', '^'],
  ['NaN', '^'],
  ['"\u0001"', ' ^'],
  ['-', '^'],
  ['1.', ' ^'],
  ['[1e5, -0.5, "\\u00e4", null, true, {}]', ''],
  [' { "a" : [ ] } ', ''],
];

test('the position is where the text stops being JSON', () => {
  for (const [text, mark] of cases) {
    const expected = mark === '' ? undefined : mark.indexOf('^');
    assert.equal(jsonErrorPosition(text), expected, JSON.stringify(text));
  }
});

test('a position is found in exactly what JSON.parse refuses', () => {
  const alphabet = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    'a',
    '\\',
    '0',
    '1',
    '-',
    '.',
    'e',
    'true',
    'null',
    ' ',
    '\n',
    'u00e4',
    '\t',
  ];
  let seed = 7;
  const below = (limit: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * limit);
  };
  const counts = { json: 0, not: 0 };
  for (let round = 0; round < 50_000; round += 1) {
    const text = Array.from({ length: 1 + below(7) }, () => alphabet[below(alphabet.length)]).join('');
    const isJson = parses(text);
    counts[isJson ? 'json' : 'not'] += 1;
    assert.equal(jsonErrorPosition(text) === undefined, isJson, JSON.stringify(text));
  }
  assert.ok(counts.json > 500 && counts.not > 500, JSON.stringify(counts));
});

test('a megabyte of open brackets is no trouble', () => {
  assert.equal(jsonErrorPosition('['.repeat(1_000_000)), 1_000_000);
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
