import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createOnnxEmbedder } from '#adapters/embedder-onnx/onnx-embedder.ts';
import { dotProduct } from '#domain/similarity.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import { createRecordingLog } from '../support/task-world.ts';
import { installedModel, tinyDimensions, tinyEmbeddingModel } from '../support/tiny-onnx.ts';

type Options = Partial<Parameters<typeof createOnnxEmbedder>[0]>;

/** An embedder of the model that `use` names, and a log of what became of its processes. */
function open(t: TestContext, first: InstalledModel | undefined, options: Options = {}) {
  let current = first;
  const log = createRecordingLog();
  const embedder = createOnnxEmbedder({ active: async () => current, memoryBytes: 2 ** 30, log, ...options });
  t.after(() => embedder.close());
  return {
    ...embedder,
    use(model: InstalledModel | undefined) {
      current = model;
    },
    log,
    ready: () => log.lines.filter(({ message }) => message === 'embedding model ready').length,
    ended: () => log.lines.filter(({ message }) => message === 'embedding model process ended'),
  };
}

const unavailable = { name: 'ModelError', fault: 'model-unavailable' };
/** Along one axis, but for what the tokenizer adds. */
const axisOf = (vector: Float32Array) => vector.indexOf(Math.max(...vector));

test('texts that mean the same lie close, others do not, and every embedding is of unit length', async (t) => {
  const { embed, model } = open(t, await tinyEmbeddingModel(t));
  const answer = await embed(['parcel late', 'courier', 'invoice', 'My PARCEL!']);
  assert.deepEqual(answer.model, await model());
  assert.equal(answer.model.dimensions, tinyDimensions);
  const [a, b, c] = answer.embeddings as [Float32Array, Float32Array, Float32Array];
  for (const vector of answer.embeddings) assert.ok(Math.abs(dotProduct(vector, vector) - 1) < 1e-6);
  assert.ok(dotProduct(a, b) > 0.95 && dotProduct(a, c) < 0.1);
});

test('an embedding does not depend on what is computed beside it: padding is left out, and order is kept', async (t) => {
  const installed = await tinyEmbeddingModel(t);
  const texts = Array.from({ length: 150 }, (_, i) =>
    Array.from(
      { length: 1 + ((i * 37) % 90) },
      (_, j) => ['parcel', 'invoice', 'joke', 'unknown'][(i + j * j) % 4],
    ).join(' '),
  );
  const together = (await open(t, installed).embed(texts)).embeddings;
  const alone = open(t, installed);
  for (const i of [0, 1, 36, 73, 149])
    assert.deepEqual((await alone.embed([texts[i]!])).embeddings[0], together[i], `text ${i}`);
});

test('a text longer than the model reads is cut at its end, and an empty or strange one has an embedding too', async (t) => {
  const { embed } = open(t, await tinyEmbeddingModel(t));
  const long = 'parcel '.repeat(254);
  const [cut, whole, ...odd] = (
    await embed([`${long}${'invoice '.repeat(2_000)}`, long, '', '\ud800', '💥'.repeat(50_000), 'x'.repeat(1_000_000)])
  ).embeddings;
  assert.deepEqual(cut, whole);
  for (const vector of odd) assert.ok(Math.abs(dotProduct(vector, vector) - 1) < 1e-6);
});

test('no text is embedded as no text', async (t) => {
  const { embed, ready } = open(t, await tinyEmbeddingModel(t));
  assert.deepEqual((await embed([])).embeddings, []);
  assert.equal(ready(), 0, 'nor is the model loaded for it');
});

test('without a model in use there is none, and a call says so', async (t) => {
  const { embed, model } = open(t, undefined);
  assert.equal(await model(), undefined);
  await assert.rejects(embed(['parcel']), unavailable);
});

test('what the model was asked before is answered from memory, also when its process has ended', async (t) => {
  const { embed, ready } = open(t, await tinyEmbeddingModel(t), { idleMs: 20 });
  const [first] = (await embed(['parcel', 'parcel'])).embeddings;
  await wait(400);
  assert.deepEqual((await embed(['parcel'])).embeddings[0], first);
  assert.equal(ready(), 1);
  await embed(['invoice']);
  assert.equal(ready(), 2, 'idle, it had ended; a new text starts it again');
});

test('when another model is in use, calls that run are answered by the old one and later ones by the new', async (t) => {
  const [one, other] = [await tinyEmbeddingModel(t), await tinyEmbeddingModel(t, { turn: 1 })];
  const { embed, use, ended } = open(t, one);
  await embed(['joke']);
  const running = embed(['parcel', ...Array.from({ length: 30 }, (_, i) => `late ${'parcel '.repeat(i)}`)]);
  await wait(1);
  use(other);
  const later = await embed(['parcel']);
  const before = await running;
  assert.deepEqual([axisOf(before.embeddings[0]!), axisOf(later.embeddings[0]!)], [0, 1]);
  assert.notEqual(before.model.sha256, later.model.sha256);
  assert.deepEqual(ended(), [], 'the old one went when it was done');
});

test('a process that takes more memory than it may is ended, the call fails, and the next ones are refused until it is started again', async (t) => {
  const { embed, ended } = open(t, await tinyEmbeddingModel(t), { memoryBytes: 10 * 2 ** 20 });
  const texts = (round: number) =>
    Array.from({ length: 20_000 }, (_, i) => `parcel ${round} ${i} ${'late '.repeat(40)}`);
  await assert.rejects(embed(texts(0)), unavailable);
  assert.deepEqual([ended()[0]?.fields.cause], ['memory']);
  await assert.rejects(embed(['parcel']), /started again soon/);
});

test('files that are no model or no tokenizer, or are not there, are said to be so', async (t) => {
  const installed = await tinyEmbeddingModel(t);
  const folder = dirname(installed.files.model!);
  const broken = join(folder, 'broken');
  await writeFile(broken, '{"nothing": true}');
  for (const files of [
    { ...installed.files, model: broken },
    { ...installed.files, tokenizer: broken },
    { ...installed.files, model: join(folder, 'gone') },
    { model: installed.files.model! },
  ] as Record<string, string>[]) {
    const { embed } = open(t, { ...installed, files });
    await assert.rejects(embed(['parcel']), unavailable, JSON.stringify(Object.keys(files)));
  }
});

test('a model that gives other dimensions than its entry says is not used', async (t) => {
  const installed = await tinyEmbeddingModel(t);
  for (const dimensions of [tinyDimensions + 1, undefined]) {
    const { dimensions: _, ...entry } = installed.entry;
    const { embed } = open(t, { ...installed, entry: { ...entry, ...(dimensions && { dimensions }) } });
    await assert.rejects(embed(['parcel']), unavailable);
  }
});

test('a call that is aborted is rejected with the reason, and the process goes on', async (t) => {
  const { embed, ready } = open(t, await tinyEmbeddingModel(t));
  await embed(['joke']);
  const stop = new AbortController();
  const texts = Array.from({ length: 20_000 }, (_, i) => `invoice ${i} ${'charged '.repeat(100)}`);
  const aborted = embed(texts, { signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 30);
  await assert.rejects(aborted, /enough/);
  assert.equal(axisOf((await embed(['parcel'])).embeddings[0]!), 0);
  assert.equal(ready(), 1);
  await assert.rejects(embed(['parcel'], { signal: AbortSignal.abort(new Error('before')) }), /before/);
});

test('a short call does not wait for a long one', async (t) => {
  const { embed } = open(t, await tinyEmbeddingModel(t));
  await embed(['joke']);
  const order: string[] = [];
  const long = embed(Array.from({ length: 5_000 }, (_, i) => `invoice ${i} ${'bill '.repeat(100)}`)).then(() =>
    order.push('long'),
  );
  await wait(20);
  await embed(['parcel']).then(() => order.push('short'));
  await long;
  assert.deepEqual(order, ['short', 'long']);
});

test('the runtime reports nothing to its makers: it opens no socket and no store of events', {
  skip: process.platform !== 'linux' && 'there is no /proc here',
}, async (t) => {
  const { embed } = open(t, await tinyEmbeddingModel(t));
  await embed(['parcel']);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  const [pid] = children.filter((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('embed-child.ts'));
  const opened = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  assert.deepEqual(
    opened.filter((file) => /\.db(-\w+)?$/.test(file)),
    [],
  );
  // The channel to its parent.
  assert.equal(opened.filter((file) => file.startsWith('socket:')).length, 1);
});

test('a closed embedder refuses calls', async (t) => {
  const { embed, close } = open(t, await tinyEmbeddingModel(t));
  await embed(['parcel']);
  await close();
  await assert.rejects(embed(['invoice']), unavailable);
});

const real = process.env.FORMSTEAD_TEST_EMBEDDING_MODEL;
test('a real sentence model (FORMSTEAD_TEST_EMBEDDING_MODEL=<model.onnx>,<tokenizer.json>) knows what means the same in other words', {
  skip: real === undefined && 'FORMSTEAD_TEST_EMBEDDING_MODEL names no model',
}, async (t) => {
  const [model, tokenizer] = real!.split(',') as [string, string];
  const { embed } = open(t, installedModel(model, tokenizer, readFileSync(model), 384));
  const { embeddings } = await embed(['My parcel has not arrived.', 'The package is late.', 'I was charged twice.']);
  const [a, b, c] = embeddings as [Float32Array, Float32Array, Float32Array];
  assert.ok(dotProduct(a, b) > dotProduct(a, c) + 0.2, `${dotProduct(a, b)} and ${dotProduct(a, c)}`);
});
