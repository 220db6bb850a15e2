import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from './clients.ts';
import type { Fault } from './faults.ts';
import type { Finding } from './health.ts';
import { judgeAnswers } from './judgement.ts';

const answer = (status: number, more: Partial<Answer> = {}): Answer => ({
  ...{ sentAt: 0, ms: 100, status, retryAfter: status === 503 ? '5' : undefined, code: undefined },
  ...more,
});
const away: Finding = { sentAt: 0, ms: 100, status: 503, failing: ['storage'], retryAfter: '2' };

/** `refused`, of a fault that lasts; `blip`: of one that is over at once. */
function judged(meanwhile: Fault['meanwhile'] | 'blip', during: Answer[], health = [away]): string[] {
  const fault = meanwhile === 'blip' ? ({ meanwhile: 'refused' } as const) : { meanwhile, lastsMs: 1 };
  return judgeAnswers(fault, { during, all: during, health });
}

test('what a fault allows is no cause for complaint', () => {
  assert.deepEqual(judged('accepted', [answer(202), answer(202, { ms: 9000 })]), []);
  assert.deepEqual(judged('refused', [answer(202), answer(503, { ms: 2000 })]), []);
  assert.deepEqual(judged('blip', [answer(202)], []), []);
  assert.deepEqual(judged('away', [answer(503, { ms: 9000 })]), []);
  assert.deepEqual(judged('gone', [answer(0)]), []);
});

test('what it does not allow is told', () => {
  for (const [complaint, found] of [
    [/1 responses were refused/, judged('accepted', [answer(202), answer(503)])],
    [/nothing was answered/, judged('accepted', [])],
    [/took longer than 2000 ms/, judged('refused', [answer(503), answer(503, { ms: 2001 })])],
    [/nothing was refused/, judged('refused', [answer(202)])],
    [/health did not say/, judged('refused', [answer(503)], [{ ...away, failing: [] }])],
    [/when to come back/, judged('away', [answer(503, { retryAfter: undefined })])],
    [/got no answer/, judged('away', [answer(202), answer(0)])],
    [/neither 202 nor 503/, judged('gone', [answer(429)])],
  ] as const) {
    assert.equal(found.length, 1, String(complaint));
    assert.match(found[0]!, complaint);
  }
});
