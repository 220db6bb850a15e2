import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, formstead } from '../support/command-line.ts';
import { startTestProgram, testEnvironment } from '../support/program.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const intelligence = {
  text: ['message'],
  classify: { labels: [{ name: 'good' }, { name: 'bad' }] },
  extract: { fields: [{ name: 'who', type: 'person' }] },
  respond: { instructions: 'Thank the person.', max_words: 10 },
};

test('two models read the same responses, reviewed ones first, and nothing is written', {
  timeout: 120_000,
}, async (t) => {
  const program = await startTestProgram();
  t.after(() => program.stop());
  const form = await program.publish({ definition, intelligence, slug: 'contact' });
  const sent = [];
  for (const message of ['Jane says it is good.', 'It is bad, says Tom.', 'So and so.'])
    sent.push(await program.accepted(form, { message }));
  for (const { task_id } of sent) await program.finished(task_id);
  const reviewed = sent[0]!.response_id;
  const review = { label: 'good', fields: { who: 'Jane' } };
  assert.equal((await program.call('POST', `/responses/${reviewed}/review`, { body: review })).status, 200);
  const ids = sent.map(({ response_id }) => response_id);
  const before = await program.documents(ids);

  const env = testEnvironment(program.dir);
  const models = [1, 2].map((seed) => writeTinyGguf(join(directory(t), `tiny-${seed}.gguf`), { seed }));
  const args = ['models', 'compare', ...models, '--form', 'contact'];
  const { code, stdout, stderr } = await formstead([...args, '--limit', '2'], env);
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.match(stdout, /^2 responses, 1 of them reviewed\. Nothing was written\.$/m);
  assert.match(stdout, /^labels as people reviewed them, model alone +[01] of 1 .+ [01] of 1 /m);
  assert.match(stdout, /^Both say the same: labels [012] of 2 /m);
  assert.match(stdout, /^seconds a response, p50 +\d+\.\d\d +\d+\.\d\d$/m);
  assert.match(stdout, /^memory, MB +[1-9]\d* +[1-9]\d*$/m);
  assert.deepEqual(await program.documents(ids), before);

  // The same one agrees with itself.
  const same = await formstead(['models', 'compare', models[0]!, models[0]!, '--form', form], env);
  assert.match(same.stdout, /^Both say the same: labels 3 of 3 \(100 %\)/m);

  for (const [more, expected] of [
    [[...args.slice(0, 4), '--form', 'nothing'], /There is no form with the id or slug nothing\./],
    [['models', 'compare', 'none', models[0]!, '--form', 'contact'], /none is not installed/],
    [[...args, '--limit', '0'], /--limit is a whole number from 1/],
  ] as const) {
    const refused = await formstead([...more], env);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, expected);
  }
});

test('a model is measured, and the measurement is kept until it is forgotten', { timeout: 120_000 }, async (t) => {
  const env = testEnvironment(directory(t));
  const model = writeTinyGguf(join(directory(t), 'tiny.gguf'));
  const { code, stdout, stderr } = await formstead(['models', 'bench', model, '--prompts', '2'], env);
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.match(stdout, /^ {2}threads [1-9]\d*, places [1-9], ready after \d+\.\d s, [1-9]\d* MB of memory$/m);
  assert.match(stdout, /^ {2}tokens a second: reads [1-9]\d*, writes [1-9]\d* alone and [1-9]\d* with all places$/m);
  assert.match(stdout, /^ {2}all three( +\d+\.\d\d){4}$/m);
  assert.match(
    stdout,
    /^2 messages alone and 2 together, [1-9]\d* responses a minute\. Every answer stays below 10 s/m,
  );
  const kept = () => readFileSync(join(env.FORMSTEAD_DATA_DIR!, 'model-tuning.json'), 'utf8');
  const first = kept();
  await formstead(['models', 'bench', model, '--prompts', '2'], env);
  assert.equal(kept(), first);
  await formstead(['models', 'bench', model, '--prompts', '2', '--again'], env);
  assert.notEqual(kept(), first, 'it was measured at another time');
  for (const [args, expected] of [
    [['none'], /none is not installed/],
    [[], /No language model is in use\./],
    [[model, '--prompts', '1'], /--prompts is a whole number from 2/],
  ] as const) {
    const refused = await formstead(['models', 'bench', ...args], env);
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, expected);
  }
});
