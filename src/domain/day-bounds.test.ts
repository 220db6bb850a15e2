import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayIn } from './day.ts';
import { dayBounds, previousDay } from './day-bounds.ts';

const hour = 3_600_000;
const at = (text: string) => Date.parse(text);

test('a day begins and ends at midnight of its zone', () => {
  assert.deepEqual(dayBounds('UTC', '2026-11-02'), { from: at('2026-11-02T00:00Z'), to: at('2026-11-03T00:00Z') });
  assert.deepEqual(dayBounds('Asia/Kathmandu', '2026-11-02'), {
    from: at('2026-11-02T00:00+05:45'),
    to: at('2026-11-03T00:00+05:45'),
  });
});

test('a day on which the clocks change has 23 or 25 hours', () => {
  const length = (day: string) => {
    const { from, to } = dayBounds('Europe/Berlin', day);
    return (to - from) / hour;
  };
  assert.deepEqual(['2026-03-29', '2026-10-25', '2026-10-26'].map(length), [23, 25, 24]);
});

test('a day that a zone left out is empty', () => {
  const { from, to } = dayBounds('Pacific/Apia', '2011-12-30');
  assert.equal(from, to);
});

test('days follow one another without a gap, and every instant lies in the day that it is called', () => {
  for (const zone of [
    'America/Havana',
    'Asia/Beirut',
    'America/Sao_Paulo',
    'Pacific/Kiritimati',
    'Pacific/Pago_Pago',
  ]) {
    let end: number | undefined;
    for (let month = 1; month <= 12; month++) {
      for (const date of ['01', '15']) {
        const day = `2018-${String(month).padStart(2, '0')}-${date}`;
        const { from, to } = dayBounds(zone, day);
        assert.equal(dayIn(zone, from), day);
        assert.equal(dayIn(zone, to - 1), day);
        assert.equal(dayBounds(zone, previousDay(day)).to, from);
        assert.ok(end === undefined || from > end);
        end = to;
      }
    }
  }
});

test('the day before the first of March is the last of February', () => {
  assert.equal(previousDay('2024-03-01'), '2024-02-29');
  assert.equal(previousDay('2026-01-01'), '2025-12-31');
});
