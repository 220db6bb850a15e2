import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import { createOnnxEmbedder } from '#adapters/embedder-onnx/onnx-embedder.ts';
import { createThreadedReader } from '#adapters/extractor-rules/threaded-reader.ts';
import { createAjvValidator } from '#adapters/validator-ajv/ajv-validator.ts';
import { createAuditor } from '#app/audit.ts';
import { createEmbedding } from '#app/embedding.ts';
import { createFormCatalog } from '#app/form-catalog.ts';
import { createExamples } from '#app/learning/examples.ts';
import { createHeads } from '#app/learning/heads.ts';
import { createUnderstanding } from '#app/understanding.ts';
import { nothing } from '#domain/consequences.ts';
import type { Example } from '#domain/learning.ts';
import { ModelError } from '#domain/model-error.ts';
import { decodeVectors } from '#domain/vector-file.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { ExamplePage } from '#ports/text-classifier.ts';
import { aForm, aFormVersion, anExampleBatch, aResponse } from '../contract/storage/documents.ts';
import { createRecordingLog, openTaskWorld, withoutLeases } from '../support/task-world.ts';
import { tinyEmbeddingModel } from '../support/tiny-onnx.ts';

const { signal } = new AbortController();

/** Embeddings by a tiny model in its process, over files in a folder; `asked` are the texts that the embedder was asked for. */
async function openEmbedding(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'formstead-embedding-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const blobs = await openFileBlobs({ directory: folder, clock: { now: Date.now } });
  let model: InstalledModel | undefined = await tinyEmbeddingModel(t);
  let away = false;
  const asked: string[] = [];
  const embedder = createOnnxEmbedder({ active: async () => model, memoryBytes: 2 ** 30 });
  t.after(() => embedder.close());
  const log = createRecordingLog();
  const embedding = createEmbedding({
    blobs,
    log,
    embedder: {
      ...embedder,
      async embed(texts, options) {
        if (away) throw new ModelError('model-unavailable', 'The model is away.');
        asked.push(...texts);
        return embedder.embed(texts, options);
      },
    },
  });
  return {
    blobs,
    log,
    asked,
    ...embedding,
    use(next: InstalledModel | undefined) {
      model = next;
    },
    /** The model is named, and gives no answer. */
    leave(gone: boolean) {
      away = gone;
    },
    /** Takes a lesson in as the classifier does. */
    async learn(form: string, pages: Example[][]): Promise<ExamplePage[]> {
      const lesson = await embedding.lesson(form, pagesOf(pages), signal);
      const taken: ExamplePage[] = [];
      for await (const page of lesson.pages) taken.push(page);
      await lesson.keep();
      return taken;
    },
    async kept(): Promise<{ name: string; count: number }[]> {
      const files = await blobs.list('embeddings');
      return Promise.all(
        files.map(async ({ name }) => ({ name, count: decodeVectors((await blobs.read(name))!).vectors.size })),
      );
    },
  };
}

async function* pagesOf(pages: Example[][]): AsyncGenerator<Example[]> {
  yield* pages;
}

const about = (label: string, ...texts: string[]): Example[] => texts.map((text) => ({ text, label }));
const delivery = about('delivery', 'parcel late', 'my courier is late', 'the package');
const billing = about('billing', 'invoice', 'charged', 'refund the bill');

test('every text of a lesson has a vector, and a text of an earlier lesson is not computed again', async (t) => {
  const world = await openEmbedding(t);
  const first = await world.learn('frm_1', [delivery, [], billing]);
  assert.deepEqual(
    first.map(({ embeddings }) => embeddings?.vectors.length),
    [3, 0, 3],
  );
  assert.equal(world.asked.length, 6);
  const again = await world.learn('frm_1', [[...delivery, ...billing, ...about('billing', 'a new bill')]]);
  assert.deepEqual(world.asked.slice(6), ['a new bill']);
  assert.deepEqual(
    again[0]!.embeddings!.vectors.slice(0, 3),
    first[0]!.embeddings!.vectors,
    'the same, also from the file',
  );
  assert.deepEqual(
    (await world.kept()).map(({ count }) => count),
    [7],
  );
});

test('an example that is removed leaves the file with the next training, and the files of other forms stay', async (t) => {
  const world = await openEmbedding(t);
  await world.learn('frm_1', [delivery, billing]);
  await world.learn('frm_10', [delivery]);
  await world.learn('frm_1', [billing]);
  assert.deepEqual(
    (await world.kept()).map(({ count }) => count),
    [3, 3],
  );
  await world.learn('frm_1', [[]]);
  assert.deepEqual(
    (await world.kept()).map(({ name }) => name.includes('frm_10-')),
    [true],
  );
});

test('an example that says nothing of a label is not embedded', async (t) => {
  const world = await openEmbedding(t);
  const [page] = await world.learn('frm_1', [[...delivery, { text: 'of a field only' }]]);
  assert.deepEqual([page!.examples, page!.embeddings!.vectors.length], [delivery, 3]);
  assert.equal(world.asked.length, 3);
});

test('the vectors of a model that another one has taken over from are removed', async (t) => {
  const world = await openEmbedding(t);
  await world.learn('frm_1', [delivery]);
  const [before] = await world.kept();
  world.use(await tinyEmbeddingModel(t, { turn: 1 }));
  await world.learn('frm_1', [delivery]);
  const after = await world.kept();
  assert.deepEqual([after.length, after[0]!.count], [1, 3]);
  assert.notEqual(after[0]!.name, before!.name);
});

test('without a model a lesson has no vectors, and yet removed examples leave what was kept', async (t) => {
  const world = await openEmbedding(t);
  await world.learn('frm_1', [delivery, billing]);
  world.use(undefined);
  const pages = await world.learn('frm_1', [billing]);
  assert.equal(pages[0]!.embeddings, undefined);
  assert.deepEqual(
    (await world.kept()).map(({ count }) => count),
    [3],
  );
});

test('once the model fails the rest of a lesson comes without vectors, the log says so, and those that are known are kept', async (t) => {
  const world = await openEmbedding(t);
  await world.learn('frm_1', [delivery]);
  world.leave(true);
  const pages = await world.learn('frm_1', [delivery, billing, delivery]);
  assert.deepEqual(
    pages.map(({ embeddings }) => embeddings !== undefined),
    [true, false, false],
  );
  assert.deepEqual(
    (await world.kept()).map(({ count }) => count),
    [3],
  );
  assert.equal(world.log.lines.filter(({ level }) => level === 'warn').length, 1);
  assert.equal(await world.ofText('parcel'), undefined);
});

test('a damaged file of vectors is computed anew', async (t) => {
  const world = await openEmbedding(t);
  await world.learn('frm_1', [delivery]);
  const { name } = (await world.kept())[0]!;
  await world.blobs.write(name, Buffer.from('FSVECTS\x01 and then something else'));
  const [page] = await world.learn('frm_1', [delivery]);
  assert.equal(page!.embeddings!.vectors.length, 3);
  assert.deepEqual(
    (await world.kept()).map(({ count }) => count),
    [3],
  );
});

/** Learning and understanding of one form over a real store. */
async function openForm(t: TestContext, labels: { name: string; description?: string }[]) {
  const { storage, clock, ids, metrics, wanted: _, log, ...world } = await openTaskWorld(t);
  const embedding = await openEmbedding(t);
  const classifier = createNgramClassifier();
  const reader = createThreadedReader();
  t.after(() => Promise.all([classifier.close(), reader.close()]));
  const form = aForm({ version: 1, status: 'open' });
  const version = aFormVersion({ formId: form.id, intelligence: { classify: { labels } } });
  await storage.commit({
    change: { op: 'insert', kind: 'form', doc: form },
    also: [{ kind: 'form-version', doc: version }],
  });
  const deps = {
    storage: withoutLeases(storage),
    classifier,
    embedding,
    blobs: embedding.blobs,
    clock,
    log,
    offer() {},
  };
  const examples = createExamples({ ...deps, ids, audit: createAuditor({ ids, clock }) });
  const heads = createHeads({ ...deps, examples });
  const understanding = createUnderstanding({
    ...deps,
    reader,
    metrics,
    catalog: createFormCatalog({ storage, validator: createAjvValidator(), clock }),
    textModel: { model: async () => undefined },
    tagger: { tag: async ({ texts }) => texts.map(() => []) },
    wantsEvent: async () => false,
    mail: { understood: async () => nothing },
    timeZone: 'UTC',
    region: undefined,
  });
  const cause = { taskId: 'tsk_1:understand', lease: 'none' };
  return {
    ...world,
    embedding,
    /** Trainings that are asked for. */
    async trainings() {
      const { items } = await storage.tasks.list({ limit: 100 });
      return items.filter(({ kind }) => kind === 'train-head').length;
    },
    async teach(items: Example[]) {
      const doc = anExampleBatch({ formId: form.id, at: clock.now(), items });
      await storage.commit({ change: { op: 'insert', kind: 'examples', doc } });
      return heads.train(cause, form.id, signal);
    },
    async verdict(message: string) {
      const doc = aResponse({ formId: form.id, answers: { message } });
      await storage.commit({ change: { op: 'insert', kind: 'response', doc } });
      assert.equal(await understanding.understand(cause, doc.id, () => {}), 'understood');
      return (await storage.get('response', doc.id))!.doc.understanding!;
    },
  };
}

const described = [
  { name: 'delivery', description: 'a package is late' },
  { name: 'billing', description: 'charged, a refund' },
];

test('labels without a single example are named by their descriptions, for a person to look at', async (t) => {
  const { verdict } = await openForm(t, described);
  const { classify } = await verdict('courier courier');
  assert.equal(classify?.label, 'delivery');
  assert.deepEqual([classify.tier, classify.needsReview], ['embedding', true]);
  const { model, embeddingModel, embeddingSha256 } = classify.provenance;
  assert.deepEqual([model, embeddingModel, embeddingSha256?.length], ['label-descriptions/1', 'tiny/1', 64]);
});

test('without a model labels without examples stay unnamed, as before', async (t) => {
  const { verdict, embedding } = await openForm(t, described);
  embedding.use(undefined);
  assert.deepEqual((await verdict('courier')).skipped, { classify: 'no-trained-head' });
});

test('a head learns from embeddings, understands words that no example has, and says which model helped', async (t) => {
  const { verdict, teach } = await openForm(t, described);
  const taught = await teach([...delivery, ...billing]);
  assert.equal(taught.head?.embeddingSha256?.length, 64);
  const { classify, trail } = await verdict('package');
  assert.deepEqual([classify?.label, classify?.tier], ['delivery', 'head']);
  assert.equal(classify!.provenance.embeddingSha256, taught.head!.embeddingSha256);
  assert.equal(classify!.provenance.modelSha256, taught.head!.sha256);
  assert.equal(trail?.find(({ part }) => part === 'classify')?.tier, 'head');
});

test('while the embedder is away the head goes on by words, the result names no embedding model, and nothing is trained for it', async (t) => {
  const { verdict, teach, embedding } = await openForm(t, described);
  const { head } = await teach([...delivery, ...billing]);
  embedding.leave(true);
  const { classify } = await verdict('parcel late');
  assert.deepEqual(
    [classify?.label, classify?.tier, classify?.provenance.embeddingModel],
    ['delivery', 'head', undefined],
  );
  assert.deepEqual(await teach(delivery), { trained: false, reason: 'nothing new to learn', head });
});

test('a label that was added after the training is named by its description until it has examples', async (t) => {
  const { verdict, teach } = await openForm(t, [...described, { name: 'account', description: 'password, login' }]);
  await teach([...delivery, ...billing]);
  const added = (await verdict('locked locked')).classify!;
  assert.deepEqual([added.label, added.tier, added.needsReview], ['account', 'embedding', true]);
  const known = (await verdict('the parcel is late')).classify!;
  assert.deepEqual([known.label, known.tier], ['delivery', 'head']);
});

test('a head that has learnt without the embedding model in use is to learn again, once', async (t) => {
  const { verdict, teach, embedding, trainings } = await openForm(t, described);
  const model = await tinyEmbeddingModel(t, { turn: 1 });
  embedding.use(undefined);
  await teach([...delivery, ...billing]);
  await verdict('parcel');
  assert.equal(await trainings(), 0);
  embedding.use(model);
  await verdict('parcel');
  await verdict('parcel late');
  assert.equal(await trainings(), 1);
  await teach([{ text: 'one more parcel', label: 'delivery' }]);
  await verdict('parcel again');
  assert.equal(await trainings(), 1);
});
