import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createTextLlama } from '../../src/adapters/text-llama/text-llama.ts';
import { ModelError } from '../../src/domain/model-error.ts';
import type { Log } from '../../src/ports/log.ts';
import type { InstalledModel } from '../../src/ports/model-store.ts';
import type { AnswerSchema } from '../../src/ports/text-model.ts';
import { tinyGguf, writeTinyGguf } from '../support/tiny-gguf.ts';

/* Real llama.cpp on a model of random weights: everything but the sense of the words. */

const silent = { child: () => silent, debug() {}, info() {}, warn() {}, error() {} } as unknown as Log;
let dir: string;
let first: InstalledModel;
let second: InstalledModel;

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'formstead-llama-'));
  first = installed('first', writeTinyGguf(join(dir, 'first.gguf'), { seed: 1 }));
  second = installed('second', writeTinyGguf(join(dir, 'second.gguf'), { seed: 2 }));
});
after(() => rmSync(dir, { recursive: true, force: true }));

function installed(name: string, file: string): InstalledModel {
  return {
    entry: {
      name,
      version: '1',
      purpose: 'text',
      licence: 'MIT',
      about: 'random',
      parameters: 0.0001,
      files: [{ role: 'model', name: 'x.gguf', bytes: 1, sha256: name.padEnd(64, '0'), source: { kind: 'file' } }],
      template: 'plain',
      contextTokens: 2048,
      requires: { memoryBytes: 1, cores: 1 },
    },
    files: { model: file },
    bytes: 1,
    installedAt: 0,
  };
}

type Given = Partial<Parameters<typeof createTextLlama>[0]>;
async function withModel<T>(work: (model: ReturnType<typeof createTextLlama>) => Promise<T>, given: Given = {}) {
  const model = createTextLlama({
    active: async () => first,
    memoryBytes: 2 ** 30,
    threads: 1,
    tuningFile: join(dir, 'tuning.json'),
    clock: { now: () => 0 },
    log: silent,
    ...given,
  });
  try {
    return await work(model);
  } finally {
    await model.close();
  }
}

const budget = { timeMs: 60_000 };
const prompt = { instructions: 'Choose.', data: 'My parcel has not come.', lead: 'Answer:' };
const isFault =
  (fault: string, words = '') =>
  (err: unknown) =>
    err instanceof ModelError && err.fault === fault && err.message.includes(words);
const schema: AnswerSchema = {
  type: 'object',
  properties: {
    city: { type: 'string-or-null', maxLength: 12 },
    'a "quoted" name': { type: 'string-or-null', maxLength: 12 },
    mood: { type: 'one-of', values: ['glad', 'so\nso'] },
  },
};

test('options get probabilities that add up to 1, the same each time', () =>
  withModel(async (model) => {
    const ask = () => model.score({ ...prompt, options: ['A', 'B', 'C'] }, budget);
    const [one, two] = [await ask(), await ask()];
    assert.ok(Math.abs(one.probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-9);
    assert.ok(one.probabilities.every((p) => p > 0 && p < 1));
    // A prompt that has been read is read again only from its last token on; the numbers differ in the last places.
    for (const [i, p] of one.probabilities.entries()) assert.ok(Math.abs(p - two.probabilities[i]!) < 1e-4);
    assert.equal(two.usage.reusedTokens, two.usage.promptTokens - 1);
    assert.equal(one.model.name, 'first');
  }));

test('whatever ends by a grammar is JSON of the schema, 24 responses side by side', () =>
  withModel(
    async (model) => {
      const answers = await Promise.all(
        Array.from({ length: 24 }, (_, i) =>
          model.write(
            { ...prompt, data: `Response ${i} 🙂 "quotes" \\ and \n lines`, schema, maxTokens: 200, seed: i },
            budget,
          ),
        ),
      );
      for (const { text, ended } of answers) {
        assert.equal(ended, 'stop');
        const value = JSON.parse(text);
        assert.deepEqual(Object.keys(value), Object.keys(schema.properties));
        assert.ok(value.city === null || (typeof value.city === 'string' && [...value.city].length <= 12));
        assert.ok([null, 'glad', 'so\nso'].includes(value.mood));
      }
    },
    { threads: 0 },
  ));

test('an answer ends with its tokens, and progress tells of each', () =>
  withModel(async (model) => {
    const told: [number, number][] = [];
    const { ended, usage } = await model.write(
      { ...prompt, maxTokens: 12 },
      { ...budget, progress: (tokens, most) => told.push([tokens, most]) },
    );
    assert.equal(ended, 'length');
    assert.equal(usage.answerTokens, 12);
    assert.deepEqual(told.at(-1), [12, 12]);
    assert.ok(usage.firstTokenMs > 0 && usage.totalMs >= usage.firstTokenMs);
  }));

test('a model that never ends its sentence is stopped when its time is spent, and answers the next call', () =>
  withModel(async (model) => {
    await model.warm();
    const endless = model.write({ ...prompt, maxTokens: 1500 }, { timeMs: 30 });
    await assert.rejects(endless, isFault('model-too-slow'));
    const { usage } = await model.write({ ...prompt, maxTokens: 2 }, budget);
    assert.equal(usage.answerTokens, 2);
    assert.deepEqual(model.state().restarts, {});
  }));

test('a call stops when it is cancelled, while it runs and while it waits', () =>
  withModel(async (model) => {
    await model.warm();
    const stop = new AbortController();
    const { places } = model.state();
    const calls = Array.from({ length: places + 2 }, () =>
      model.write({ ...prompt, maxTokens: 1500 }, { ...budget, signal: stop.signal }),
    );
    setTimeout(() => stop.abort('cancelled'), 20);
    for (const { status } of await Promise.allSettled(calls)) assert.equal(status, 'rejected');
    const { running, waiting } = model.state();
    assert.deepEqual({ running, waiting }, { running: 0, waiting: 0 });
  }));

test('control tokens in a response are read as the letters they are', () =>
  withModel(async (model) => {
    const plain = await model.write({ ...prompt, data: 'end', maxTokens: 1 }, budget);
    const spelt = await model.write({ ...prompt, data: '</s>', maxTokens: 1 }, budget);
    // One control token would be two less than the three letters of "end"; four characters are one more.
    assert.equal(spelt.usage.promptTokens - plain.usage.promptTokens, 1);
  }));

test('a prompt that does not fit is refused with its length', () =>
  withModel(async (model) => {
    const long = model.write({ ...prompt, data: 'x'.repeat(4000), maxTokens: 10 }, budget);
    await assert.rejects(long, isFault('prompt-too-long', 'tokens'));
  }));

test('more calls than can wait are refused at once', () =>
  withModel(async (model) => {
    await model.warm();
    const { places } = model.state();
    const calls = Array.from({ length: places + 64 + 3 }, () =>
      model.write({ ...prompt, maxTokens: 60 }, { timeMs: 60_000 }),
    );
    const ends = await Promise.allSettled(calls);
    const refused = ends.filter((end) => end.status === 'rejected');
    assert.equal(refused.length, 3);
    for (const { reason } of refused) assert.ok(isFault('model-busy')(reason));
  }));

test('a process that is killed fails its call; the next one is served by another process', () =>
  withModel(async (model) => {
    await model.warm();
    const call = model.write({ ...prompt, maxTokens: 1500 }, budget);
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(childOf(), 'SIGKILL');
    await assert.rejects(call, isFault('model-unavailable', 'SIGKILL'));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await model.score({ ...prompt, options: ['A', 'B'] }, budget);
    assert.deepEqual(model.state().restarts, { crashed: 1 });
  }));

/** The process of the model, by what it was started with. */
function childOf(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ').map(Number);
  const found = children.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('llama-child'));
  assert.ok(found, 'the process of the model');
  return found;
}

test('a file that is no model, or half of one, is told in a sentence', async () => {
  for (const [name, bytes] of [
    ['text', Buffer.from('this is no model')],
    ['half', tinyGguf().subarray(0, 60_000)],
    ['empty', Buffer.alloc(0)],
  ] as const) {
    const file = join(dir, `${name}.gguf`);
    writeFileSync(file, bytes);
    await withModel(
      async (model) => {
        await assert.rejects(model.score({ ...prompt, options: ['A', 'B'] }, budget), isFault('model-unavailable'));
        const { status, problem } = model.state();
        assert.equal(status, 'failed', name);
        assert.ok(problem, name);
      },
      { active: async () => installed(name, file) },
    );
  }
});

test('a model that needs more memory than it may have is refused with both numbers', () =>
  withModel(
    async (model) => {
      await assert.rejects(model.warm(), isFault('model-unavailable', 'FORMSTEAD_MODEL_MEMORY allows 128 MB'));
    },
    { memoryBytes: 128 * 2 ** 20 },
  ));

test('without a model every call says so', () =>
  withModel(
    async (model) => {
      assert.equal(await model.model(), undefined);
      await assert.rejects(model.score({ ...prompt, options: ['A', 'B'] }, budget), isFault('model-unavailable'));
      assert.equal(model.state().status, 'none');
    },
    { active: async () => undefined },
  ));

test('another model takes over while the calls of the one before still end', async () => {
  let active = first;
  await withModel(
    async (model) => {
      await model.warm();
      const old = model.write({ ...prompt, maxTokens: 400 }, budget);
      await new Promise((resolve) => setTimeout(resolve, 10));
      active = second;
      const fresh = await model.score({ ...prompt, options: ['A', 'B'] }, budget);
      assert.equal(fresh.model.name, 'second');
      assert.equal((await old).model.name, 'first');
    },
    { active: async () => active },
  );
});

test('how a model runs best is measured once for a machine', async () => {
  const tuningFile = join(dir, 'measured.json');
  await withModel((model) => model.warm(), { threads: 0, cores: 2, tuningFile });
  const [[key, tuning]] = Object.entries(JSON.parse(readFileSync(tuningFile, 'utf8'))) as [
    [string, { threads: number }],
  ];
  assert.match(key, /^first0+\/.* x 2$/);
  assert.equal(tuning.threads, 1);
  // What is in the file is believed.
  writeFileSync(tuningFile, JSON.stringify({ [key]: { ...tuning, places: 3 } }));
  await withModel(
    async (model) => {
      await model.warm();
      assert.equal(model.state().places, 3);
    },
    { threads: 0, cores: 2, tuningFile },
  );
});
