import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../json.ts';
import { newResponse, type Response, type Understanding } from '../response.ts';
import { mailOf } from './message.ts';
import { type NoticeInput, noticeContent } from './notice.ts';

const sender = { from: 'forms@example.org', timeZone: 'Europe/Vienna', publicUrl: undefined };
const at = Date.UTC(2026, 0, 15, 12);
const id = 'rsp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
const questions = [
  { name: 'message', title: 'Your message' },
  { name: 'topics', title: 'Topics', commentName: 'topics-Comment' },
  { name: 'pin', title: 'PIN' },
];
const provenance = { tier: 'head', model: 'ngram-head/1', inputSha256: '', milliseconds: 0, at } as const;
const classify = {
  label: 'billing',
  confidence: 0.925,
  tier: 'head',
  needsReview: false,
  alternatives: [],
  provenance,
} as const;

function told(
  answers: Record<string, Json>,
  over: Partial<Response> = {},
  input: Partial<NoticeInput> = {},
  publicUrl?: string,
) {
  const given = { id, formId: 'frm_1', formVersion: 1, answers, metadata: undefined, now: at, day: '2026-01-15' };
  const rest = { bodySha256: undefined, idempotency: undefined, salt: 'ab', hiddenDropped: 0, steps: ['understand'] };
  const response = { ...newResponse({ ...given, ...rest }), ...over };
  const form = { id: 'frm_1', title: 'Contact', wantsReading: true };
  const content = noticeContent(
    { response, form, questions, withheld: new Set(['pin']), ...input },
    { ...sender, publicUrl },
  );
  return mailOf({ response_id: id }, 'ada@example.org', sender, at, content);
}
const understood = (understanding: Understanding): Partial<Response> => ({ status: 'completed', understanding });

test('a notice tells label, fields, answers in the order of the form, and the draft', () => {
  const field = { source: '', start: 0, end: 0, question: 'message', tier: 'rules' } as const;
  const { subject, text, html } = told(
    { topics: ['a', 'b'], 'topics-Comment': 'else', message: 'two\nlines', extra: true },
    understood({
      classify: { ...classify, alternatives: [] },
      extract: { fields: { mail: { ...field, value: 'joan@example.com' } }, provenance },
      respond: { text: 'Thank you.', tier: 'template', draft: true, provenance },
    }),
  );
  assert.equal(subject, 'Contact: billing');
  assert.match(text, /Sent: 2026-01-15 13:00 \(Europe\/Vienna\)\nLabel: billing \(93 %\)/);
  assert.ok(text.includes('mail: joan@example.com'));
  assert.ok(text.includes('Your message:\n  two\n  lines\nTopics: a, b\nTopics (other): else\nextra: yes'));
  assert.ok(text.includes('Nothing was sent to the person.') && text.includes('Thank you.'));
  for (const part of ['billing (93 %)', 'joan@example.com', 'Topics (other)', 'Thank you.'])
    assert.ok(html.includes(part), part);
});

test('whether a person should look is in the subject and in the text', () => {
  const cases: [string, Partial<Response>, string | undefined][] = [
    ['sure', understood({ classify: { ...classify, alternatives: [] } }), undefined],
    [
      'unsure',
      understood({ classify: { ...classify, needsReview: true, alternatives: [] } }),
      'unsure: perhaps billing (93 %)',
    ],
    ['not read', {}, 'not read: its task failed or was cancelled'],
    [
      'an unsure field',
      understood({
        extract: {
          fields: {
            a: { value: 'x', source: '', start: 0, end: 0, question: 'message', tier: 'llm', needsReview: true },
          },
          provenance,
        },
      }),
      'x (unsure)',
    ],
    [
      'reviewed',
      {
        ...understood({ classify: { ...classify, needsReview: true, alternatives: [] } }),
        review: { label: 'other', by: 'user:1', at },
      },
      undefined,
    ],
  ];
  for (const [name, over, words] of cases) {
    const { subject, text } = told({ message: 'x' }, over);
    assert.equal(subject.endsWith('please look at a response'), words !== undefined, name);
    assert.equal(text.includes('Review: please look'), words !== undefined, name);
    if (words !== undefined) assert.ok(text.includes(words), `${name}: ${text}`);
  }
});

test('withheld answers are counted and never shown', () => {
  const { text, html } = told({ message: 'x', pin: 'hush' });
  for (const part of [text, html]) assert.ok(!part.includes('hush') && part.includes('1 answer is not sent by e-mail'));
});

test('nothing that somebody wrote begins a header, closes a tag, or stands in the subject as a second line', () => {
  const evil = 'x\r\nBcc: eve@example.org\r\n\r\n</title><script>alert(1)</script>"\'<!--';
  const form = { id: 'frm_1', title: evil, wantsReading: false };
  const mail = told(
    { message: evil, [evil]: evil },
    understood({ classify: { ...classify, label: evil, alternatives: [] } }),
    { form },
  );
  assert.doesNotMatch(mail.subject, /[\r\n]/);
  for (const value of [mail.messageId, ...Object.values(mail.headers)]) assert.match(value, /^[\x20-\x7e]+$/);
  assert.doesNotMatch(mail.html, /<script|<!--|<\/title>.*<\/title>/s);
  assert.doesNotMatch(mail.html, /<(img|link|iframe|object|form)|src=|href=/i);
});

test('a long answer, and many of them, are cut and what is missing is told', () => {
  const long = told({ message: 'x'.repeat(100_000) }).text;
  assert.ok(long.length < 3_000 && long.includes('x…'));
  const many = told(Object.fromEntries(Array.from({ length: 400 }, (_, nth) => [`q${nth}`, 'y'.repeat(500)])));
  assert.ok(many.text.length < 40_000 && many.html.length < 150_000, `${many.text.length} ${many.html.length}`);
  assert.match(many.text, /…: 360 more answers are not in this message/);
});

test('no writing makes a notice long: accents and emoji count by what they take', () => {
  const overloaded = `a${'\u0301'.repeat(99_000)}`;
  const names = Array.from({ length: 50 }, (_, nth) => `q${nth}`);
  for (const answer of [overloaded, `a${'\u0301'.repeat(14)}`.repeat(6_000), '👩‍👩‍👧‍👦'.repeat(8_000)]) {
    const { text, html } = told(Object.fromEntries(names.map((name) => [name, answer])));
    assert.ok(text.length < 22_000 && html.length < 30_000, `${text.length} ${html.length}`);
  }
});

test('with a public URL there is a link, and without one the id', () => {
  const linked = told({ message: 'x' }, {}, {}, 'https://forms.example.org');
  const url = `https://forms.example.org/api/v1/responses/${id}`;
  assert.ok(linked.text.includes(url) && linked.html.includes(`href="${url}"`));
  assert.ok(told({ message: 'x' }).text.includes(`Response ${id}`));
});

test('no machine answers it, and mailboxes can sort it by form', () => {
  const { headers } = told({ message: 'x' });
  assert.equal(headers['Auto-Submitted'], 'auto-generated');
  assert.equal(headers['List-Id'], '<frm-1.formstead.example.org>');
});
