import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Answer, eventually, startTestProgram } from '../support/program.ts';
import { tinyEmbeddingModel, useTinyModel } from '../support/tiny-onnx.ts';

/* Search by meaning as its clients have it: HTTP, a store, a real model file in a process of its own. In the tiny model words of one subject mean the same. */

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const intelligence = { text: ['message'] };

async function open(t: TestContext, { withModel = true } = {}) {
  const program = await startTestProgram();
  t.after(() => program.stop());
  const use = async (turn: number) => useTinyModel(program.dir, await tinyEmbeddingModel(t, { turn }), `${turn + 1}`);
  if (withModel) {
    await use(0);
    await program.restart();
  }
  const form = await program.publish({ definition, intelligence });
  const understood = async (message: string, to = form) => {
    const { response_id, task_id } = await program.accepted(to, { message });
    assert.equal((await program.finished(task_id)).status, 'succeeded');
    return response_id;
  };
  const find = (query: Record<string, string | number>, token?: string) =>
    program.call('GET', `/forms/${form}/responses?${new URLSearchParams(query as Record<string, string>)}`, { token });
  const ids = async (query: Record<string, string | number>) => {
    const { status, body, text } = await find(query);
    assert.equal(status, 200, text);
    return body.items.map(({ id }: { id: string }) => id) as string[];
  };
  return { program, form, use, understood, find, ids };
}

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;

test('a text finds what means the same, best first, with its similarity, and without a further page', async (t) => {
  const { understood, find } = await open(t);
  const parcel = await understood('parcel parcel invoice');
  const bill = await understood('invoice');
  const courier = await understood('my courier');
  const { body } = await find({ search: 'package', limit: 2 });
  assert.deepEqual(
    body.items.map(({ id }: { id: string }) => id),
    [parcel, courier],
  );
  const [first, second] = body.items;
  assert.ok(first.similarity > second.similarity && first.similarity <= 1 && second.similarity >= 0);
  assert.equal(body.next_cursor, null);
  assert.deepEqual(first.answers, { message: 'parcel parcel invoice' }, 'a whole response');
  const all = await find({ search: 'package' });
  assert.equal(all.body.items.at(-1).id, bill);
});

test('a response finds those that mean the same, and not itself', async (t) => {
  const { program, understood, ids, find } = await open(t);
  const one = await understood('parcel late invoice');
  const two = await understood('courier late bill');
  const three = await understood('password login');
  assert.deepEqual(await ids({ similar_to: one }), [two, three]);
  const missing = 'rsp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
  assert.equal(problem(await find({ similar_to: missing })), '404 response-not-found');
  const other = await program.publish({ definition, intelligence });
  const elsewhere = await understood('parcel', other);
  assert.equal(problem(await find({ similar_to: elsewhere })), '404 response-not-found', 'of another form');
});

test('label, status and time choose among the most similar', async (t) => {
  const { program, form, understood, ids } = await open(t);
  const labelled = { text: ['message'], classify: { labels: [{ name: 'delivery' }, { name: 'billing' }] } };
  const { headers } = await program.call('GET', `/forms/${form}`);
  const put = await program.call('PUT', `/forms/${form}`, {
    body: { title: 'With labels', definition, intelligence: labelled },
    headers: { 'if-match': headers.get('etag')! },
  });
  assert.equal(put.status, 200, put.text);
  assert.equal((await program.call('POST', `/forms/${form}/publish`)).status, 201);
  const one = await understood('parcel');
  const two = await understood('parcel courier');
  await program.call('POST', `/responses/${two}/review`, { body: { label: 'delivery' } });
  const { submitted_at } = (await program.call('GET', `/responses/${two}`)).body;
  assert.deepEqual(await ids({ search: 'parcel', label: 'delivery' }), [two]);
  assert.deepEqual(await ids({ search: 'parcel', label: 'billing' }), []);
  assert.deepEqual(await ids({ search: 'parcel', from: submitted_at }), [two]);
  assert.deepEqual(await ids({ search: 'parcel', to: submitted_at }), [one]);
  assert.deepEqual(await ids({ search: 'parcel', status: 'accepted' }), []);
  assert.equal((await ids({ search: 'parcel', status: 'completed' })).length, 2);
});

test('what cannot stand together is refused with a sentence, and reading takes the permission to read responses', async (t) => {
  const { program, find, understood } = await open(t);
  const id = await understood('parcel');
  for (const query of [
    { search: 'a', q: 'b' },
    { similar_to: id, q: 'b' },
    { search: 'a', similar_to: id },
    { search: 'a', cursor: 'x' },
    { search: '' },
    { similar_to: 'rsp_1' },
  ])
    assert.equal(problem(await find(query as never)), '400 malformed-query', JSON.stringify(query));
  assert.match((await find({ search: 'a', q: 'b' })).body.detail, /q looks for letters/);
  assert.equal(problem(await find({ search: 'a' }, await program.signIn('viewer'))), '403 forbidden');
  assert.equal((await find({ search: 'a' }, await program.signIn('analyst'))).status, 200);
});

test('without a model there is no search by meaning; with the first one older responses are found, after the first search', async (t) => {
  const { program, form, understood, find, ids, use } = await open(t, { withModel: false });
  const id = await understood('parcel late');
  assert.equal(problem(await find({ search: 'parcel' })), '503 model-unavailable');
  assert.equal(problem(await find({ similar_to: id })), '503 model-unavailable');
  assert.equal(problem(await program.call('POST', `/forms/${form}/reindex`)), '503 model-unavailable');
  assert.deepEqual(await ids({ q: 'parcel' }), [id], 'letters are found all the same');
  await use(0);
  await eventually(async () => (await find({ search: 'courier' })).status === 200);
  await eventually(async () => (await ids({ search: 'courier' })).includes(id));
});

test('with another model a form is made anew on demand, by those who may change it', async (t) => {
  const { program, form, understood, ids, use } = await open(t);
  const [one, two] = [await understood('parcel'), await understood('courier')];
  assert.equal((await ids({ similar_to: one }))[0], two);
  await use(3);
  const reindex = (token?: string) => program.call('POST', `/forms/${form}/reindex`, { token });
  assert.equal(problem(await reindex(await program.signIn('viewer'))), '403 forbidden');
  const editor = await program.signIn('editor');
  /** Until a task has made the vectors of both: the change of the model is seen within two seconds. */
  const madeAnew = () =>
    eventually(async () => {
      const asked = await reindex(editor);
      if (asked.status !== 202) return false;
      const { status, result } = await program.finished(asked.body.task_id);
      assert.deepEqual([status, result.outcome, result.responses], ['succeeded', 'done', 2]);
      return result.made === 2;
    });
  await madeAnew();
  assert.deepEqual(new Set(await ids({ search: 'package' })), new Set([one, two]));
  // A response has one vector: those of the first model have made way.
  await use(0);
  await madeAnew();
  assert.deepEqual(new Set(await ids({ search: 'package' })), new Set([one, two]));
});

test('a response that says what an earlier one said is noted as its near-duplicate, also when both are read again', async (t) => {
  const { program, understood } = await open(t);
  const first = await understood('My parcel is late');
  await understood('The invoice');
  const again = await understood('my package is late');
  const noted = async (id: string) =>
    (await program.call('GET', `/responses/${id}`)).body.intelligence.near_duplicate_of;
  assert.equal(await noted(first), undefined);
  assert.equal((await noted(again)).id, first);
  assert.ok((await noted(again)).similarity >= 0.97);
  for (const id of [first, again]) {
    const { body } = await program.call('POST', `/responses/${id}/reprocess`);
    await program.finished(body.task_id);
  }
  assert.equal(await noted(first), undefined, 'what came later is no duplicate of it');
  assert.equal((await noted(again)).id, first);
});

test('while the model cannot be used responses are understood, searches say so, and the first search after that finds them', async (t) => {
  const { program, form, understood, find, ids, use } = await open(t);
  await understood('parcel');
  const folder = await use(1);
  const file = join(folder, 'model.onnx');
  await chmod(file, 0o644);
  await writeFile(file, 'no model');
  await eventually(async () => (await find({ search: 'parcel' })).status === 503);
  const meanwhile = await understood('courier');
  const { intelligence: read } = (await program.call('GET', `/responses/${meanwhile}`)).body;
  assert.equal(read.near_duplicate_of, undefined);
  assert.equal(problem(await program.call('POST', `/forms/${form}/reindex`)), '503 model-unavailable');
  await use(0);
  await eventually(async () => (await find({ search: 'parcel' })).status === 200);
  await program.restart();
  await eventually(async () => (await ids({ search: 'parcel' })).includes(meanwhile));
});
