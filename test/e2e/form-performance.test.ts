import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readParquetRows } from '../support/hyparquet.ts';
import { startTestProgram, type TestProgram } from '../support/program.ts';

/* How a form does: what it refuses, by question, and how long people take to answer it; through the whole program. */

let program: TestProgram;
before(async () => {
  program = await startTestProgram();
});
after(() => program.stop());

const definition = {
  elements: [
    { type: 'text', name: 'email', inputType: 'email', isRequired: true },
    { type: 'text', name: 'age', inputType: 'number', min: 18 },
    { type: 'checkbox', name: 'wishes', choices: ['window', 'quiet'], showOtherItem: true },
  ],
};
const email = 'ada@example.org';

async function refusals(form: string, range = '') {
  const { status, body, text } = await program.call('GET', `/analytics/refusals?form_id=${form}${range}`);
  assert.equal(status, 200, text);
  return body;
}
const failures = (body: { by_question: { question: string | null; code: string; count: number }[] }): string[] =>
  body.by_question.map(({ question, code, count }) => `${question} ${code} ${count}`);
async function refused(form: string, answers: unknown): Promise<void> {
  assert.equal((await program.send(form, answers)).status, 422);
}

test('a response that is refused is counted by question and code beside those that are accepted, and nothing of it is kept', async () => {
  const form = await program.publish({ definition });
  const nothing = await refusals(form);
  assert.deepEqual([nothing.refused, nothing.accepted, nothing.share_refused, nothing.per_day], [0, 0, null, []]);
  await refused(form, {});
  await refused(form, { email: 'no address', age: 3 });
  await refused(form, { email, wishes: ['moon', 'sun', 'secret-word'] });
  await refused(form, { email, 'secret-word': 'x', __proto__x: 1 });
  for (let i = 0; i < 6; i++) await program.accepted(form, { email, age: 18 + i });
  const body = await refusals(form);
  assert.deepEqual(failures(body), [
    'null unknown-answer 1',
    'age too-small 1',
    'email bad-format 1',
    'email required 1',
    'wishes not-a-choice 1',
  ]);
  const today = new Date().toISOString().slice(0, 10);
  assert.deepEqual([body.refused, body.accepted, body.share_refused], [4, 6, 0.4]);
  assert.deepEqual(body.per_day, [{ day: today, refused: 4, accepted: 6 }]);
  assert.deepEqual([body.to, body.from < body.to], [today, true]);
  assert.ok(!JSON.stringify(body).includes('secret-word'));
  const file = (more: string) => program.call('GET', `/analytics/refusals?form_id=${form}&${more}`);
  const csv = await file('format=csv');
  assert.deepEqual(csv.text.trimEnd().split('\r\n'), [
    'question,code,count',
    ',unknown-answer,1',
    'age,too-small,1',
    'email,bad-format,1',
    'email,required,1',
    'wishes,not-a-choice,1',
  ]);
  const heads = ['content-disposition', 'x-truncated', 'x-suppressed'].map((name) => csv.headers.get(name));
  assert.deepEqual(heads, ['attachment; filename="refusals-by-question.csv"', 'false', '0']);
  assert.ok(Date.parse(csv.headers.get('x-as-of')!) >= Date.parse(body.as_of));
  const ndjson = await file('format=ndjson&table=per_day');
  assert.deepEqual(JSON.parse(ndjson.text), { day: today, refused: 4, accepted: 6 });
  const parquet = await readParquetRows((await file('format=parquet')).bytes);
  const failed = parquet.map(({ question, code, count }) => ({ question, code, count: Number(count) }));
  assert.deepEqual(failed, body.by_question);
  for (const bad of ['format=xml', 'format=csv&table=by_day']) assert.equal((await file(bad)).status, 400, bad);
  assert.equal((await program.responses(form)).length, 6);
});

test('what a plain HTML form posts counts too; what is refused for another reason does not', async () => {
  const form = await program.publish({ definition });
  const post = (body: string) =>
    program.call('POST', `/forms/${form}/responses`, {
      body,
      token: null,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  assert.equal((await post('age=12')).status, 422);
  assert.equal((await post(`email=${email}&age=many`)).status, 422);
  assert.equal((await post(`email=${email}&_website=https://spam.example`)).status, 422, 'the honeypot');
  assert.equal((await program.send(form, 'no answers')).status, 400, 'no response at all');
  assert.equal((await program.call('POST', `/forms/${form}/close`)).status, 200);
  assert.equal((await program.send(form, {})).status, 409, 'the form is closed');
  const body = await refusals(form);
  assert.equal(body.refused, 2);
  assert.deepEqual(failures(body), ['age too-small 1', 'age wrong-type 1', 'email required 1']);
});

test('counts outlive the program, and go on where they stood', async () => {
  const form = await program.publish({ definition });
  for (let i = 0; i < 3; i++) await refused(form, {});
  await program.restart();
  await refused(form, {});
  assert.deepEqual(failures(await refusals(form)), ['email required 4']);
});

test('counts are written by themselves within seconds, for another process to read', { timeout: 60_000 }, async () => {
  const form = await program.publish({ definition });
  await refused(form, {});
  // Looked up beside the program: one that is asked over HTTP writes its counts first.
  const id = `${form}:${new Date().toISOString().slice(0, 10)}`;
  const until = Date.now() + 20_000;
  let kept = await program.document('refusals', id);
  while (kept === undefined && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    kept = await program.document('refusals', id);
  }
  assert.equal(kept?.refused, 1);
});

test('a range is of days, and wrong ones are told', async () => {
  const form = await program.publish({ definition });
  await refused(form, {});
  const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const today = new Date().toISOString().slice(0, 10);
  assert.equal((await refusals(form, `&from=${yesterday}&to=${yesterday}`)).refused, 0);
  assert.equal((await refusals(form, `&from=${today}&to=${today}`)).refused, 1);
  for (const [query, status, code] of [
    ['', 400, 'malformed-query'],
    ['form_id=frm_none', 404, 'form-not-found'],
    [`form_id=${form}&from=2026-11-01T00:00:00Z`, 400, 'malformed-query'],
    [`form_id=${form}&from=2026-02-30`, 400, 'malformed-query'],
    [`form_id=${form}&from=${today}&to=${yesterday}`, 400, 'malformed-query'],
    [`form_id=${form}&to=2001-01-01`, 400, 'malformed-query'],
    [`form_id=${form}&question=email`, 400, 'malformed-query'],
  ] as const) {
    const { status: answered, body } = await program.call('GET', `/analytics/refusals?${query}`);
    assert.deepEqual([answered, body.code], [status, code], query);
  }
  const path = `/analytics/refusals?form_id=${form}`;
  assert.equal((await program.call('GET', path, { token: null })).status, 401);
  assert.equal((await program.call('GET', path, { token: await program.signIn('viewer') })).status, 200);
});

test('the time to answer is the one that clients say, whatever else they say is accepted and passed over', {
  timeout: 120_000,
}, async () => {
  const form = await program.publish({ definition });
  const send = async (started_at: string) => {
    const { status } = await program.send(form, { email }, { more: { metadata: { started_at } } });
    assert.equal(status, 202, started_at);
  };
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
  const check = async () => {
    const { body } = await program.call('GET', `/analytics/queries/time-to-answer?form_id=${form}&fresh=1`);
    const [[, count, median, p25, p75, p90] = [], ...more] = body.rows;
    assert.equal(more.length, 0);
    assert.equal(count, 5);
    for (const [is, should] of [
      [median, 300],
      [p25, 200],
      [p75, 400],
      [p90, 460],
    ])
      assert.ok(is >= should && is < should + 20, `${is}, not ${should}`);
  };
  for (const seconds of [100, 200, 300, 400, 500]) await send(ago(seconds));
  for (const other of ['', 'yesterday', '2026-11-24', ago(-3600), ago(100 * 86_400)]) await send(other);
  await program.accepted(form, { email });
  await check();
  const { body } = await program.call('POST', `/forms/${form}/dataset`);
  assert.equal((await program.finished(body.task_id, 60_000)).status, 'succeeded');
  await check();
  const viewer = await program.signIn('viewer');
  const asked = await program.call('GET', `/analytics/queries/time-to-answer?form_id=${form}`, { token: viewer });
  assert.equal(asked.status, 200, 'numbers alone, for whoever may read counts');
});
