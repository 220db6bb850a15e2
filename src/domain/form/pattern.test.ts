import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternProblem } from './pattern.ts';

test('ordinary patterns are taken', () => {
  for (const pattern of [
    '',
    '^[0-9]{5}$',
    '^(a|b)+$',
    '\\p{L}+',
    '[\\]({]x',
    '\\\\1',
    '(?:a{2,3}){10}',
    '(?<year>\\d{4})',
    '\\u{1f600}{2}',
    'a{1000}',
    '[{2000}]',
  ]) {
    assert.equal(patternProblem(pattern), undefined, pattern);
  }
});

test('what JavaScript cannot read is refused', () => {
  for (const pattern of ['(', '[a', '*', 'a{2', '\\@', '(?<a', 'a**'])
    assert.match(patternProblem(pattern) ?? '', /JavaScript/, pattern);
});

test('what needs backtracking is refused', () => {
  for (const pattern of ['(?=a)', 'a(?!b)', '(?<=a)b', '(?<!a)b'])
    assert.match(patternProblem(pattern) ?? '', /look-ahead/, pattern);
  for (const pattern of ['(a)\\1', '(?<x>a)\\k<x>'])
    assert.match(patternProblem(pattern) ?? '', /back-references/, pattern);
});

test('more than 1000 repeats are refused, nested ones multiplied', () => {
  for (const pattern of ['a{1001}', '(a{100}){11}', '((a{10}){10}b){11}', '(?:x(a{40}|b)){2,26}'])
    assert.match(patternProblem(pattern) ?? '', /1000/, pattern);
  assert.equal(patternProblem('(a{100}){10}(b{900})'), undefined);
});

test('a pattern longer than 1000 characters is refused', () => {
  assert.equal(patternProblem('a'.repeat(1000)), undefined);
  assert.match(patternProblem('a'.repeat(1001)) ?? '', /1000 characters/);
});
