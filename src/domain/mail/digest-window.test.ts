import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestDue, digestWindow } from './digest-window.ts';

const at = (text: string) => Date.parse(text);
const shown = (window: { from: number; to: number }) =>
  [window.from, window.to].map((one) => new Date(one).toISOString().slice(0, 16));
const daily = (hour: number, zone: string, when: string) => shown(digestWindow({ every: 'day', hour }, zone, at(when)));

test('an hourly window is the full hour, its end not in it', () => {
  const hourly = (when: string) => shown(digestWindow({ every: 'hour', hour: 0 }, 'Asia/Kolkata', at(when)));
  assert.deepEqual(hourly('2026-01-15T10:59:59.999Z'), ['2026-01-15T10:00', '2026-01-15T11:00']);
  assert.deepEqual(hourly('2026-01-15T11:00:00.000Z'), ['2026-01-15T11:00', '2026-01-15T12:00']);
});

test('a daily window goes from the hour of one day to that of the next, on the clocks of the zone', () => {
  assert.deepEqual(daily(8, 'Europe/Berlin', '2026-01-15T06:59:00Z'), ['2026-01-14T07:00', '2026-01-15T07:00']);
  assert.deepEqual(daily(8, 'Europe/Berlin', '2026-01-15T07:00:00Z'), ['2026-01-15T07:00', '2026-01-16T07:00']);
  assert.deepEqual(daily(0, 'Asia/Kolkata', '2026-01-15T18:30:00Z'), ['2026-01-15T18:30', '2026-01-16T18:30']);
});

test('where the clocks change a window has 23 or 25 hours, and an hour that a day lacks is the next one', () => {
  assert.deepEqual(daily(8, 'Europe/Berlin', '2026-03-28T12:00:00Z'), ['2026-03-28T07:00', '2026-03-29T06:00']);
  assert.deepEqual(daily(8, 'Europe/Berlin', '2026-10-24T12:00:00Z'), ['2026-10-24T06:00', '2026-10-25T07:00']);
  // On 29 March it is never half past two in Berlin.
  assert.deepEqual(daily(2, 'Europe/Berlin', '2026-03-29T00:30:00Z'), ['2026-03-28T01:00', '2026-03-29T01:00']);
});

test('windows leave no gap and do not overlap, through two years of every quarter of an hour that matters', () => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Pacific/Apia', 'UTC']) {
    for (const hour of [0, 2, 8, 23]) {
      let window = digestWindow({ every: 'day', hour }, zone, at('2025-06-01T00:00:00Z'));
      while (window.to < at('2027-06-01T00:00:00Z')) {
        const next = digestWindow({ every: 'day', hour }, zone, window.to);
        assert.equal(next.from, window.to, `${zone} ${hour}`);
        assert.deepEqual(digestWindow({ every: 'day', hour }, zone, next.to - 1), next);
        window = next;
      }
    }
  }
});

test('a digest is due two minutes after its window, and an hour after another one of the same window', () => {
  const to = at('2026-01-15T11:00Z');
  assert.equal(digestDue({ to }), at('2026-01-15T11:02Z'));
  assert.equal(digestDue({ to }, at('2026-01-15T10:30Z')), at('2026-01-15T11:30Z'));
  assert.equal(digestDue({ to }, at('2026-01-14T11:02Z')), at('2026-01-15T11:02Z'));
});
