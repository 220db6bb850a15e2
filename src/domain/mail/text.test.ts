import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apart, isolated, lines, oneLine } from './text.ts';

test('a line stays one line, whatever ends lines', () => {
  for (const end of ['\r\n', '\n', '\r', '\u0085', '\u2028', '\u2029', '\v', '\f', '\t'])
    assert.equal(oneLine(`Contact${end}Bcc: eve@example.org`), 'Contact Bcc: eve@example.org', JSON.stringify(end));
  assert.equal(oneLine(' \r\n \u0000\u0007 '), '');
});

test('what turns the writing around is taken out, and what joins characters stays', () => {
  assert.equal(oneLine('invoice\u202Efdp.exe'), 'invoicefdp.exe');
  assert.equal(oneLine('\u2066\u200Fabc\u2069'), 'abc');
  // The Persian word for "I want" has a joiner that keeps two letters apart.
  for (const text of ['👨‍👩‍👧‍👦', '🏳️‍🌈', 'می‌خواهم', '❤️']) assert.equal(oneLine(text), text);
  assert.equal(oneLine('half \ud83d of a character'), 'half of a character');
});

test('a long text is cut between characters as people count them', () => {
  assert.equal(oneLine('abcdef', 6), 'abcdef');
  assert.equal(oneLine('abcdefg', 6), 'abcde…');
  assert.equal(oneLine('👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 3), '👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦');
  assert.equal(oneLine('👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', 2), '👨‍👩‍👧‍👦…');
  assert.equal(oneLine('e\u0301e\u0301e\u0301', 2), 'e\u0301…');
  assert.equal(lines('x'.repeat(1_000_000), 20).length, 20);
});

test('a text is cut by its code units too: one letter may carry any number of accents', () => {
  const overloaded = `a${'\u0301'.repeat(99_000)}`;
  assert.equal(oneLine(overloaded, 140), '…');
  assert.equal(oneLine(`hello ${overloaded}`, 140), 'hello…');
  const few = `a${'\u0301'.repeat(30)}`.repeat(3_000);
  const cutShort = lines(few, 2_000);
  assert.ok(cutShort.length <= 2_000 * 16 && cutShort.length > 2_000 * 16 - 100, `${cutShort.length}`);
  assert.equal(lines('👨‍👩‍👧‍👦'.repeat(3), 3, 22), '👨‍👩‍👧‍👦…');
  assert.equal(lines('👨‍👩‍👧‍👦'.repeat(2_000), 2_000), '👨‍👩‍👧‍👦'.repeat(2_000));
  assert.equal(lines('abcdef', 6, 3), 'ab…');
});

test('several lines keep their line ends and lose the blank ones beyond two', () => {
  assert.equal(lines('a\r\nb\rc\u2028d\n\n\n\n\n\ne\u0007', 100), 'a\nb\nc\nd\n\n\ne');
});

test('only a text from right to left is isolated from what stands around it', () => {
  assert.equal(isolated('plain'), 'plain');
  assert.equal(isolated('שלום'), '\u2068שלום\u2069');
  assert.equal(isolated('طلب 2'), '\u2068طلب 2\u2069');
});

test('names that are cut alike show their ends, what is the same even then is numbered, and all others stay as they are', () => {
  const long = 'a question about an order';
  assert.deepEqual(apart([`${long} from Ada`, 'short', `${long} from Eve`], 14), [
    'a quest…om Ada',
    'short',
    'a quest…om Eve',
  ]);
  assert.deepEqual(apart([`${long} A`, `${long}, not A`], 6), ['a q…A (1)', 'a q…A (2)']);
  assert.deepEqual(apart(['same', 'same', 'other'], 14), ['same (1)', 'same (2)', 'other']);
  assert.deepEqual(apart(['👩‍👩‍👧‍👦'.repeat(9), `${'👩‍👩‍👧‍👦'.repeat(8)}x`], 5), [
    '👩‍👩‍👧‍👦👩‍👩‍👧‍👦…👩‍👩‍👧‍👦👩‍👩‍👧‍👦',
    '👩‍👩‍👧‍👦👩‍👩‍👧‍👦…👩‍👩‍👧‍👦x',
  ]);
});
