import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Partition } from './dataset.ts';
import { isWorthUpdating, mostMergedRows, planSpans, withPartition } from './plan.ts';

const partition = (from: string, to = from, over: Partial<Partition> = {}): Partition => {
  const file = { name: `${from}.x`, bytes: 1, sha256: '' };
  const written = { completeTo: 100, manifest: 1, formVersion: 1, withheld: '' };
  return { from, to, rows: 10, misfits: 0, ...written, parquet: file, jsonl: file, ...over };
};
const changed = (day: string, newest: number, changes = 1) => ({ day, changes, newest });
const plan = (
  partitions: Partition[],
  days: ReturnType<typeof changed>[],
  { today = '2026-03-20', spoilt = (_: Partition): boolean => false } = {},
) => planSpans({ partitions, changed: days, spoilt, today }).map(({ from, to, rows }) => [from, to, rows]);

test('a day that has no file is written, and one that has is when something in it changed later', () => {
  const partitions = [partition('2026-03-01'), partition('2026-03-02')];
  assert.deepEqual(plan(partitions, []), []);
  assert.deepEqual(
    plan(partitions, [changed('2026-03-01', 100), changed('2026-03-02', 101), changed('2026-03-03', 102, 7)]),
    [
      ['2026-03-02', '2026-03-02', 10],
      ['2026-03-03', '2026-03-03', 7],
    ],
  );
});

test('what was written by an update that was killed is not written again', () => {
  // Written with everything up to 150, while the manifest as a whole is complete to 100.
  assert.deepEqual(
    plan([partition('2026-03-01', '2026-03-01', { completeTo: 150 })], [changed('2026-03-01', 140)]),
    [],
  );
});

test('a partition that is spoilt is written whatever has changed', () => {
  const spoilt = ({ from }: Partition) => from === '2026-03-02';
  assert.deepEqual(plan([partition('2026-03-01'), partition('2026-03-02')], [], { spoilt }), [
    ['2026-03-02', '2026-03-02', 10],
  ]);
});

test('days of a month that is over become one partition, those of this month do not', () => {
  const days = [changed('2026-02-03', 1), changed('2026-02-27', 2), changed('2026-03-01', 3), changed('2026-03-02', 4)];
  assert.deepEqual(plan([], days), [
    ['2026-02-03', '2026-02-27', 2],
    ['2026-03-01', '2026-03-01', 1],
    ['2026-03-02', '2026-03-02', 1],
  ]);
  assert.deepEqual(plan([partition('2026-02-01'), partition('2026-02-02')], []), [['2026-02-01', '2026-02-02', 20]]);
});

test('a month with more rows than a change may cost stays in days', () => {
  const large = { rows: mostMergedRows / 2 };
  assert.deepEqual(
    plan([partition('2026-02-01', '2026-02-01', large), partition('2026-02-02', '2026-02-02', large)], []).length,
    1,
  );
  const more = { rows: mostMergedRows / 2 + 1 };
  assert.deepEqual(
    plan([partition('2026-02-01', '2026-02-01', more), partition('2026-02-02', '2026-02-02', more)], []),
    [],
  );
});

test('a merged month is written whole when a day in it changes, and with a day that comes late', () => {
  const month = partition('2026-02-03', '2026-02-20', { rows: 40 });
  assert.deepEqual(plan([month], [changed('2026-02-09', 101)]), [['2026-02-03', '2026-02-20', 40]]);
  assert.deepEqual(plan([month], [changed('2026-02-27', 101)]), [['2026-02-03', '2026-02-27', 41]]);
  assert.deepEqual(plan([month], []), []);
});

test('a partition takes the place of those whose days it has, and one without rows leaves none', () => {
  const before = [partition('2026-02-01'), partition('2026-02-05'), partition('2026-03-01')];
  const days = (partitions: Partition[]) => partitions.map(({ from, to }) => `${from}/${to}`);
  assert.deepEqual(days(withPartition(before, partition('2026-02-01', '2026-02-05'))), [
    '2026-02-01/2026-02-05',
    '2026-03-01/2026-03-01',
  ]);
  assert.deepEqual(days(withPartition(before, partition('2026-02-05', '2026-02-05', { rows: 0 }))), [
    '2026-02-01/2026-02-01',
    '2026-03-01/2026-03-01',
  ]);
  assert.deepEqual(days(withPartition([], partition('2026-02-05'))), ['2026-02-05/2026-02-05']);
});

test('an update before the night waits for as many changes as the newest file has rows, within bounds', () => {
  const worth = (rows: number[], changes: number) =>
    isWorthUpdating(
      rows.map((count) => ({ rows: count })),
      changes,
    );
  assert.deepEqual([worth([], 20_000), worth([], 20_001)], [false, true]);
  assert.deepEqual([worth([90_000, 5], 20_000), worth([90_000, 5], 20_001)], [false, true]);
  assert.deepEqual([worth([50_000], 50_000), worth([50_000], 50_001)], [false, true]);
  assert.deepEqual([worth([5_000_000], 200_000), worth([5_000_000], 200_001)], [false, true]);
});

test('the days of a month that take much room stay apart', () => {
  const large = { name: 'large', bytes: 30e6, sha256: '' };
  const days = [
    partition('2026-02-01', '2026-02-01', { jsonl: large }),
    partition('2026-02-02', '2026-02-02', { jsonl: large }),
  ];
  assert.deepEqual(plan(days, []), []);
  assert.deepEqual(plan([days[0]!, partition('2026-02-02')], []), [['2026-02-01', '2026-02-02', 20]]);
});
