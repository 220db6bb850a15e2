import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import type { Example } from '#domain/learning.ts';
import type { ExamplePage, LabelledText, TrainedHead } from '#ports/text-classifier.ts';

const workerFile = new URL('../../src/adapters/classifier-ngram/worker.ts', import.meta.url);

const small: LabelledText[] = ['parcel late', 'parcel lost', 'where is my parcel'].flatMap((text, i) => [
  { text, label: 'delivery' },
  { text: ['charged twice', 'wrong invoice', 'refund my invoice'][i]!, label: 'billing' },
]);

/** Enough to keep a training busy for seconds. */
const large: LabelledText[] = Array.from({ length: 4_000 }, (_, i) => ({
  text: `label${i % 100} word${(i * 7919) % 977} thing${(i * 104_729) % 541} and some more words number ${i} to learn from`,
  label: `label ${i % 100}`,
}));

function classifierFor(t: TestContext, deps: Parameters<typeof createNgramClassifier>[0] = {}) {
  const classifier = createNgramClassifier(deps);
  t.after(() => classifier.close());
  return classifier;
}

/** A reference that counts how often its bytes are read. */
function refOf(head: TrainedHead) {
  return {
    sha256: head.sha256,
    reads: 0,
    async read() {
      this.reads++;
      return head.bytes;
    },
  };
}

/** The examples two at a time, as a store gives them. */
async function* pagesOf(examples: Example[]): AsyncGenerator<ExamplePage> {
  for (let i = 0; i < examples.length; i += 2) yield { examples: examples.slice(i, i + 2) };
}

const lessonOf = (examples: Example[]) => ({
  pages: pagesOf(examples),
  labels: [...new Set(examples.flatMap(({ label }) => label ?? []))],
  allowNone: false,
});

async function trainSmall(classifier: ReturnType<typeof createNgramClassifier>) {
  const training = await classifier.train(lessonOf(small));
  assert.ok(training.outcome === 'trained');
  return training;
}

/** An entry for the threads that does what `source` says and else what the real one does. */
async function entryWith(t: TestContext, source: string): Promise<URL> {
  const folder = await mkdtemp(join(tmpdir(), 'formstead-worker-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'worker.mjs');
  await writeFile(
    file,
    `import { parentPort, workerData } from 'node:worker_threads';\n${source}\nawait import(${JSON.stringify(workerFile.href)});\n`,
  );
  return pathToFileURL(file);
}

test('a head that was trained classifies texts in their order, and its bytes are read once', async (t) => {
  const classifier = classifierFor(t);
  const head = await trainSmall(classifier);
  assert.deepEqual(head.labels, ['billing', 'delivery']);
  assert.equal(head.report.examples, 6);
  assert.ok(head.report.milliseconds >= 0);
  const ref = refOf(head);
  const texts = ['my parcel', 'the invoice', 'parcel lost', 'refund'];
  const said = await Promise.all([
    classifier.classify({ head: ref, texts }),
    classifier.classify({ head: ref, texts }),
  ]);
  for (const results of said)
    assert.deepEqual(
      results.map((one) => one.label),
      ['delivery', 'billing', 'delivery', 'billing'],
    );
  await classifier.classify({ head: ref, texts });
  assert.equal(ref.reads, 1);
});

test('the same examples give the same sha256 in another thread', async (t) => {
  const classifier = classifierFor(t);
  const [one, two] = await Promise.all([trainSmall(classifier), trainSmall(classifier)]);
  assert.equal(one.sha256, two.sha256);
  assert.deepEqual(one.bytes, two.bytes);
});

test('texts are classified while a training is running', async (t) => {
  const classifier = classifierFor(t);
  const head = refOf(await trainSmall(classifier));
  const order: string[] = [];
  const stop = new AbortController();
  const training = classifier.train({ ...lessonOf(large), signal: stop.signal }).finally(() => order.push('trained'));
  for (let i = 0; i < 20; i++) {
    await classifier.classify({ head, texts: ['my parcel'] });
    order.push('classified');
  }
  stop.abort();
  await assert.rejects(training, { name: 'AbortError' });
  assert.deepEqual(order, [...new Array(20).fill('classified'), 'trained']);
});

test('an aborted training rejects with the reason, also while it waits for another, and the next one runs', async (t) => {
  const classifier = classifierFor(t);
  const running = new AbortController();
  const waiting = new AbortController();
  const first = classifier.train({ ...lessonOf(large), signal: running.signal });
  const second = classifier.train({ ...lessonOf(large), signal: waiting.signal });
  const third = trainSmall(classifier);
  waiting.abort(new Error('not wanted'));
  await assert.rejects(second, /not wanted/);
  running.abort();
  await assert.rejects(first, { name: 'AbortError' });
  assert.equal((await third).labels.length, 2);
  await assert.rejects(classifier.train({ ...lessonOf(small), signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
});

test('examples of fewer than two labels train nothing, and labels that are not asked for do not count', async (t) => {
  const classifier = classifierFor(t);
  const one = [{ text: 'a', label: 'a' }];
  assert.deepEqual(await classifier.train(lessonOf(one)), { outcome: 'too-few-labels', labels: 1 });
  assert.deepEqual(await classifier.train({ ...lessonOf(small), labels: ['billing'] }), {
    outcome: 'too-few-labels',
    labels: 1,
  });
  assert.deepEqual(await classifier.train(lessonOf([])), { outcome: 'too-few-labels', labels: 0 });
});

test('what a head has seen is not trained again, and one example more is', async (t) => {
  const classifier = classifierFor(t);
  const { examplesSha256, sha256 } = await trainSmall(classifier);
  assert.deepEqual(await classifier.train({ ...lessonOf(small), seen: { examplesSha256 } }), { outcome: 'unchanged' });
  const more = await classifier.train({
    ...lessonOf([...small, { text: 'x', label: 'billing' }]),
    seen: { examplesSha256 },
  });
  assert.ok(more.outcome === 'trained' && more.sha256 !== sha256);
});

test('a page is asked for when the one before was taken in, and one that fails rejects the training', async (t) => {
  const classifier = classifierFor(t);
  let closed = false;
  async function* failing(): AsyncGenerator<ExamplePage> {
    try {
      yield { examples: small };
      throw new Error('the store is away');
    } finally {
      closed = true;
    }
  }
  await assert.rejects(classifier.train({ ...lessonOf(small), pages: failing() }), /the store is away/);
  assert.ok(closed);
  let given = 0;
  const stop = new AbortController();
  async function* endless(): AsyncGenerator<ExamplePage> {
    for (;;) {
      given += 1;
      yield { examples: [{ text: `text ${given}`, label: 'billing' }] };
      if (given === 100) stop.abort(new Error('enough'));
    }
  }
  await assert.rejects(classifier.train({ ...lessonOf(small), pages: endless(), signal: stop.signal }), /enough/);
  const before = given;
  await trainSmall(classifier);
  assert.ok(given <= before + 1, 'nobody reads on');
});

test('a damaged head and a reader that fails reject the call, and the next call is served', async (t) => {
  const classifier = classifierFor(t);
  const head = await trainSmall(classifier);
  const damaged = head.bytes.slice();
  damaged[damaged.length - 9] = damaged[damaged.length - 9]! ^ 1;
  const texts = ['my parcel'];
  await assert.rejects(
    classifier.classify({ head: { sha256: head.sha256, read: async () => damaged }, texts }),
    /another sha256/,
  );
  const gone = async () => {
    throw new Error('the blob is gone');
  };
  await assert.rejects(classifier.classify({ head: { sha256: head.sha256, read: gone }, texts }), /the blob is gone/);
  assert.equal((await classifier.classify({ head: refOf(head), texts }))[0]?.label, 'delivery');
});

test('calls that wait when the thread dies are rejected and the next call starts a new one', async (t) => {
  const head = refOf(await trainSmall(classifierFor(t)));
  const entry = await entryWith(
    t,
    "if (workerData.kind === 'classify') parentPort.on('message', (m) => { if (m.texts[0] === 'crash') process.exit(7); });",
  );
  const classifier = classifierFor(t, { entry });
  await classifier.classify({ head, texts: ['my parcel'] });
  const waiting = [
    classifier.classify({ head, texts: ['crash'] }),
    classifier.classify({ head, texts: ['my parcel'] }),
  ];
  for (const result of await Promise.allSettled(waiting)) {
    assert.equal(result.status, 'rejected');
    assert.match(String(result.reason), /classifier thread ended with code 7/);
  }
  assert.equal((await classifier.classify({ head, texts: ['my parcel'] }))[0]?.label, 'delivery');
  assert.equal(head.reads, 2, 'the new thread had to load the head again');
});

test('a training thread that crashes or ends rejects its training', async (t) => {
  const crash = classifierFor(t, { entry: await entryWith(t, "throw new Error('boom');") });
  await assert.rejects(trainSmall(crash), /training thread crashed/);
  const end = classifierFor(t, { entry: await entryWith(t, 'process.exit(3);') });
  await assert.rejects(trainSmall(end), /ended with code 3/);
});

test('the thread ends when it has been idle and comes back with the next call', async (t) => {
  const classifier = classifierFor(t, { idleMs: 20 });
  const head = refOf(await trainSmall(classifier));
  await classifier.classify({ head, texts: ['my parcel'] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await classifier.classify({ head, texts: ['my parcel'] });
  assert.equal(head.reads, 2);
});

test('closing rejects what waits, ends the threads, and later calls are refused', async () => {
  const classifier = createNgramClassifier();
  const head = refOf(await trainSmall(classifier));
  await classifier.classify({ head, texts: ['my parcel'] });
  const waiting = [classifier.train(lessonOf(large)), classifier.classify({ head, texts: ['x'] })];
  const settled = Promise.allSettled(waiting);
  await classifier.close();
  for (const result of await settled) assert.equal(result.status, 'rejected');
  await assert.rejects(classifier.classify({ head, texts: ['x'] }), /closed/);
  await assert.rejects(trainSmall(classifier), /closed/);
  assert.equal(
    process.getActiveResourcesInfo().filter((name) => name === 'Worker' || name === 'MessagePort').length,
    0,
  );
  await classifier.close();
});

test('a process that has classified ends by itself, without close', async (t) => {
  const program = `
    const { createNgramClassifier } = await import(${JSON.stringify(new URL('../../src/adapters/classifier-ngram/classifier.ts', import.meta.url).href)});
    const classifier = createNgramClassifier();
    async function* pages() { yield { examples: ${JSON.stringify(small)} }; }
    const head = await classifier.train({ pages: pages(), labels: ['billing', 'delivery'], allowNone: false });
    const said = await classifier.classify({ head: { sha256: head.sha256, read: async () => head.bytes }, texts: ['my parcel'] });
    console.log(said[0].label);
  `;
  const folder = await mkdtemp(join(tmpdir(), 'formstead-classifier-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'program.mjs'), program);
  const child = spawn(process.execPath, [join(folder, 'program.mjs')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = setTimeout(() => child.kill('SIGKILL'), 30_000);
  let out = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...how) => resolve(how)),
  );
  clearTimeout(kill);
  assert.deepEqual({ code, signal, out }, { code: 0, signal: null, out: 'delivery\n' });
});

/** A page with an embedding for each text: the first number tells the labels apart, the others are noise of the text itself. */
function embeddedPage(examples: Example[], modelSha256 = 'm'.repeat(64)): ExamplePage {
  const vectors = examples.map(({ text, label }) =>
    Float32Array.of(label === 'billing' ? 1 : -1, (text.length % 7) / 10, (text.charCodeAt(0) % 5) / 10),
  );
  return { examples, embeddings: { modelSha256, vectors } };
}
async function* once(...pages: ExamplePage[]): AsyncGenerator<ExamplePage> {
  yield* pages;
}

test('a head learns from embeddings, answers by them, and answers by words where there are none or those of another model', async (t) => {
  const classifier = classifierFor(t);
  const training = await classifier.train({ ...lessonOf(small), pages: once(embeddedPage(small)) });
  assert.ok(training.outcome === 'trained');
  assert.equal(training.embeddingSha256, 'm'.repeat(64));
  const head = refOf(training);
  const about = async (modelSha256?: string) => {
    // Words that no example has: only the embedding can tell.
    const vectors = [Float32Array.of(1, 0.2, 0.2), Float32Array.of(-1, 0.2, 0.2)];
    const embeddings = modelSha256 === undefined ? undefined : { modelSha256, vectors };
    return classifier.classify({ head, texts: ['zzz', 'zzz'], embeddings });
  };
  const byVector = await about('m'.repeat(64));
  assert.deepEqual(
    byVector.map(({ label }) => label),
    ['billing', 'delivery'],
  );
  const [first, second] = await about('n'.repeat(64));
  assert.deepEqual(first, second);
  assert.deepEqual([first, second], await about());
});

test('a lesson of which one page has no embeddings, or those of another model, is learnt from words alone', async (t) => {
  const classifier = classifierFor(t);
  const plain = await trainSmall(classifier);
  const [one, other] = [small.slice(0, 3), small.slice(3)];
  for (const pages of [
    once(embeddedPage(one), { examples: other }),
    once(embeddedPage(one), embeddedPage(other, 'n'.repeat(64))),
  ]) {
    const training = await classifier.train({ ...lessonOf(small), pages });
    assert.ok(training.outcome === 'trained');
    assert.deepEqual([training.sha256, training.embeddingSha256], [plain.sha256, undefined]);
  }
});

test('a head with embeddings stays while there are none, and is trained again for those of another model', async (t) => {
  const classifier = classifierFor(t);
  const seen = await classifier.train({ ...lessonOf(small), pages: once(embeddedPage(small)) });
  assert.ok(seen.outcome === 'trained');
  const again = async (page: ExamplePage) =>
    (await classifier.train({ ...lessonOf(small), pages: once({ examples: [] }, page), seen })).outcome;
  assert.equal(await again({ examples: small }), 'unchanged');
  assert.equal(await again(embeddedPage(small)), 'unchanged');
  assert.equal(await again(embeddedPage(small, 'n'.repeat(64))), 'trained');
  const plain = await trainSmall(classifier);
  const now = await classifier.train({ ...lessonOf(small), pages: once(embeddedPage(small)), seen: plain });
  assert.equal(now.outcome, 'trained', 'embeddings have come');
});
