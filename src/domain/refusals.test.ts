import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CompiledForm } from './form/compiled.ts';
import { countIn, type FailureCount, failuresOf, type Tally, totalOf, withTally } from './refusals.ts';

const compiled = {
  questions: [
    { name: 'email' },
    { name: 'wishes', commentName: 'wishes-Comment' },
    { name: 'größe' },
  ] as CompiledForm['questions'],
};
const failed = (...issues: [pointer: string, code: string][]): string[] =>
  failuresOf(
    compiled,
    issues.map(([pointer, code]) => ({ pointer, code, detail: 'ada@example.org' })),
  ).map(({ question, code }) => `${question} ${code}`);

test('a failure has the name of the question as the form has it, of a list as of its parts', () => {
  assert.deepEqual(
    failed(['/answers/email', 'required'], ['/answers/größe', 'too-long'], ['/answers/wishes-Comment', 'required']),
    ['email required', 'größe too-long', 'wishes-Comment required'],
  );
  assert.deepEqual(failed(['/answers/wishes/0', 'not-a-choice']), ['wishes not-a-choice']);
});

test('a question fails once with each code, however often it does', () => {
  const places = [0, 1, 2].map((i): [string, string] => [`/answers/wishes/${i}`, 'not-a-choice']);
  assert.deepEqual(failed(...places, ['/answers/wishes', 'too-many']), ['wishes not-a-choice', 'wishes too-many']);
});

test('names and codes from outside the form and the list come out as nothing and other', () => {
  const strangers = ['ada@example.org', 'constructor', '__proto__', 'undefined', 'emai', 'email2', '', 'e~1mail'];
  assert.deepEqual(failed(...strangers.map((name): [string, string] => [`/answers/${name}`, 'unknown-answer'])), [
    'null unknown-answer',
  ]);
  assert.deepEqual(failed(['/answers', 'wrong-type'], ['', 'required'], ['/email', 'required']), [
    'null wrong-type',
    'null required',
  ]);
  assert.deepEqual(failed(['/answers/email', 'constructor'], ['/answers/email', 'ada@example.org']), ['email other']);
});

const tally = (by: string, refused: number, ...questions: FailureCount[]): Tally => {
  const counts = new Map<string, FailureCount>();
  countIn(counts, questions);
  return { by, number: 1, formId: 'frm_1', day: '2026-11-02', refused, questions: counts };
};

test('tallies of several processes add up in one document, each once', () => {
  const a = tally('a', 2, { question: 'email', code: 'required', count: 2 });
  const b = tally(
    'b',
    3,
    { question: 'email', code: 'required', count: 1 },
    { question: null, code: 'other', count: 3 },
  );
  const first = withTally(undefined, a)!;
  const both = withTally(first, b)!;
  assert.deepEqual(both, {
    id: 'frm_1:2026-11-02',
    formId: 'frm_1',
    day: '2026-11-02',
    refused: 5,
    questions: [
      { question: 'email', code: 'required', count: 3 },
      { question: null, code: 'other', count: 3 },
    ],
    applied: [
      { by: 'a', number: 1 },
      { by: 'b', number: 1 },
    ],
  });
  assert.equal(withTally(both, a), undefined);
  assert.equal(first.questions[0]!.count, 2, 'what was read stays as it was');
});

test('a tally counts once however many others come between, and each process leaves one mark', () => {
  const lost = tally('lost', 1);
  let doc = withTally(undefined, lost)!;
  for (let i = 1; i <= 200; i++) for (const by of ['b', 'c']) doc = withTally(doc, { ...tally(by, 1), number: i })!;
  assert.equal(withTally(doc, lost), undefined);
  assert.deepEqual([doc.refused, doc.applied.length], [401, 3]);
  for (let i = 0; i < 200; i++) doc = withTally(doc, tally(`process-${i}`, 1))!;
  assert.equal(doc.applied.length, 50, 'of a day with many starts the newest');
});

test('the days come to one count for each question and code, the most frequent first', () => {
  const days = [
    withTally(undefined, tally('a', 4, { question: 'email', code: 'required', count: 1 }))!,
    withTally(
      undefined,
      tally(
        'b',
        5,
        { question: 'email', code: 'required', count: 2 },
        { question: 'wishes', code: 'too-many', count: 5 },
        { question: null, code: 'other', count: 3 },
      ),
    )!,
  ];
  assert.deepEqual(totalOf(days), {
    refused: 9,
    byQuestion: [
      { question: 'wishes', code: 'too-many', count: 5 },
      { question: null, code: 'other', count: 3 },
      { question: 'email', code: 'required', count: 3 },
    ],
  });
  assert.equal(days[0]!.questions[0]!.count, 1);
});
