import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isoInstant } from './instant.ts';

test('an instant is written as Date writes it, before and after 1970, on both sides of midnight', () => {
  const midnight = Date.parse('2026-03-01T00:00:00Z');
  const special = [0, -1, 1, 999, 1000, 59_999, 60_000, midnight - 1, midnight, midnight + 1, -62_167_219_200_000];
  const spread = Array.from({ length: 5000 }, (_, i) => Math.floor((i - 1000) * 987_654_321.123));
  for (const at of [...special, ...spread]) assert.equal(isoInstant(at), new Date(at).toISOString());
});
