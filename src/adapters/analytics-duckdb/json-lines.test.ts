import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Cell, ExportColumnType } from '#domain/export-rows.ts';
import { createJsonLines } from './json-lines.ts';

const columns: { key: string; type: ExportColumnType }[] = [
  { key: 'text', type: 'string' },
  { key: 'other', type: 'string' },
  { key: 'list', type: 'string[]' },
  { key: 'number', type: 'number' },
  { key: 'whole', type: 'integer' },
  { key: 'yes', type: 'boolean' },
  { key: 'day', type: 'date' },
  { key: 'local', type: 'timestamp' },
  { key: 'at', type: 'instant' },
];
const hard = '"\\\n\u0000\u2028 é 🙂';
const rows: Cell[][] = [
  [hard, 'b', ['x', hard], -0.1, 1, true, '2026-03-02', '2026-03-02T10:00', '2026-03-02T09:00:00.000Z'],
  // The same texts again, and the one of the other column.
  [hard, hard, ['x', hard], 1e21, 2 ** 53 - 1, false, null, null, null],
  ['b', hard, ['x'], 5e-324, 0, null, '0001-01-01', null, null],
  // Nothing between two that are alike.
  [null, null, null, null, null, null, null, null, null],
  ['b', '', [], 0, null, null, null, null, '2026-03-02T09:00:00.000Z'],
  ['', '', [], null, null, null, null, null, null],
];

test('a line is what JSON.stringify makes of the cells that are there, whatever the row before had', () => {
  const lines = createJsonLines(columns);
  const expected = rows.map((cells) => {
    const there = columns.map(({ key }, i) => [key, cells[i]!] as const).filter(([, cell]) => cell !== null);
    return `${JSON.stringify(Object.fromEntries(there))}\n`;
  });
  assert.deepEqual([...lines.of(rows.slice(0, 2)), ...lines.of(rows.slice(2))], expected);
  const { rows: written, longestLine } = lines.written();
  assert.equal(written, rows.length);
  assert.ok(longestLine >= Math.max(...expected.map((line) => Buffer.byteLength(line))));
});
