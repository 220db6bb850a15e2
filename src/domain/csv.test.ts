import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvCell, csvHeader, csvLine } from './csv.ts';
import type { Cell } from './export-rows.ts';

const cases: [Cell, string][] = [
  [null, ''],
  ['', ''],
  ['plain', 'plain'],
  ['a,b', '"a,b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\nlines', '"two\nlines"'],
  ['two\rlines', '"two\rlines"'],
  [' kept ', '" kept "'],
  [-5, '-5'],
  [1e21, '1e+21'],
  [true, 'true'],
  [['a', 'b"c'], '"[""a"",""b\\""c""]"'],
  [[], '[]'],
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['-5', "'-5"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\t=1', "'\t=1"],
  ['\rx', '"\'\rx"'],
  ['  =1', "'  =1"],
  ['＝1+1', "'＝1+1"],
  ['a=1', 'a=1'],
  ["'=1", "'=1"],
  ['=cmd|"/c calc"!A1', '"\'=cmd|""/c calc""!A1"'],
];

for (const [cell, text] of cases) {
  test(`${JSON.stringify(cell)} becomes ${JSON.stringify(text)}`, () => assert.equal(csvCell(cell), text));
}

test('a line ends with CRLF and keeps the place of what is missing', () => {
  assert.equal(csvLine(['a', null, 3]), 'a,,3\r\n');
  assert.equal(
    csvHeader([
      { name: 'a', type: 'string' },
      { name: 'b', type: 'number' },
    ]),
    'a,b\r\n',
  );
});
