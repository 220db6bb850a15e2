import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { startReceiver } from '../support/receiver.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';

/* The whole way of a response through a real language model. Its weights are random: what it says means nothing, and whatever it says must do no harm. */

const intelligence = {
  text: ['message'],
  classify: { labels: [{ name: 'billing', description: 'money' }, { name: 'delivery' }], allow_none: true },
  extract: {
    fields: [
      { name: 'city', type: 'place' },
      { name: 'mail', type: 'email' },
    ],
  },
  respond: { instructions: 'Thank the person.', max_words: 30 },
};
const definition = { elements: [{ type: 'comment', name: 'message' }] };

let dir: string;
let program: TestProgram;
let form: string;
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'formstead-model-'));
  program = await startTestProgram({
    FORMSTEAD_MODEL: writeTinyGguf(join(dir, 'tiny.gguf')),
    FORMSTEAD_MODEL_BUDGET: '20s',
  });
  form = await program.publish({ definition, intelligence, title: 'Support' });
});
after(async () => {
  await program.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function understood(message: string, to = form) {
  const { response_id, task_id } = await program.accepted(to, { message });
  const task = await program.finished(task_id, 60_000);
  assert.equal(task.status, 'succeeded', JSON.stringify(task));
  return { task, response: (await program.call('GET', `/responses/${response_id}`)).body };
}

test('each part that is left to the model is a step of its own, and the result says which tier answered and why not the next', async () => {
  const { task, response } = await understood('My parcel to Vienna has not come. ada@example.org');
  assert.deepEqual(
    task.steps.map(({ name, queue, status }: { name: string; queue: string; status: string }) => [name, queue, status]),
    ['understand-response', 'classify-response', 'extract-fields', 'draft-reply'].map((name) => [
      name,
      'batched',
      'succeeded',
    ]),
  );
  const { classify, extract, respond, trail } = response.intelligence;
  assert.equal(response.status, 'completed');
  assert.equal(classify.tier, 'llm');
  assert.ok([null, 'billing', 'delivery'].includes(classify.label));
  assert.equal(classify.needs_review, true, 'nobody has measured it on this form');
  assert.equal(classify.provenance.prompt, 'classify/1');
  assert.match(classify.provenance.model_sha256, /^[0-9a-f]{64}$/);
  assert.equal(extract.fields.mail.tier, 'rules');
  for (const field of Object.values<{ source: string; start: number; end: number }>(extract.fields))
    assert.equal(response.answers.message.slice(field.start, field.end), field.source);
  if (extract.fields.city) assert.equal(extract.fields.city.needs_review, true);
  assert.equal(respond.draft, true);
  const asked = (part: string) => trail.filter((entry: { part: string }) => entry.part === part);
  assert.deepEqual(
    asked('classify').map(({ tier, outcome }: { tier: string; outcome: string }) => [tier, outcome]),
    [
      ['head', 'no-trained-head'],
      ['llm', 'unsure'],
    ],
  );
  assert.equal(asked('respond').at(-1).tier, 'llm');
});

test('a text that was read before is not asked about again', async () => {
  const first = await understood('The same words twice.');
  const second = await understood('The same words twice.');
  assert.equal(first.response.intelligence.classify.provenance.cached, undefined);
  assert.equal(second.response.intelligence.classify.provenance.cached, true);
  assert.equal(second.response.intelligence.classify.confidence, first.response.intelligence.classify.confidence);
});

test('one event tells of an understanding, when its last part has ended', async () => {
  const receiver = await startReceiver();
  const own = await startTestProgram({
    FORMSTEAD_MODEL: join(dir, 'tiny.gguf'),
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8',
  });
  try {
    const id = await own.publish({ definition, intelligence, title: 'Told' });
    await own.call('POST', '/webhook-endpoints', { body: { url: receiver.url, events: ['response.understood'] } });
    const { task_id } = await own.accepted(id, { message: 'Tell me once.' });
    await own.finished(task_id, 60_000);
    await eventually(async () => receiver.received.length > 0);
    assert.equal(receiver.received.length, 1);
    const { data } = JSON.parse(receiver.received[0]!.body);
    assert.equal(data.status, 'completed');
    assert.equal(data.intelligence.trail.filter(({ tier }: { tier: string }) => tier === 'llm').length, 3);
    const { deliveries, problems } = await own.verify();
    assert.deepEqual([deliveries.delivered, problems], [1, []]);
  } finally {
    await own.stop();
    await receiver.close();
  }
});

test('a model is measured on the examples of a form, and one that knows nothing is not asked for its labels again', async () => {
  const lines = readFileSync(new URL('../../examples/support-request/training.jsonl', import.meta.url), 'utf8');
  const examples = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const labels = [...new Set<string>(examples.map(({ label }) => label).filter(Boolean))].map((name) => ({ name }));
  const id = await program.publish({
    definition,
    intelligence: { text: ['message'], classify: { labels, allow_none: true } },
    title: 'Measured',
  });
  const { body } = await program.call('POST', `/forms/${id}/examples`, { body: examples });
  await program.finished(body.task_id, 60_000);
  const doubtful = 'Well, what about the thing from the other day, you know?';
  const first = await understood(doubtful, id);
  const outcome = ({ response }: typeof first) => response.intelligence.trail.at(-1);
  assert.deepEqual(outcome(first), { part: 'classify', tier: 'llm', outcome: 'not-measured' });
  await eventually(async () => {
    const { items } = (await program.call('GET', '/tasks?queue=batched&limit=200')).body;
    return items.some(
      ({ kind, status }: { kind: string; status: string }) => kind === 'fit-model' && status === 'succeeded',
    );
  }, 60_000);
  const second = await understood(doubtful, id);
  assert.deepEqual(outcome(second), { part: 'classify', tier: 'llm', outcome: 'no-gain' });
  assert.equal(second.response.intelligence.classify.tier, 'head');
});

test('a model that cannot be loaded holds nothing up: every response is completed, and says why no model answered', async () => {
  const own = await startTestProgram({ FORMSTEAD_MODEL: join(dir, 'not-there.gguf'), FORMSTEAD_MODEL_BUDGET: '2s' });
  try {
    const id = await own.publish({ definition, intelligence, title: 'Broken' });
    const { response_id, task_id } = await own.accepted(id, { message: 'Is anybody there?' });
    assert.equal((await own.finished(task_id, 30_000)).status, 'succeeded');
    const { intelligence: said } = (await own.call('GET', `/responses/${response_id}`)).body;
    assert.equal(said.respond.tier, 'template');
    assert.ok(
      said.trail.some(
        ({ tier, outcome }: { tier: string; outcome: string }) =>
          tier === 'llm' && /unavailable|no-model/.test(outcome),
      ),
      JSON.stringify(said.trail),
    );
  } finally {
    await own.stop();
  }
});

test('cancelling a response whose parts are open stops them, and nothing is left to do', async () => {
  const own = await startTestProgram({ FORMSTEAD_MODEL: join(dir, 'tiny.gguf'), FORMSTEAD_CONCURRENCY_BATCHED: '1' });
  try {
    const id = await own.publish({ definition, intelligence, title: 'Cancelled' });
    const sent = await Promise.all(Array.from({ length: 6 }, (_, i) => own.accepted(id, { message: `Number ${i}` })));
    const last = sent.at(-1)!.task_id;
    const answer = await own.call('POST', `/tasks/${last}/cancel`);
    // It may have ended just before.
    if (answer.status === 202) assert.match((await own.finished(last, 60_000)).status, /cancelled|succeeded/);
    for (const { task_id } of sent.slice(0, -1))
      assert.equal((await own.finished(task_id, 60_000)).status, 'succeeded');
    assert.deepEqual((await own.verify()).problems, []);
  } finally {
    await own.stop();
  }
});
