import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';

/* The program with a language model of random weights: what it says means nothing, and what is told of it can be reckoned. */

const limit = { timeout: 120_000 };
const intelligence = {
  text: ['message'],
  classify: { labels: [{ name: 'billing' }, { name: 'delivery' }] },
  extract: {
    fields: [
      { name: 'email', type: 'email' },
      { name: 'city', type: 'place' },
    ],
  },
  respond: { instructions: 'Thank the person.', max_words: 20 },
};
const definition = { elements: [{ type: 'comment', name: 'message' }] };
const examples = Array.from({ length: 12 }, (_, i) =>
  i % 2
    ? { text: `the invoice ${i} has a wrong amount`, label: 'billing' }
    : { text: `parcel ${i} came late`, label: 'delivery' },
);

let program: TestProgram;
let metricsPort: number;
let form: string;
const place = mkdtempSync(join(tmpdir(), 'formstead-stats-'));

before(async () => {
  metricsPort = await freePort();
  program = await startTestProgram({
    FORMSTEAD_MODEL: writeTinyGguf(join(place, 'tiny.gguf')),
    FORMSTEAD_MODEL_THREADS: '1',
    FORMSTEAD_METRICS_PORT: String(metricsPort),
  });
  form = await program.publish({ definition, intelligence, slug: 'watched' });
}, limit);
after(async () => {
  await program.stop();
  rmSync(place, { recursive: true, force: true });
});

async function stats(query = '', token?: string) {
  const { status, body, text } = await program.call('GET', `/intelligence/stats${query}`, token ? { token } : {});
  assert.equal(status, 200, text);
  return body;
}
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into, and a wrong guess fails the test.
const tierOf = (part: any, tier: string) => part.tiers.find((one: { tier: string }) => one.tier === tier);

async function understood(message: string): Promise<string> {
  const { response_id, task_id } = await program.accepted(form, { message });
  assert.equal((await program.finished(task_id, 60_000)).status, 'succeeded');
  return response_id;
}

test(
  'before the first response there is nothing to say of the tiers, and the model tells how it is',
  limit,
  async () => {
    const empty = await stats();
    assert.deepEqual([empty.responses, empty.from, empty.to, empty.abstained_share], [0, null, null, null]);
    assert.deepEqual(empty.parts.classify, { results: 0, tiers: [], outcomes: {} });
    const { model } = await eventually(async () => {
      const now = await stats();
      return now.model.status === 'ready' && now;
    }, 60_000);
    assert.deepEqual([model.threads, model.breaker, model.problem, model.restarts], [1, 'closed', null, {}]);
    assert.ok(model.places >= 1 && model.memory_bytes >= 0);
  },
);

test(
  'what the tiers said, how long it took and what people changed is told from the responses themselves',
  limit,
  async () => {
    const ids = [];
    for (const n of [1, 2, 3]) ids.push(await understood(`Where is parcel ${n}? Write to ada@example.org, please.`));
    const seen = (await program.call('GET', `/responses/${ids[0]}`)).body.intelligence;
    const llm = seen.classify.provenance;
    assert.equal(llm.tier, 'llm');
    assert.ok(llm.queue_ms >= 0 && llm.first_token_ms >= llm.queue_ms && llm.milliseconds >= llm.first_token_ms);

    const right = { label: seen.classify.label };
    const wrong = { label: right.label === 'billing' ? 'delivery' : 'billing', fields: { email: '' } };
    assert.equal((await program.call('POST', `/responses/${ids[0]}/review`, { body: right })).status, 200);
    const second = (await program.call('GET', `/responses/${ids[1]}`)).body.intelligence.classify.label;
    assert.equal(
      (
        await program.call('POST', `/responses/${ids[1]}/review`, {
          body: { ...wrong, label: second === 'billing' ? 'delivery' : 'billing' },
        })
      ).status,
      200,
    );

    const found = await stats('?form=watched');
    assert.equal(found.responses, 3);
    assert.ok(Date.parse(found.from) <= Date.parse(found.to));
    const { classify, extract, respond } = found.parts;
    const labels = tierOf(classify, 'llm');
    assert.deepEqual([classify.results, labels.answered, labels.share, labels.needs_review], [3, 3, 1, 3]);
    assert.deepEqual([labels.reviewed, labels.agreed, labels.cached], [2, 1, 0]);
    assert.equal(classify.outcomes['head:no-trained-head'], 3);
    assert.equal(found.abstained_share, 1, 'nobody has measured what the word of this model is worth');
    const all = await Promise.all(
      ids.map(async (id) => (await program.call('GET', `/responses/${id}`)).body.intelligence),
    );
    const took = all.map(({ classify: { provenance } }) => provenance.milliseconds).sort((a, b) => a - b);
    assert.deepEqual(labels.milliseconds, { p50: took[1], p95: took[2], max: took[2] });
    const sum = (of: (tokens: { prompt: number; reused: number; answer: number }) => number) =>
      all.reduce((total, { classify: { provenance } }) => total + of(provenance.tokens), 0);
    assert.deepEqual(labels.tokens, {
      read: sum(({ prompt, reused }) => prompt - reused),
      reused: sum(({ reused }) => reused),
      written: sum(({ answer }) => answer),
    });
    const rules = tierOf(extract, 'rules');
    assert.deepEqual([rules.answered, rules.reviewed, rules.agreed, rules.tokens], [3, 1, 0, null]);
    assert.equal(
      found.dropped_values,
      all.reduce((total, { extract: { dropped = 0 } }) => total + dropped, 0),
    );
    const fields = tierOf(extract, 'llm');
    // An answer that was cut before its end is none; any other one is told of, whatever it found.
    assert.equal(fields?.tokens.written > 0, (extract.outcomes['llm:cut-off'] ?? 0) < 3);
    assert.equal(respond.results, 3);
    assert.ok(found.model_milliseconds.p50 > 0);
  },
);

test('the same question twice is answered from the cache, and counts for no time', limit, async () => {
  const before = tierOf((await stats()).parts.classify, 'llm');
  const id = await understood('Where is parcel 1? Write to ada@example.org, please.');
  const { provenance } = (await program.call('GET', `/responses/${id}`)).body.intelligence.classify;
  assert.deepEqual([provenance.cached, provenance.queue_ms], [true, undefined]);
  const now = tierOf((await stats()).parts.classify, 'llm');
  assert.deepEqual([now.answered, now.cached, now.tokens], [before.answered + 1, 1, before.tokens]);
  assert.deepEqual(now.milliseconds, before.milliseconds);
});

test(
  'only the newest are looked at, from a time on, and of one form; what is asked wrongly is refused',
  limit,
  async () => {
    assert.equal((await stats('?limit=2')).responses, 2);
    assert.equal((await stats('?from=2100-01-01T00:00:00Z')).responses, 0);
    const other = await program.publish({ definition, intelligence: { text: ['message'] } });
    assert.equal((await stats(`?form=${other}`)).responses, 0);
    const ask = (query: string, token?: string | null) =>
      program.call('GET', `/intelligence/stats${query}`, token === undefined ? {} : { token });
    for (const query of ['?limit=0', '?limit=5001', '?from=yesterday', '?form=', '?nonsense=1'])
      assert.equal((await ask(query)).body.code, 'malformed-query', query);
    assert.equal((await ask('?form=nowhere')).body.code, 'form-not-found');
    assert.equal((await ask('', null)).status, 401);
    const viewer = await program.signIn('viewer');
    assert.equal((await ask('', viewer)).status, 200);
  },
);

test('metrics and health show the model of this process', limit, async () => {
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const value = (line: string) =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(line))
        ?.split(' ')
        .at(-1),
    );
  assert.equal(value('formstead_model_state{purpose="text",state="ready"}'), 1);
  assert.equal(value('formstead_model_state{purpose="text",state="failed"}'), 0);
  assert.ok(value('formstead_model_memory_bytes{purpose="text"}') > 10_000_000);
  assert.equal(value('formstead_model_breaker_open'), 0);
  assert.equal(value('formstead_model_restarts{purpose="text",reason="crashed"}'), 0);
  const { checks } = (await program.call('GET', '/health/detailed')).body;
  assert.deepEqual([checks.model.ok, checks.model.essential, checks.model.detail.status], [true, false, 'ready']);
});

test('a head that answers surely leaves the model unasked, and the numbers survive a restart', limit, async () => {
  const { body } = await program.call('POST', `/forms/${form}/examples`, { body: examples });
  assert.equal((await program.finished(body.task_id, 60_000)).status, 'succeeded');
  await understood('the invoice 3 has a wrong amount');
  const { parts } = await stats();
  assert.equal(tierOf(parts.classify, 'head').answered, 1);
  const { model: _, ...before } = await stats();
  await program.restart();
  const { model: __, ...after } = await stats();
  assert.deepEqual(after, before);
});

test(
  'a model that cannot be started degrades the server, which stays ready, and only operators read why',
  limit,
  async () => {
    const broken = join(program.dir, 'broken.gguf');
    writeFileSync(broken, 'this is no model');
    await program.restart({ FORMSTEAD_MODEL: broken });
    const health = await eventually(async () => {
      const { body } = await program.call('GET', '/health/detailed');
      return !body.checks.model.ok && body;
    }, 60_000);
    assert.equal(health.status, 'degraded');
    assert.deepEqual([health.checks.model.essential, health.checks.model.detail.status], [false, 'failed']);
    assert.equal((await program.call('GET', '/health/ready')).status, 200);
    assert.ok((await stats()).model.problem, 'an administrator sees it');
    const { model } = await stats('', await program.signIn('viewer'));
    assert.deepEqual([model.status, model.problem], ['failed', null]);
    const id = await understood('Another one');
    assert.equal((await program.call('GET', `/responses/${id}`)).body.status, 'completed');
    const { outcomes } = (await stats()).parts.respond;
    assert.equal(outcomes['llm:model-unavailable'], 1);
  },
);
