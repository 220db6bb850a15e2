import assert from 'node:assert/strict';
import { test } from 'node:test';
import { validate, version } from 'uuid';
import { createIds } from './ids.ts';

test('an id is its prefix and a version 7 UUID that carries the time of the clock', () => {
  const now = Date.UTC(2026, 10, 5, 12, 0, 0, 123);
  const id = createIds({ clock: { now: () => now } }).next('rsp');
  assert.match(id, /^rsp_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(id.length, 40);
  const uuid = id.slice(4);
  assert.ok(validate(uuid));
  assert.equal(version(uuid), 7);
  assert.equal(Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16), now);
});

test('ids sort in the order they were made: in one millisecond, over milliseconds, and while the clock steps back', () => {
  let now = 1_800_000_000_000;
  const ids = createIds({ clock: { now: () => now } });
  const made: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    if (i % 100 === 0) now += i % 300 === 0 ? -5 : 3;
    made.push(ids.next('tsk'));
  }
  assert.deepEqual(made, made.toSorted());
  assert.equal(new Set(made).size, made.length);
});

test('two processes that start in the same millisecond do not make the same ids', () => {
  const clock = { now: () => 1_800_000_000_000 };
  const made = new Set<string>();
  for (let process = 0; process < 1000; process++) made.add(createIds({ clock }).next('frm'));
  assert.equal(made.size, 1000);
});

test('random bytes have the asked length, differ, and belong to the caller', () => {
  const ids = createIds({ clock: { now: () => 0 } });
  const first = ids.randomBytes(32);
  assert.equal(first.length, 32);
  assert.equal(first.buffer.byteLength, 32, 'a view into a shared pool would leak other secrets');
  assert.notDeepEqual(first, ids.randomBytes(32));
  assert.equal(ids.randomBytes(0).length, 0);
});

test('chance lies in 0 ≤ x < 1 and is spread evenly', () => {
  const ids = createIds({ clock: { now: () => 0 } });
  const draws = Array.from({ length: 10_000 }, () => ids.chance());
  assert.ok(draws.every((x) => x >= 0 && x < 1));
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  assert.ok(Math.abs(mean - 0.5) < 0.05, `mean ${mean}`);
});
