import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually, startTestProgram, type TestProgram } from '../support/program.ts';

let program: TestProgram;
let form: string;

const labels = [{ name: 'billing' }, { name: 'delivery' }];
const draft = {
  definition: { elements: [{ type: 'comment', name: 'message' }] },
  intelligence: { classify: { labels }, respond: { instructions: 'Thank the person.' } },
};
const examples = Array.from({ length: 12 }, (_, i) =>
  i % 2
    ? { text: `the invoice ${i} has a wrong amount`, label: 'billing' }
    : { text: `parcel ${i} came late`, label: 'delivery' },
);

before(async () => {
  program = await startTestProgram();
  form = await program.publish(draft);
});
after(() => program.stop());

const files = () => readdirSync(join(program.dir, 'blobs', 'heads'));
const head = async (id = form) => (await program.call('GET', `/forms/${id}/intelligence`)).body.head;

async function teach(items: object[], id = form): Promise<{ trained: boolean }> {
  const { body } = await program.call('POST', `/forms/${id}/examples`, { body: items });
  return (await program.finished(body.task_id)).result;
}

test('of the heads of a form only the newest stays on the disk, and another form with the same examples keeps its own', async () => {
  await teach(examples);
  const other = await program.publish(draft);
  await teach(examples, other);
  assert.equal((await head()).sha256, (await head(other)).sha256, 'the same examples give the same bytes');
  assert.equal((await teach([{ text: 'charged twice this month', label: 'billing' }])).trained, true);
  assert.deepEqual(
    files().sort(),
    [`${form}-${(await head()).sha256}.head`, `${other}-${(await head(other)).sha256}.head`].sort(),
  );
});

test('a head whose file is lost does not hold up a response, and the next training makes it anew', async () => {
  for (const name of files()) rmSync(join(program.dir, 'blobs', 'heads', name));
  await program.restart();
  const { response_id, task_id } = await program.accepted(form, { message: 'the invoice is wrong' });
  assert.equal((await program.finished(task_id)).status, 'succeeded');
  const { body } = await program.call('GET', `/responses/${response_id}`);
  assert.deepEqual([body.status, body.intelligence.skipped], ['completed', { classify: 'head-missing' }]);
  assert.ok(body.intelligence.respond.text);
  assert.equal((await teach([examples[0]!])).trained, true, 'although there is nothing new to learn');
  const again = await program.call('POST', `/responses/${response_id}/reprocess`);
  await program.finished(again.body.task_id);
  const label = await eventually(
    async () => (await program.call('GET', `/responses/${response_id}`)).body.intelligence.classify,
  );
  assert.equal(label.tier, 'head');
});
