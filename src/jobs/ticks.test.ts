import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronTicks, everyTicks, type Ticks } from './ticks.ts';

const from = Date.UTC(2026, 0, 1);
const to = Date.UTC(2027, 0, 1);

function between(ticks: Ticks, start: number, end: number): number[] {
  const found: number[] = [];
  for (let tick = ticks.next(start); tick !== undefined && tick < end; tick = ticks.next(tick)) found.push(tick);
  return found;
}

const iso = (ticks: number[]) => ticks.map((tick) => new Date(tick).toISOString());

// Zones whose clocks change at midnight, by half an hour, in the southern summer, and not at all.
const places = [
  ['30 2 * * *', 'Europe/Vienna'],
  ['30 1 * * *', 'America/New_York'],
  ['0 0 * * *', 'Africa/Cairo'],
  ['15 2 * * *', 'Australia/Lord_Howe'],
  ['0 0 * * *', 'Asia/Kathmandu'],
] as const;

for (const [cron, zone] of places) {
  test(`a daily tick comes once on each of the 365 days of 2026 in ${zone}, seen forwards and backwards`, () => {
    const ticks = cronTicks(cron, zone);
    const all = between(ticks, from, to);
    const days = all.map((tick) => new Date(tick).toLocaleDateString('sv', { timeZone: zone }));
    assert.equal(new Set(days).size, days.length, 'no day twice');
    assert.ok(all.length >= 364 && all.length <= 366);
    for (let i = 1; i < all.length; i++) {
      const tick = all[i]!;
      assert.ok(tick - all[i - 1]! <= 25 * 3_600_000);
      assert.equal(ticks.last(tick), tick);
      assert.equal(ticks.last(tick - 1), all[i - 1]);
      assert.equal(ticks.next(tick - 1), tick);
      assert.equal(ticks.next(tick - 1500), tick);
      assert.equal(ticks.last(tick + 1500), tick);
    }
  });
}

test('a time that the clocks skip comes when they have gone forward, a time they repeat comes the first time', () => {
  const ticks = cronTicks('30 2 * * *', 'Europe/Vienna');
  assert.deepEqual(iso(between(ticks, Date.parse('2026-03-28T12:00Z'), Date.parse('2026-03-30T12:00Z'))), [
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
  assert.deepEqual(iso(between(ticks, Date.parse('2026-10-24T12:00Z'), Date.parse('2026-10-26T12:00Z'))), [
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

test('an expression that never comes has no ticks', () => {
  const ticks = cronTicks('0 0 31 2 *', 'UTC');
  assert.equal(ticks.next(from), undefined);
  assert.equal(ticks.last(from), undefined);
});

test('an interval ticks at its whole multiples since 1970', () => {
  const ticks = everyTicks(10_000);
  assert.equal(ticks.last(25_000), 20_000);
  assert.equal(ticks.last(20_000), 20_000);
  assert.equal(ticks.next(20_000), 30_000);
  assert.equal(ticks.next(19_999), 20_000);
  assert.throws(() => everyTicks(1.5), RangeError);
  assert.throws(() => everyTicks(-1), RangeError);
});
