import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Evaluation } from '#app/insight/evaluation.ts';
import { formstead } from '../support/command-line.ts';
import { startTestProgram, type TestProgram, testEnvironment } from '../support/program.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';

/* `formstead eval` beside the running server whose store it reads. */

const limit = { timeout: 120_000 };
const intelligence = {
  text: ['message'],
  classify: { labels: [{ name: 'billing' }, { name: 'delivery' }] },
  extract: {
    fields: [
      { name: 'email', type: 'email' },
      { name: 'amount', type: 'money' },
      { name: 'day', type: 'date' },
      { name: 'city', type: 'place' },
    ],
  },
};
const definition = { elements: [{ type: 'comment', name: 'message' }] };
const examples = Array.from({ length: 40 }, (_, i) =>
  i % 2
    ? { text: `the invoice ${i} has a wrong amount`, label: 'billing' }
    : { text: `parcel ${i} came late`, label: 'delivery' },
);

const place = mkdtempSync(join(tmpdir(), 'formstead-eval-'));
const model = { FORMSTEAD_MODEL: writeTinyGguf(join(place, 'tiny.gguf')), FORMSTEAD_MODEL_THREADS: '1' };
let program: TestProgram;
let form: string;

before(async () => {
  program = await startTestProgram();
  form = await program.publish({ definition, intelligence, slug: 'judged' });
  const { body } = await program.call('POST', `/forms/${form}/examples`, { body: examples });
  assert.equal((await program.finished(body.task_id, 60_000)).status, 'succeeded');
}, limit);
after(async () => {
  await program.stop();
  rmSync(place, { recursive: true, force: true });
});

const ask = (args: string[], settings: Record<string, string> = {}) =>
  formstead(['eval', ...args], testEnvironment(program.dir, settings));

function fileOf(...lines: (object | string)[]): string {
  const file = join(place, `${Math.random()}.jsonl`);
  writeFileSync(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return file;
}

async function evaluated(args: string[], settings?: Record<string, string>): Promise<Evaluation> {
  const { code, stdout, stderr } = await ask([...args, '--json'], settings);
  assert.deepEqual([code, stderr], [0, '']);
  return JSON.parse(stdout);
}
const whose = ({ verdicts }: Evaluation, name: string) => verdicts.find((one) => one.whose === name);
const field = ({ fields }: Evaluation, name: string, tier: string) =>
  fields.find((one) => one.field === name && one.tier === tier)!;

test(
  'the head is told right and wrong labels apart, and a label that is wrong on purpose costs its share',
  limit,
  async () => {
    const file = fileOf(
      { text: 'invoice 3 is wrong', label: 'billing' },
      { text: 'the amount of invoice 77 is wrong', label: 'billing' },
      '',
      { text: 'my parcel came late', label: 'delivery' },
      { text: 'parcel 9 came late', label: 'billing' },
    );
    const found = await evaluated(['--form', 'judged', '--file', file]);
    const head = whose(found, 'head')!;
    assert.deepEqual([found.texts, head.texts, head.accuracy], [4, 4, 3 / 4]);
    // billing: 3 wanted, 2 said, 2 right: F1 4/5. delivery: 1 wanted, 2 said, 1 right: F1 2/3.
    assert.ok(Math.abs(head.macroF1! - (4 / 5 + 2 / 3) / 2) < 1e-9);
    assert.equal(head.curve.length, 10);
    assert.deepEqual(
      head.worst.map(({ label }) => label),
      ['delivery', 'billing'],
    );
    assert.deepEqual(whose(found, 'cascade')!.accuracy, 3 / 4);
    assert.deepEqual([found.model, found.head!.examples], [undefined, 40]);
    const [latency] = found.latency;
    assert.deepEqual([latency!.part, latency!.tier, latency!.answers], ['classify', 'head', 4]);
    assert.ok(latency!.p50 > 0 && latency!.p50 <= latency!.p95);
    const one = await evaluated(['--form', form, '--file', file, '--limit', '1']);
    assert.equal(one.texts, 1);
  },
);

test('fields are compared in their normal form, by tier; one that is not named must not be found', limit, async () => {
  const file = fileOf(
    { text: 'Refund 12,50 € to ada@example.org', fields: { email: 'Ada@Example.org', amount: '12.50 EUR' } },
    { text: 'Refund 30 € to bob@example.org', fields: { email: null, amount: '12,50 €' } },
    { text: 'Call me tomorrow', fields: { day: '2026-04-28' }, at: '2026-04-27T09:00:00Z' },
    { text: 'Greetings from  new york', fields: { city: 'New York' } },
  );
  const found = await evaluated(['--form', 'judged', '--file', file]);
  assert.deepEqual(found.verdicts, []);
  const email = field(found, 'email', 'rules');
  assert.deepEqual([email.texts, email.wanted, email.found, email.right], [4, 1, 2, 1]);
  assert.deepEqual([email.precision, email.recall], [1 / 2, 1]);
  const amount = field(found, 'amount', 'all');
  assert.deepEqual([amount.wanted, amount.found, amount.right], [2, 2, 1]);
  assert.deepEqual(field(found, 'day', 'rules').right, 1, '"tomorrow" is the day after the line was written');
  const city = field(found, 'city', 'all');
  assert.deepEqual([city.wanted, city.right, city.recall], [1, 0, 0], 'no rule finds a place');
});

test('the language model is asked about what the head leaves open, or about every text', limit, async () => {
  const file = fileOf(
    { text: 'the invoice 3 has a wrong amount', label: 'billing' },
    { text: 'zzz', label: 'delivery', fields: { city: 'zzz' } },
  );
  const open = await evaluated(['--form', 'judged', '--file', file], model);
  const head = whose(open, 'head')!;
  assert.deepEqual([head.texts, head.standing!.share], [2, 1 / 2], 'the head is sure of one of them');
  assert.deepEqual([whose(open, 'llm')!.texts, whose(open, 'joint')!.texts], [1, 1]);
  assert.equal(whose(open, 'head where the model was asked')!.texts, 1);
  assert.equal(whose(open, 'cascade')!.texts, 2);
  assert.equal(whose(open, 'joint')!.standing!.share, 0, 'nobody has measured this model on this form');
  const asked = open.fields.filter(({ tier }) => tier === 'llm').map(({ field: name }) => name);
  assert.deepEqual(asked, ['amount', 'day', 'city'], 'e-mail addresses are for the rules');
  assert.deepEqual(
    open.latency.map(({ part, tier, answers }) => `${part} ${tier} ${answers}`),
    ['classify head 2', 'classify llm 1', 'extract rules 1', 'extract llm 1'],
  );
  const all = await evaluated(['--form', 'judged', '--file', file, '--all-tiers'], model);
  assert.equal(whose(all, 'llm')!.texts, 2);
  assert.deepEqual(whose(all, 'cascade')!.accuracy, whose(open, 'cascade')!.accuracy, 'a sure head is not overruled');
  const without = await evaluated(['--form', 'judged', '--file', file, '--no-model'], model);
  assert.equal(whose(without, 'llm'), undefined);
});

test('for people it is printed as tables', limit, async () => {
  const file = fileOf({ text: 'parcel 9 came late', label: 'delivery', fields: {} });
  const { code, stdout } = await ask(['--form', 'judged', '--file', file]);
  assert.equal(code, 0);
  assert.match(stdout, /^judged, version 1: 1 texts of the file$/m);
  assert.match(stdout, /^head +1 +100\.0 % +1\.000 /m);
  assert.match(stdout, /^if head answered from … +0\.50 .* 0\.95$/m);
  assert.match(stdout, /^email +rules +1 +0 +0 +- +- +0\.000$/m);
  assert.doesNotMatch(stdout, /^email +all/m, 'one tier alone is not told twice');
  assert.match(stdout, /^classify +head +1 /m);
});

test('what cannot be evaluated is told in a sentence with its line, and ends with 2', limit, async () => {
  const good = { text: 'parcel', label: 'delivery' };
  const bare = await program.publish({ definition, slug: 'bare' });
  const untaught = { definition, intelligence: { classify: intelligence.classify }, slug: 'untaught' };
  await program.publish(untaught);
  await program.call('POST', '/forms', { body: { title: 'Draft', slug: 'draft', definition } });
  const lines = fileOf(
    good,
    { text: 'x', label: 'weather' },
    'not json',
    '',
    { text: ' ', label: 'billing' },
    { text: 'x' },
    { text: 'x', label: null },
    { text: 'x', fields: { size: 'large' } },
    { text: 'x', fields: { day: 'someday' } },
    { text: 'x', labels: 'billing', label: 'billing' },
    { text: 'x', label: 'billing', at: 'yesterday' },
  );
  const wrong = await ask(['--form', 'judged', '--file', lines]);
  assert.equal(wrong.code, 2);
  for (const part of [
    /line 2: The form has no label "weather"; it has billing, delivery/,
    /line 3: It is no JSON object/,
    /line 5: It has no text/,
    /line 6: It has neither label nor fields/,
    /line 7: The form does not allow "none"/,
    /line 8: The form extracts no field "size"/,
    /line 9: The field day: "someday" is no date/,
    /line 10: There is no "labels"/,
    /line 11: Write at as a time/,
  ])
    assert.match(wrong.stderr, part);
  assert.ok(!/line [14]:/.test(wrong.stderr));

  const file = fileOf(good);
  const cases: [string[], RegExp, Record<string, string>?][] = [
    [['--form', 'nowhere', '--file', file], /There is no form nowhere/],
    [['--form', 'draft', '--file', file], /Publish the form first/],
    [['--form', bare, '--file', file], /neither labels nor fields/],
    [['--form', 'untaught', '--file', file], /no trained head, and no language model/],
    [['--form', 'judged', '--file', fileOf('')], /holds no text/],
    [['--form', 'judged', '--file', join(place, 'none.jsonl')], /cannot be read \(ENOENT\)/],
    [['--form', 'judged', '--file', place], /is a directory/],
    [['--form', 'judged'], /one of --file and --reviews/],
    [['--form', 'judged', '--reviews', '--file', file], /one of --file and --reviews/],
    [['--form', 'judged', '--file', file, '--limit', '0'], /--limit must be/],
    [['--form', 'untaught', '--reviews'], /Nobody has reviewed/],
    [['--form', 'judged', '--file', file], /language model does not start: .+--no-model/, { FORMSTEAD_MODEL: lines }],
  ];
  for (const [args, sentence, settings] of cases) {
    const { code, stdout, stderr } = await ask(args, settings);
    assert.deepEqual([code, stdout], [2, ''], `${args}: ${stderr}`);
    assert.match(stderr, sentence);
  }
});

test(
  'reviews are compared with what the machine had said; what was read again after its review is left out',
  limit,
  async () => {
    const send = async (message: string) => {
      const { response_id: id, task_id } = await program.accepted(form, { message });
      await program.finished(task_id, 60_000);
      return id;
    };
    const review = async (id: string, body: object) =>
      assert.equal((await program.call('POST', `/responses/${id}/review`, { body })).status, 200);
    const [right, wrong, again, unseen] = [
      await send('the invoice 8 has a wrong amount, write to ada@example.org'),
      await send('parcel 10 came late, I want 5 € for it'),
      await send('parcel 11 came late'),
      await send('parcel 12 came late'),
    ];
    await review(right!, { label: 'billing', fields: { email: '' } });
    await review(wrong!, { label: 'billing', fields: { city: 'Rome' } });
    await review(again!, { label: 'delivery' });
    const repeated = await program.call('POST', `/responses/${again}/reprocess`);
    await program.finished(repeated.body.task_id, 60_000);
    assert.ok(unseen);

    const found = await evaluated(['--form', 'judged', '--reviews']);
    assert.deepEqual([found.source, found.texts, found.leftOut], ['reviews', 2, 1]);
    const head = whose(found, 'head')!;
    assert.deepEqual([head.texts, head.accuracy], [2, 1 / 2]);
    const email = field(found, 'email', 'all');
    assert.deepEqual([email.wanted, email.found, email.right], [0, 1, 0], 'the person says that there is none');
    const amount = field(found, 'amount', 'rules');
    assert.deepEqual([amount.found, amount.right, amount.recall], [1, 1, undefined], 'what is not named was right');
    const city = field(found, 'city', 'all');
    assert.deepEqual([city.wanted, city.found], [1, 0]);
    assert.equal(found.latency.find(({ part }) => part === 'classify')!.answers, 2);
    assert.equal((await evaluated(['--form', 'judged', '--reviews', '--limit', '1'])).texts, 1);
  },
);
