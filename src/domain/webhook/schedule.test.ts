import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestPauseMs } from '../task.ts';
import type { SendOutcome } from './outcome.ts';
import { attemptsOf, type DeliverySchedule, nextStep, retryAfterMs } from './schedule.ts';

const now = Date.UTC(2026, 0, 15, 12, 0, 0);
const hour = 3_600_000;
const middle = 0.5;

const answered = (status: number, retryAfter?: string): SendOutcome => ({
  kind: 'http-status',
  status,
  ...(retryAfter === undefined ? {} : { retryAfter }),
  answer: '',
  answerCut: false,
  durationMs: 3,
});
const failed = (kind: Exclude<SendOutcome['kind'], 'http-status'>): SendOutcome => ({
  kind,
  detail: '',
  durationMs: 3,
});

function pausesOf(schedule: DeliverySchedule, chance: number): (number | string)[] {
  return Array.from({ length: attemptsOf(schedule) }, (_, index) => {
    const next = nextStep(answered(500), index + 1, schedule, chance, now);
    return next.step === 'retry' ? next.at - now : next.step;
  });
}

test('the task schedule tries again after 5 s, 30 s and 5 min, then the delivery is dead', () => {
  assert.deepEqual(pausesOf('task', middle), [5_000, 30_000, 300_000, 'dead']);
});

test('the standard schedule makes ten attempts over 75 h 35 min, then the delivery is dead', () => {
  const pauses = pausesOf('standard', middle);
  assert.equal(pauses.length, 10);
  assert.equal(pauses.pop(), 'dead');
  const total = pauses.reduce<number>((sum, pause) => sum + Number(pause), 0);
  assert.equal(total, 75 * hour + 35 * 60_000 + 5_000);
});

test('every pause is jittered by ±20 %', () => {
  assert.deepEqual(pausesOf('task', 0), [4_000, 24_000, 240_000, 'dead']);
  assert.deepEqual(pausesOf('task', 0.999_999_9), [6_000, 36_000, 360_000, 'dead']);
});

test('no pause is longer than the longest that a task may wait, whatever the receiver asks for', () => {
  const longest = pausesOf('standard', 0.999_999_9).map((pause) => (typeof pause === 'number' ? pause : 0));
  const asked = nextStep(answered(503, '9999999'), 1, 'standard', middle, now);
  assert.ok(asked.step === 'retry');
  assert.ok(Math.max(...longest, asked.at - now) < longestPauseMs);
});

test('an attempt beyond the schedule is dead, not an error', () => {
  assert.deepEqual(nextStep(answered(500), 99, 'task', middle, now), { step: 'dead' });
});

test('200 to 299 is delivered, on any attempt', () => {
  for (const status of [200, 201, 204, 299]) {
    assert.deepEqual(nextStep(answered(status), 4, 'task', middle, now), { step: 'delivered' }, String(status));
  }
});

test('every other status and every failure is tried again, redirects included', () => {
  const outcomes = [
    ...[300, 301, 302, 304, 307, 308, 400, 401, 404, 408, 409, 422, 429, 500, 502, 503, 504, 599].map((s) =>
      answered(s),
    ),
    ...(['dns', 'connect', 'tls', 'timeout', 'protocol', 'refused-by-guard'] as const).map(failed),
  ];
  for (const outcome of outcomes) {
    assert.deepEqual(
      nextStep(outcome, 1, 'task', middle, now),
      { step: 'retry', at: now + 5_000 },
      JSON.stringify(outcome),
    );
    assert.deepEqual(nextStep(outcome, 4, 'task', middle, now), { step: 'dead' }, JSON.stringify(outcome));
  }
});

test('410 gives the endpoint up at the first attempt', () => {
  assert.deepEqual(nextStep(answered(410), 1, 'standard', middle, now), { step: 'endpoint-gone' });
});

test('an attempt that we stopped does not count, not even the last', () => {
  assert.deepEqual(nextStep(failed('cancelled'), 1, 'task', middle, now), { step: 'handed-back' });
  assert.deepEqual(nextStep(failed('cancelled'), 4, 'task', middle, now), { step: 'handed-back' });
});

test('Retry-After lengthens the pause and never shortens it', () => {
  const at = (header: string) => nextStep(answered(503, header), 1, 'task', middle, now);
  assert.deepEqual(at('120'), { step: 'retry', at: now + 120_000 });
  assert.deepEqual(at('1'), { step: 'retry', at: now + 5_000 });
  assert.deepEqual(at('Thu, 15 Jan 2026 12:10:00 GMT'), { step: 'retry', at: now + 600_000 });
});

test('Retry-After cannot add an attempt', () => {
  assert.deepEqual(nextStep(answered(429, '60'), 4, 'task', middle, now), { step: 'dead' });
});

test('Retry-After is understood as seconds or as a date, capped at a day, and otherwise ignored', () => {
  const cases: [string | undefined, number][] = [
    [undefined, 0],
    ['', 0],
    ['0', 0],
    ['7', 7_000],
    [' 7 ', 7_000],
    ['86400', 24 * hour],
    ['86401', 24 * hour],
    ['9'.repeat(400), 24 * hour],
    ['-5', 0],
    ['1.5', 0],
    ['1e3', 0],
    ['soon', 0],
    ['Thu, 15 Jan 2026 12:00:30 GMT', 30_000],
    ['Thu, 15 Jan 2026 11:59:30 GMT', 0],
    ['Fri, 15 Jan 2027 12:00:00 GMT', 24 * hour],
    ['Thu, 99 Jan 2026 12:00:30 GMT', 0],
    ['2026-01-15T12:00:30Z', 0],
  ];
  for (const [header, expected] of cases) assert.equal(retryAfterMs(header, now), expected, String(header));
});

test('attempts count from 1', () => {
  assert.throws(() => nextStep(answered(500), 0, 'task', middle, now), RangeError);
});
