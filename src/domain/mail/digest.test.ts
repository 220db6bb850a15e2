import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newResponse } from '../response.ts';
import { digestContent, listedInDigest } from './digest.ts';

const sender = { from: 'forms@example.org', timeZone: 'UTC', publicUrl: 'https://forms.example.org' };
const window = { form_id: 'frm_1', from: Date.UTC(2026, 0, 15, 8), to: Date.UTC(2026, 0, 16, 8) };
const form = { id: 'frm_1', title: 'Contact', wantsReading: true };
const counts = {
  total: 70,
  byLabel: [
    { label: 'billing', count: 60 },
    { label: null, count: 4 },
  ],
  unlabelled: 6,
};
const response = newResponse({
  ...{
    id: 'rsp_1',
    formId: 'frm_1',
    formVersion: 1,
    answers: {},
    metadata: undefined,
    now: window.from,
    day: '2026-01-15',
  },
  ...{ bodySha256: undefined, idempotency: undefined, salt: 'ab', hiddenDropped: 0, steps: [] },
});

test('an empty window has no digest', () => {
  assert.equal(
    digestContent({ form, window, counts: { total: 0, byLabel: [], unlabelled: 0 }, listed: [] }, sender),
    undefined,
  );
});

test('no writing makes a digest too long for a mail server', () => {
  const listed = Array.from({ length: listedInDigest }, () => ({
    response,
    excerpt: `a${'\u0301'.repeat(40)}`.repeat(2_000),
  }));
  const whole = digestContent({ form, window, counts, listed }, sender)!.text.join('\n');
  assert.ok(whole.length < listedInDigest * 2_400, `${whole.length}`);
});

test('a digest counts all, also those that it does not list', () => {
  const { subject, text } = digestContent({ form, window, counts, listed: [] }, sender)!;
  assert.equal(subject, 'Contact: 70 new responses');
  const whole = text.join('\n');
  assert.match(whole, /2026-01-15 08:00 to 2026-01-16 08:00 \(UTC\)/);
  assert.match(whole, /billing: 60\nnone of the labels: 4\nwithout a sure label: 6/);
  assert.ok(whole.includes('and 70 more') && whole.includes('https://forms.example.org/api/v1/forms/frm_1/responses'));
});
