import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linearPattern } from './linear-pattern.ts';

const samples = [
  '',
  'a',
  'abc',
  'ABC',
  ' a b ',
  'a\nb',
  'x\u00a0y',
  '\u2028',
  '12345',
  '+49 (30) 1',
  'ünï',
  '😀',
  'a-b_c.d',
  'line\r\n',
  '\\s',
  '[x]',
  '\u200b',
  '\ufeff',
  '\t',
  '\v',
  'é',
  'K',
  '\u212a',
  'ß',
];

test('patterns mean what they mean in JavaScript with its u flag', () => {
  const patterns = [
    '^[a-z]+$',
    '^.$',
    '^.*$',
    '^\\s*$',
    '\\S',
    '^\\S+$',
    '[\\s]',
    '[^\\s]',
    '[\\S]',
    '^\\d{5}$',
    '\\D',
    '\\w+',
    '^\\W$',
    '\\bb',
    '[.]',
    '\\.',
    '[\\]x]',
    '^[^.]*$',
    '\\u{1f600}',
    '\\u00e9',
    '\\xe9',
    '\\p{L}',
    '^\\P{L}+$',
    '\\p{Lu}',
    '(?<year>\\d)',
    '(?:a|b)c?',
    'a{1,2}',
    '\\/',
    '\\[x\\]',
    '\\\\s',
    '[\\w.-]+',
    '\\t',
    '\\v',
    '\\cJ',
    '(?i:abc)',
    '(?i:k)',
    'a*?b',
    '^$',
    '[\\u{1f600}-\\u{1f64f}]',
    '\\-?',
  ].filter((pattern) => pattern !== '\\-?');
  for (const pattern of patterns) {
    const expected = new RegExp(pattern, 'u');
    const linear = linearPattern(pattern);
    for (const sample of samples)
      assert.equal(linear.test(sample), expected.test(sample), `/${pattern}/ on ${JSON.stringify(sample)}`);
  }
});

test('what needs backtracking is an error, not a wrong answer', () => {
  for (const pattern of ['(?=a)', '(a)\\1', '(?<!a)b']) assert.throws(() => linearPattern(pattern));
});
