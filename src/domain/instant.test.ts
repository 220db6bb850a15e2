import assert from 'node:assert/strict';
import { test } from 'node:test';
import { instantOf, isoInstant } from './instant.ts';

test('an instant is written as Date writes it, before and after 1970, on both sides of midnight', () => {
  const midnight = Date.parse('2026-03-01T00:00:00Z');
  const special = [0, -1, 1, 999, 1000, 59_999, 60_000, midnight - 1, midnight, midnight + 1, -62_167_219_200_000];
  const spread = Array.from({ length: 5000 }, (_, i) => Math.floor((i - 1000) * 987_654_321.123));
  for (const at of [...special, ...spread]) assert.equal(isoInstant(at), new Date(at).toISOString());
});

test('an instant is read as RFC 3339 writes it or as a day, and nothing else is one', () => {
  const at = Date.UTC(2026, 10, 27, 9);
  for (const text of ['2026-11-27T09:00:00Z', '2026-11-27T09:00:00.000Z', '2026-11-27T10:00:00+01:00'])
    assert.equal(instantOf(text), at, text);
  assert.equal(instantOf('2026-11-27'), Date.UTC(2026, 10, 27));
  for (const text of [
    ...['1', '11/27', '2026', '2026-11', '2026-02-30', '27 November 2026', '', 'today', ' 2026-11-27', '2026-11-27\n'],
    ...[
      '2026-11-27T09:00:00',
      '2026-11-27T09:00Z',
      '2026-02-30T09:00:00Z',
      '2026-11-27T24:00:00Z',
      '2026-11-27T09:00:60Z',
    ],
  ])
    assert.equal(instantOf(text), undefined, JSON.stringify(text));
});
