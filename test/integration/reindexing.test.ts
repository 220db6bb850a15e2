import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createAjvValidator } from '#adapters/validator-ajv/ajv-validator.ts';
import { createAuditor } from '#app/audit.ts';
import { createFormCatalog } from '#app/form-catalog.ts';
import { createPlacing } from '#app/search/placing.ts';
import { createReindexing } from '#app/search/reindexing.ts';
import { embedResponses as embedTask } from '#domain/consequences.ts';
import type { Json } from '#domain/json.ts';
import { ModelError } from '#domain/model-error.ts';
import type { NewTask } from '#domain/task.ts';
import { embedResponses } from '#jobs/handlers/embed-responses.ts';
import type { Embedder } from '#ports/embedder.ts';
import { aForm, aFormVersion, aResponse, aVector } from '../contract/storage/documents.ts';
import { openTaskWorld } from '../support/task-world.ts';

const caller = { actor: { kind: 'operator', id: 'test' } } as const;
const idle = { signal: new AbortController().signal, progress() {} };

/** A form in a real store, and an embedder whose every text points along the axis of its model. */
async function open(t: TestContext) {
  const { storage, clock, ids } = await openTaskWorld(t);
  const form = aForm({ version: 2, status: 'open' });
  await storage.commit({
    change: { op: 'insert', kind: 'form', doc: form },
    also: [
      { kind: 'form-version', doc: aFormVersion({ formId: form.id, version: 1, intelligence: undefined }) },
      { kind: 'form-version', doc: aFormVersion({ formId: form.id, version: 2, intelligence: { text: ['message'] } }) },
    ],
  });
  const world = { axis: 0, asked: [] as string[], offered: [] as NewTask[], before: async () => {} };
  const model = () => ({ name: `m${world.axis}`, sha256: String(world.axis).repeat(64), dimensions: 4 });
  const embedder: Pick<Embedder, 'model' | 'embed'> = {
    model: async () => (world.axis < 0 ? undefined : model()),
    async embed(texts) {
      await world.before();
      world.asked.push(...texts);
      const axis = world.axis;
      return {
        model: model(),
        embeddings: texts.map(() => Float32Array.from([0, 1, 2, 3], (d) => (d === axis ? 1 : 0))),
      };
    },
  };
  const catalog = createFormCatalog({ storage, validator: createAjvValidator(), clock });
  const audit = createAuditor({ ids, clock });
  const offer = (tasks: NewTask[]) => void world.offered.push(...tasks);
  /** A process of its own. */
  const reindexing = (atOnce?: number) =>
    createReindexing({ storage, catalog, embedder, clock, audit, offer, ...(atOnce !== undefined && { atOnce }) });
  let tasks = 0;
  return {
    world,
    storage,
    clock,
    form,
    reindexing,
    async respond(
      count: number,
      answers: (i: number) => Record<string, Json> = (i) => ({ message: `text ${i}` }),
      formVersion = 2,
    ) {
      for (let i = 0; i < count; i++) {
        const doc = aResponse({ formId: form.id, formVersion, answers: answers(i) });
        await storage.commit({ change: { op: 'insert', kind: 'response', doc } });
      }
    },
    /** A task that is claimed, as a worker names it in its commits. */
    async claim() {
      tasks += 1;
      const task = embedTask(form.id, model().sha256, `t${tasks}`, clock.now());
      await storage.commit({ change: { op: 'none' }, tasks: [task] });
      const lease = `lease-${tasks}`;
      const claimed = await storage.tasks.claim(task.id, { token: lease, until: clock.now() + 60_000 }, clock.now());
      return { cause: { taskId: task.id, lease }, task: claimed! };
    },
    async vectors() {
      const { items } = await storage.list('vector', { where: { formId: form.id }, limit: 1000 });
      return items.map(({ doc }) => doc);
    },
  };
}

test('every response with a text gets a vector once; those without a text, and of versions that are not read, get none', async (t) => {
  const { respond, reindexing, claim, vectors, form, world } = await open(t);
  await respond(40);
  await respond(2, () => ({ message: '  ' }));
  await respond(3, () => ({ message: 'not read' }), 1);
  const told: number[] = [];
  const { cause } = await claim();
  const run = { ...idle, progress: (fraction: number) => told.push(fraction) };
  assert.deepEqual(await reindexing().run(cause, form.id, run), { made: 40, responses: 45 });
  assert.deepEqual(told, [32 / 45, 1]);
  assert.equal((await vectors()).length, 40);
  assert.equal(world.asked.length, 40);
  assert.deepEqual(await reindexing().run(cause, form.id, idle), { made: 0, responses: 45 }, 'a second time');
  assert.equal(world.asked.length, 40);
});

test('a long task makes room for others and goes on where it was, in another process too', async (t) => {
  const { respond, reindexing, claim, form, vectors, world } = await open(t);
  await respond(70);
  const { cause } = await claim();
  const same = reindexing(10);
  assert.equal(await same.run(cause, form.id, idle), 'to-be-continued');
  assert.equal((await vectors()).length, 32);
  assert.equal(await same.run(cause, form.id, idle), 'to-be-continued');
  assert.deepEqual(await reindexing(10).run(cause, form.id, idle), { made: 6, responses: 70 });
  assert.equal(new Set(world.asked).size, 70, 'no text twice');
  assert.equal(world.asked.length, 70);
});

test('a long task begins anew when another model has taken over while it made room', async (t) => {
  const { respond, reindexing, claim, form, vectors, world } = await open(t);
  await respond(40);
  const { cause } = await claim();
  const same = reindexing(10);
  assert.equal(await same.run(cause, form.id, idle), 'to-be-continued');
  world.axis = 1;
  assert.equal(await same.run(cause, form.id, idle), 'to-be-continued');
  assert.deepEqual(await same.run(cause, form.id, idle), { made: 40, responses: 40 });
  assert.ok((await vectors()).every(({ modelSha256 }) => modelSha256 === '1'.repeat(64)));
});

test('the vectors of another model are replaced, one for each response', async (t) => {
  const { respond, reindexing, claim, form, vectors, world } = await open(t);
  await respond(5);
  const { cause } = await claim();
  await reindexing().run(cause, form.id, idle);
  world.axis = 2;
  assert.deepEqual(await reindexing().run(cause, form.id, idle), { made: 5, responses: 5 });
  const after = await vectors();
  assert.deepEqual(
    after.map(({ modelSha256 }) => modelSha256),
    Array(5).fill('2'.repeat(64)),
  );
});

test('a model that changes while it works begins anew, and what it had made by then is of the model that made it', async (t) => {
  const { respond, reindexing, claim, form, vectors, world, clock } = await open(t);
  await respond(40);
  const { cause, task } = await claim();
  let calls = 0;
  world.before = async () => {
    calls += 1;
    if (calls === 2) world.axis = 1;
  };
  const process = reindexing();
  const context = { task, payload: { form_id: form.id }, lease: cause.lease, ...idle } as never;
  const now = clock.now();
  assert.deepEqual(await embedResponses(process, () => now)(context), { release: { until: now } });
  assert.deepEqual(new Set((await vectors()).map(({ modelSha256 }) => modelSha256)), new Set(['0'.repeat(64)]));
  assert.deepEqual(await embedResponses(process, () => now)(context), {
    done: { outcome: 'done', made: 40, responses: 40 },
  });
  assert.deepEqual(new Set((await vectors()).map(({ modelSha256 }) => modelSha256)), new Set(['1'.repeat(64)]));
});

test('a worker whose lease ran out keeps nothing', async (t) => {
  const { respond, reindexing, form, vectors, claim } = await open(t);
  await respond(3);
  const { cause } = await claim();
  const lost = { ...cause, lease: 'another' };
  assert.equal(await reindexing().run(lost, form.id, idle), 'lease-lost');
  assert.deepEqual(await vectors(), []);
});

test('a model that fails ends the attempt and not the task, one that is gone too, and an abort its reason', async (t) => {
  const { respond, reindexing, form, claim, world } = await open(t);
  await respond(3);
  const { cause } = await claim();
  world.before = async () => {
    throw new ModelError('model-unavailable');
  };
  await assert.rejects(reindexing().run(cause, form.id, idle), { code: 'model-unavailable' });
  world.axis = -1;
  await assert.rejects(reindexing().run(cause, form.id, idle), { code: 'model-unavailable' });
  world.axis = 0;
  const reason = new Error('shutdown');
  await assert.rejects(reindexing().run(cause, form.id, { ...idle, signal: AbortSignal.abort(reason) }), reason);
});

test('what a search misses is asked for once a day and model, and not while it is being made or where not all was read', async (t) => {
  const { respond, reindexing, form, world, clock, storage } = await open(t);
  await respond(3);
  const loaded = { formId: form.id, modelSha256: '0'.repeat(64), count: 2, whole: true };
  const { makeUp } = reindexing();
  await makeUp({ ...loaded, count: 3 });
  await makeUp({ ...loaded, whole: false });
  assert.equal(world.offered.length, 0);
  await makeUp(loaded);
  await makeUp({ ...loaded, modelSha256: '1'.repeat(64) });
  assert.equal(world.offered.length, 1, 'one is under way');
  const [{ id } = { id: '' }] = world.offered;
  const claimed = await storage.tasks.claim(id, { token: 'x', until: clock.now() + 60_000 }, clock.now());
  assert.equal(claimed?.kind, 'embed-responses');
  const settle = { op: 'settle', id, lease: 'x', settlement: { status: 'succeeded' }, now: clock.now() } as const;
  await storage.commit({ change: settle });
  await makeUp(loaded);
  assert.equal((await storage.tasks.get(id))?.status, 'succeeded', 'the same task, which has ended');
  assert.equal(world.offered.at(-1)!.id, id);
  clock.advance(86_400_000);
  await makeUp(loaded);
  assert.notEqual(world.offered.at(-1)!.id, id);
});

test('whoever asks while the vectors are being made is told so', async (t) => {
  const { reindexing, form, world } = await open(t);
  const id = await reindexing().ask(caller, form.slug);
  assert.equal(world.offered[0]?.id, id);
  await assert.rejects(reindexing().ask(caller, form.id), { code: 'conflict' });
  await assert.rejects(reindexing().ask(caller, 'frm_none'), { code: 'form-not-found' });
});

test('a response that is understood again by another model has its vector replaced, and by the same one left', async (t) => {
  const { storage, clock, claim, vectors, form } = await open(t);
  const { cause } = await claim();
  const before = aVector({ formId: form.id, modelSha256: '0'.repeat(64) });
  await storage.commit({ change: { op: 'insert', kind: 'vector', doc: before } });
  const added: string[] = [];
  const index = { nearest: async () => [], add: ({ id }: { id: string }) => void added.push(id) };
  const { kept } = createPlacing({ storage, index, clock });
  await kept({ ...before, at: before.at + 1 }, cause);
  assert.deepEqual(await vectors(), [before]);
  const anew = { ...before, modelSha256: '1'.repeat(64), at: before.at + 2 };
  await kept(anew, cause);
  await kept(anew, cause);
  assert.deepEqual(await vectors(), [anew]);
  assert.equal(added.length, 3);
});
