import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from './canonical-json.ts';
import { sha256Hex } from './hash.ts';
import { createLesson, type Example, inBatches } from './learning.ts';

const example = (text: string, label: string | null): Example => ({ text, label });

function lessonOf(pages: Example[][], labels = ['a', 'b'], allowNone = true) {
  const lesson = createLesson({ labels, allowNone });
  for (const page of pages) lesson.add(page);
  return lesson.finish();
}

test('the newest word on a text counts, where the text first stood, however the examples are paged', () => {
  const [one, two, three] = [example('x', 'a'), example('y', 'a'), example('x', 'b')];
  const expected = [example('x', 'b'), example('y', 'a')];
  for (const pages of [[[one, two, three]], [[one], [], [two], [three]]]) {
    const lesson = lessonOf(pages);
    assert.deepEqual(lesson.examples, expected);
    assert.deepEqual([lesson.labels, lesson.none], [2, []]);
    assert.equal(lesson.sha256, sha256Hex(canonicalJson([true, expected])));
  }
});

test('a text that was given to no label, or to one that is gone, is not learnt by its earlier label', () => {
  const lesson = lessonOf([
    [example('x', 'a'), example('y', 'b')],
    [example('x', null), example('y', 'gone')],
  ]);
  assert.deepEqual([lesson.examples, lesson.none, lesson.labels], [[], ['x'], 0]);
  assert.equal(lesson.sha256, sha256Hex(canonicalJson([true, [example('x', null)]])));
});

test('the hash tells lessons apart by text, label, order and whether none is allowed', () => {
  const [one, two] = [example('x', 'a'), example('y', 'b')];
  const hashes = [
    lessonOf([[one, two]]),
    lessonOf([[two, one]]),
    lessonOf([[one]]),
    lessonOf([[one, example('y', 'a')]]),
    lessonOf([[one, two]], ['a', 'b'], false),
    lessonOf([]),
  ].map(({ sha256 }) => sha256);
  assert.equal(new Set(hashes).size, hashes.length);
});

test('an upload is kept in pieces, in order, none too long to be parsed at once', () => {
  const sizes = (items: Example[]) => inBatches(items).map((batch) => batch.length);
  const many = (count: number, text: string) => Array.from({ length: count }, (_, i) => example(`${text}${i}`, 'a'));
  assert.deepEqual(sizes([]), [0]);
  assert.deepEqual(sizes(many(500, 'x')), [500]);
  assert.deepEqual(sizes(many(1001, 'x')), [500, 500, 1]);
  const long = many(100, 'x'.repeat(4990));
  assert.ok(sizes(long).every((size) => size > 0 && size <= 41));
  assert.deepEqual(inBatches(long).flat(), long);
  assert.deepEqual(sizes(many(3, 'x'.repeat(300_000))), [1, 1, 1], 'one that is too long alone is a piece of its own');
});

test('what says nothing about a label teaches the head nothing, and overrules no label', () => {
  const fields = [{ name: 'people', start: 0, end: 1 }];
  const lesson = lessonOf([
    [example('x', 'a')],
    [
      { text: 'x', fields },
      { text: 'y', fields },
    ],
  ]);
  assert.deepEqual([lesson.examples, lesson.none], [[example('x', 'a')], []]);
  assert.equal(lesson.sha256, lessonOf([[example('x', 'a')]]).sha256);
});

test('marks count for the size of a piece, too', () => {
  const fields = Array.from({ length: 50 }, (_, i) => ({ name: `field ${i}`, start: 0, end: 1 }));
  const many = Array.from({ length: 500 }, (_, i): Example => ({ text: `${i}`, fields }));
  assert.ok(inBatches(many).every((batch) => JSON.stringify(batch).length < 300_000));
  assert.deepEqual(inBatches(many).flat(), many);
});
