import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteRange, byteRange } from './byte-range.ts';

const cases: [string | undefined, ByteRange | 'unsatisfiable' | undefined][] = [
  [undefined, undefined],
  ['bytes=0-9', { start: 0, end: 9 }],
  ['bytes=10-', { start: 10, end: 99 }],
  ['bytes=90-1000', { start: 90, end: 99 }],
  ['bytes=-10', { start: 90, end: 99 }],
  ['bytes=-1000', { start: 0, end: 99 }],
  ['bytes=99-99', { start: 99, end: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  // What cannot be read, or is more than one range, is answered with the whole.
  ['bytes=9-3', undefined],
  ['bytes=-', undefined],
  ['bytes=a-b', undefined],
  ['bytes=0-1,5-6', undefined],
  ['items=0-9', undefined],
  ['bytes=99999999999999999999-', undefined],
];

for (const [header, range] of cases) {
  test(`${header} of 100 bytes is ${JSON.stringify(range)}`, () => assert.deepEqual(byteRange(header, 100), range));
}
