import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterEvent, type BreakerEvent, type BreakerState, closedBreaker, mayTry } from './breaker.ts';
import { breakerEventOf } from './outcome.ts';

const times = (count: number, event: BreakerEvent) => new Array<BreakerEvent>(count).fill(event);
const run = (state: BreakerState, events: BreakerEvent[], now: number) =>
  events.reduce((before, event) => afterEvent(before, event, now), state);
const opened = run(closedBreaker, times(5, 'failure'), 0);

test('the fifth failure in a row opens the breaker for 30 s, the fourth does not', () => {
  assert.deepEqual(mayTry(run(closedBreaker, times(4, 'failure'), 0), 0), { yes: true });
  assert.deepEqual(mayTry(opened, 0), { yes: false, until: 30_000 });
  assert.deepEqual(mayTry(opened, 29_999), { yes: false, until: 30_000 });
  assert.deepEqual(mayTry(opened, 30_000), { yes: true });
});

test('a clock that is set back by a day keeps no breaker open for a day', () => {
  const day = 86_400_000;
  const open = run(closedBreaker, times(5, 'failure'), day);
  assert.deepEqual(mayTry(open, 0), { yes: true });
  const probing = afterEvent(open, 'try', 0);
  assert.deepEqual(mayTry(probing, 1), { yes: false, until: 30_000 });
});

test('a success between failures starts the count again', () => {
  const state = run(closedBreaker, [...times(4, 'failure'), 'success', ...times(4, 'failure')], 0);
  assert.deepEqual(state, { phase: 'closed', failures: 4 });
});

test('after the cool-down one probe is let through, and others wait for it', () => {
  const probing = afterEvent(opened, 'try', 30_000);
  assert.equal(probing.phase, 'half-open');
  assert.deepEqual(mayTry(probing, 30_001), { yes: false, until: 60_000 });
});

test('a probe that never reports back makes way for another', () => {
  const probing = afterEvent(opened, 'try', 30_000);
  assert.deepEqual(mayTry(probing, 60_000), { yes: true });
  assert.deepEqual(mayTry(afterEvent(probing, 'try', 60_000), 60_001), { yes: false, until: 90_000 });
});

test('a probe that succeeds closes the breaker and forgets how long it had to wait', () => {
  const twiceOpened = run(afterEvent(opened, 'try', 30_000), ['failure'], 31_000);
  const closed = run(afterEvent(twiceOpened, 'try', 91_000), ['success'], 91_000);
  assert.deepEqual(closed, closedBreaker);
  assert.deepEqual(mayTry(run(closed, times(5, 'failure'), 100_000), 100_000), { yes: false, until: 130_000 });
});

test('every failed probe doubles the cool-down, up to 10 min', () => {
  let state = opened;
  const coolDowns: number[] = [];
  for (let round = 0; round < 7; round++) {
    assert.equal(state.phase, 'open');
    const { until } = state as Extract<BreakerState, { phase: 'open' }>;
    state = run(state, ['try', 'failure'], until);
    coolDowns.push((state as Extract<BreakerState, { phase: 'open' }>).until - until);
  }
  assert.deepEqual(coolDowns, [60_000, 120_000, 240_000, 480_000, 600_000, 600_000, 600_000]);
});

test('attempts that were under way when the breaker opened do not lengthen its cool-down', () => {
  assert.deepEqual(run(opened, times(20, 'failure'), 10_000), opened);
});

test('a late success closes an open breaker', () => {
  assert.deepEqual(afterEvent(opened, 'success', 10_000), closedBreaker);
});

test('an attempt announced before its time changes nothing', () => {
  assert.deepEqual(afterEvent(opened, 'try', 29_999), opened);
  assert.deepEqual(afterEvent(closedBreaker, 'try', 0), closedBreaker);
});

test('the state survives being stored as JSON', () => {
  const probing = afterEvent(JSON.parse(JSON.stringify(opened)) as BreakerState, 'try', 30_000);
  assert.deepEqual(probing, afterEvent(opened, 'try', 30_000));
});

test('a receiver that answers badly or not at all has failed; an attempt we stopped says nothing about it', () => {
  const answered = (status: number) =>
    breakerEventOf({ kind: 'http-status', status, answer: '', answerCut: false, durationMs: 1 });
  assert.equal(answered(204), 'success');
  assert.equal(answered(302), 'failure');
  assert.equal(answered(503), 'failure');
  assert.equal(breakerEventOf({ kind: 'timeout', detail: '', durationMs: 1 }), 'failure');
  assert.equal(breakerEventOf({ kind: 'cancelled', detail: '', durationMs: 1 }), undefined);
});
