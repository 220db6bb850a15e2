import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakerEventOf, longestWaitMs, type MailOutcome, nextMailStep } from './outcome.ts';

const now = 1_000_000;
const minute = 60_000;
const step = (outcome: MailOutcome, attempt = 1, since = now) =>
  nextMailStep(outcome, { attempt, since, now, chance: 0.5 });

test('what the server refuses is dead at once, with its words', () => {
  const outcome = { kind: 'refused', status: 550, detail: '550 5.1.1 no such mailbox' } as const;
  assert.deepEqual(step(outcome), {
    step: 'dead',
    error: { code: 'mail-refused', detail: 'SMTP 550: 550 5.1.1 no such mailbox' },
  });
  assert.equal(breakerEventOf(outcome), 'success', 'a server that refuses a message works');
});

test('what may be taken later, or was interrupted, is tried after 1, 5 and 15 minutes', () => {
  for (const kind of ['deferred', 'interrupted'] as const) {
    const pauses = [1, 2, 3, 4].map((attempt) => {
      const next = step({ kind, detail: 'x' }, attempt);
      assert.equal(next.step, 'retry');
      return 'at' in next ? (next.at - now) / minute : 0;
    });
    assert.deepEqual(pauses, [1, 5, 15, 15]);
  }
});

test('a server that is away costs a message no attempt for three days', () => {
  const away = { kind: 'unreachable', detail: 'ESOCKET: connect ECONNREFUSED' } as const;
  const waits = step(away, 4);
  assert.deepEqual(waits, {
    step: 'wait',
    at: now + 10_000,
    error: { code: 'mail-server-away', detail: 'ESOCKET: connect ECONNREFUSED' },
  });
  assert.equal(step(away, 1, now - longestWaitMs).step, 'wait');
  assert.equal(step(away, 1, now - longestWaitMs - 1).step, 'dead');
  assert.equal(breakerEventOf(away), 'failure');
});

test('a message that no connection was free for costs no attempt however long it goes on, and says nothing of the server', () => {
  const busy = { kind: 'busy', detail: 'no connection was free for 30000 ms' } as const;
  assert.deepEqual(step(busy, 4, now - 2 * longestWaitMs), {
    step: 'wait',
    at: now + 10_000,
    error: { code: 'mail-server-busy', detail: 'no connection was free for 30000 ms' },
  });
  assert.equal(breakerEventOf(busy), undefined);
});

test('a worker without a server buries a message and says what to set; one that stops gives it back', () => {
  const nowhere = step({ kind: 'not-configured' });
  assert.equal(nowhere.step, 'dead');
  assert.match('error' in nowhere ? nowhere.error!.detail : '', /FORMSTEAD_SMTP_URL/);
  assert.deepEqual(step({ kind: 'cancelled' }), { step: 'wait', at: now });
  for (const kind of ['not-configured', 'cancelled'] as const) assert.equal(breakerEventOf({ kind }), undefined);
});

test('pauses are spread by a fifth, so that what waited together does not come back together', () => {
  const at = (chance: number) => {
    const next = nextMailStep({ kind: 'deferred', detail: '' }, { attempt: 1, since: now, now, chance });
    return 'at' in next ? next.at - now : 0;
  };
  assert.equal(at(0), 0.8 * minute);
  assert.ok(at(0.999) > 1.19 * minute);
});
