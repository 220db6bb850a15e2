import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileForm } from './form/compile.ts';
import type { FormDefinition } from './form/definition.ts';
import { maskPlan, maskResponse, maskText } from './mask.ts';
import type { KeptResponse, Provenance, Understanding } from './response.ts';

const elements = [
  { type: 'comment', name: 'message' },
  { type: 'text', name: 'topic' },
  { type: 'text', name: 'mail', inputType: 'email' },
  { type: 'text', name: 'phone', inputType: 'tel' },
  { type: 'text', name: 'when', inputType: 'date' },
  { type: 'radiogroup', name: 'size', choices: ['S', 'M'], hasOther: true },
];
const plan = maskPlan({
  compiled: compileForm({ elements } as unknown as FormDefinition),
  intelligence: {
    text: ['message'],
    extract: {
      fields: [
        { name: 'who', type: 'person' },
        { name: 'account', type: 'iban' },
        { name: 'day', type: 'date' },
        { name: 'note', type: 'text' },
      ],
    },
  },
});
const message = 'I am Jane Doe, write to jane@example.com by 2 May';
const provenance: Provenance = { tier: 'rules', model: 'rules/1', inputSha256: 'guessable', milliseconds: 1, at: 0 };
const field = (value: string) => ({
  value,
  source: value,
  start: message.indexOf(value),
  end: message.indexOf(value) + value.length,
  question: 'message',
  tier: 'rules' as const,
});
const understanding: Understanding = {
  language: 'en',
  personal: [
    { question: 'message', kind: 'name', start: 5, end: 13 },
    { question: 'message', kind: 'email', start: 24, end: 40 },
  ],
  extract: { fields: { who: field('Jane Doe'), day: field('2 May'), note: field('jane@example.com by') }, provenance },
  respond: { text: 'Dear Jane', tier: 'llm', draft: true, provenance },
};
const responseOf = (also: Partial<KeptResponse> = {}): KeptResponse => ({
  id: 'rsp_1',
  formId: 'frm_1',
  formVersion: 1,
  status: 'completed',
  answers: {
    message,
    topic: 'Jane',
    mail: 'jane@example.com',
    phone: '030 1',
    when: '2026-05-02',
    size: 'S',
    'size-Comment': 'Jane',
  },
  metadata: { user: 'jane' },
  submittedAt: 0,
  day: '1970-01-01',
  bodySha256: undefined,
  idempotency: undefined,
  salt: '',
  payloadSha256: '',
  hiddenDropped: 0,
  steps: [],
  understanding,
  review: undefined,
  applied: [],
  receipt: { chain: 'chn_1', seq: 1, sha256: 'a', previous: 'b' },
  ...also,
});

test('tagged places, whole addresses and unread texts give way to what they are; days and choices stay', () => {
  assert.deepEqual(maskResponse(responseOf(), plan).answers, {
    message: 'I am [name], write to [email] by 2 May',
    topic: '[not yet read]',
    mail: '[email]',
    phone: '[phone]',
    when: '2026-05-02',
    size: 'S',
    'size-Comment': '[not yet read]',
  });
});

test('nothing of the drafted reply, the metadata and the hashes of texts is in a masked response', () => {
  const text = JSON.stringify(maskResponse(responseOf(), plan));
  assert.doesNotMatch(text, /jane|guessable/i);
});

test('a field is masked by its type, or by a tag where it stands', () => {
  const fields = maskResponse(responseOf(), plan).understanding!.extract!.fields;
  assert.deepEqual(
    Object.entries(fields).map(([name, { value, source }]) => [name, value, source]),
    [
      ['who', '[name]', '[name]'],
      ['day', '2 May', '2 May'],
      ['note', '[email]', '[email]'],
    ],
  );
});

test('without tags every free text and every field is masked whole', () => {
  const { personal: _, ...old } = understanding;
  for (const unread of [undefined, old]) {
    const masked = maskResponse(responseOf({ understanding: unread }), plan);
    assert.equal(masked.answers.message, '[not yet read]');
    assert.doesNotMatch(JSON.stringify(masked), /jane|2 May/i);
  }
});

test('a response of a version that nobody knows keeps no text at all', () => {
  const { answers } = maskResponse(responseOf(), undefined);
  assert.deepEqual([...new Set(Object.values(answers))], ['[not yet read]']);
});

test('a correction keeps its label, and of its fields what cannot say who somebody is', () => {
  const review = {
    label: 'x',
    fields: { who: 'Jane', account: 'DE89', day: '2026-05-02', note: 'Jane', gone: 'Jane' },
    reply: 'Hi Jane',
    by: 'usr_1',
    at: 1,
  };
  assert.deepEqual(maskResponse(responseOf({ review }), plan).review, {
    label: 'x',
    fields: { who: '[name]', account: '[iban]', day: '2026-05-02', note: '[not yet read]', gone: '[not yet read]' },
    by: 'usr_1',
    at: 1,
  });
});

test('spans that overlap hide all that any of them covers, and one that does not fit hides the text', () => {
  const span = (start: number, end: number) => ({ kind: 'name' as const, start, end });
  assert.equal(maskText('0123456789', [span(4, 6), span(1, 3), span(2, 5)]), '0[name]6789');
  assert.equal(maskText('0123456789', [span(0, 10), span(2, 3)]), '[name]');
  assert.equal(maskText('0123456789', [span(8, 11)]), '[not yet read]');
  assert.equal(maskText('0123', []), '0123');
});
