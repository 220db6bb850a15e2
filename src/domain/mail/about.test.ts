import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fanOutMailId, type MailAbout, messageIdOf, sendMailId } from './about.ts';

const uuid = '01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
const notice = { response_id: `rsp_${uuid}` };
const digest = { form_id: `frm_${uuid}`, from: 1000, to: 2000 };
const all: MailAbout[] = [
  notice,
  digest,
  { ...digest, to: 3000 },
  { ...digest, again: 1 },
  { day: '2026-01-15' },
  { day: '2026-01-16' },
];

test('tasks and messages have ids that follow from what they are about and from the recipient alone', () => {
  assert.equal(fanOutMailId(notice), `tsk_${uuid}:email`);
  assert.equal(sendMailId(notice, 'k1'), `tsk_${uuid}:email-k1`);
  assert.equal(messageIdOf(notice, 'k1', 'example.org'), `<rsp_${uuid}.k1@example.org>`);
  assert.equal(messageIdOf({ day: '2026-01-15' }, 'k1', 'example.org'), '<summary.2026-01-15.k1@example.org>');
});

test('no two messages share an id, and every id is one that a header and a path can carry', () => {
  const pairs = all.flatMap((about) => ['k1', 'k2'].map((key) => [about, key] as const));
  const messages = pairs.map(([about, key]) => messageIdOf(about, key, 'example.org'));
  const tasks = pairs.map(([about, key]) => sendMailId(about, key));
  for (const ids of [messages, tasks]) assert.equal(new Set(ids).size, pairs.length);
  for (const id of messages) assert.match(id, /^<[A-Za-z0-9._-]+@example\.org>$/);
  for (const id of tasks) assert.match(id, /^tsk_[0-9a-f-]{36}:[a-z0-9-]{1,150}$/);
});
