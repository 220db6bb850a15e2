import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatDuration, parseBytes, parseDuration } from './units.ts';

test('durations have a unit: ms, s, m, h, d', () => {
  const expected: Record<string, number> = {
    '500ms': 500,
    '15s': 15_000,
    '2 m': 120_000,
    '1H': 3_600_000,
    '7d': 604_800_000,
    '0': 0,
    '0s': 0,
  };
  for (const [text, milliseconds] of Object.entries(expected)) assert.equal(parseDuration(text), milliseconds, text);
  for (const text of ['', '15', '1.5h', '-1s', 's', '1h30m', '15sec', '1e3s', ' 5s', '٥s'])
    assert.equal(parseDuration(text), undefined, text);
});

test('sizes have a unit: kB is 1000, KiB is 1024', () => {
  const expected: Record<string, number> = {
    '4096B': 4096,
    '10B': 10,
    '256kB': 256_000,
    '256KB': 256_000,
    '64 MiB': 67_108_864,
    '1.5GB': 1.5e9,
    '0': 0,
  };
  for (const [text, bytes] of Object.entries(expected)) assert.equal(parseBytes(text), bytes, text);
  for (const text of ['', 'kB', '4096', '256', '00', '1k', '-1', '1.5', '0.0001kB', '1PB', '999999999999TB', '1,5GB'])
    assert.equal(parseBytes(text), undefined, text);
});

test('what is formatted parses back to the same value', () => {
  for (const n of [
    0, 1, 999, 1000, 1024, 1500, 60_000, 90_000, 256_000, 3_600_000, 86_400_000, 67_108_864, 512_000_000, 123_456_789,
  ]) {
    assert.equal(parseDuration(formatDuration(n)), n, formatDuration(n));
    assert.equal(parseBytes(formatBytes(n)), n, formatBytes(n));
  }
  assert.deepEqual(
    [formatDuration(900_000), formatDuration(1500), formatBytes(256_000), formatBytes(19_922_944)],
    ['15m', '1500ms', '256kB', '19MiB'],
  );
});
