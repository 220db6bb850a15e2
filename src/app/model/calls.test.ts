import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelError, type ModelFault } from '#domain/model-error.ts';
import type { Usage } from '#ports/text-model.ts';
import { createModelCalls, type Question } from './calls.ts';

const usage: Usage = { promptTokens: 10, reusedTokens: 4, answerTokens: 2, queueMs: 1, firstTokenMs: 2, totalMs: 3 };

/** A model that answers in turn with what it was told to: a number, or a fault. */
function world(turns: (number | ModelFault)[]) {
  const kept = new Map<string, string>();
  let now = 0;
  let asked = 0;
  const pauses: number[] = [];
  let model: { name: string; sha256: string } | undefined = { name: 'tiny', sha256: 'f'.repeat(64) };
  const calls = createModelCalls({
    textModel: { model: async () => model, score: async () => assert.fail(), write: async () => assert.fail() },
    cache: {
      get: async (key) => kept.get(key),
      set: async (key, value) => void kept.set(key, value),
    },
    clock: { now: () => now },
    pause: async (ms) => void pauses.push(ms),
    metrics: { count() {}, observe() {} },
  });
  const question = (over: Partial<Question<number>> = {}): Question<number> => ({
    part: 'classify',
    prompt: 'classify/1',
    input: { text: `${asked}` },
    timeMs: 10_000,
    signal: new AbortController().signal,
    call: async () => {
      const turn = turns[asked++] ?? 'model-too-slow';
      if (typeof turn !== 'number') throw new ModelError(turn);
      return { value: turn, model: { name: 'tiny', sha256: 'f'.repeat(64) }, usage };
    },
    ...over,
  });
  return {
    calls,
    question,
    pauses,
    asked: () => asked,
    without: () => {
      model = undefined;
    },
    pass: (ms: number) => {
      now += ms;
    },
  };
}
const faultOf = (answer: object) => ('fault' in answer ? answer.fault : 'none');

test('the same question is asked once, and its second answer says so', async () => {
  const { calls, question, asked } = world([7, 8]);
  const first = await calls.ask(question({ input: 'x' }));
  const second = await calls.ask(question({ input: 'x' }));
  assert.ok('value' in first && 'value' in second);
  assert.deepEqual([first.value, second.value, asked()], [7, 7, 1]);
  assert.equal(first.provenance.cached, undefined);
  assert.equal(second.provenance.cached, true);
  assert.deepEqual(second.provenance.tokens, { prompt: 10, reused: 4, answer: 2 });
  await calls.ask(question({ input: 'x', prompt: 'classify/2' }));
  assert.equal(asked(), 2, 'another version of the prompt is another question');
});

test('a model that died is asked again while there is time', async () => {
  const { calls, question, pauses } = world(['model-unavailable', 'model-unavailable', 5]);
  const answer = await calls.ask(question());
  assert.ok('value' in answer && answer.value === 5);
  assert.deepEqual(pauses, [1000, 1000]);
});

test('without time for another try the fault is the answer', async () => {
  const { calls, question, asked } = world(['model-unavailable', 5]);
  assert.equal(faultOf(await calls.ask(question({ timeMs: 1500 }))), 'model-unavailable');
  assert.equal(asked(), 1);
  assert.equal(faultOf(await calls.ask(question({ timeMs: 0 }))), 'budget-spent');
});

test('a crowd before the model is told at once: the task waits elsewhere', async () => {
  const { calls, question, asked } = world(['model-busy', 5]);
  assert.equal(faultOf(await calls.ask(question())), 'model-busy');
  assert.equal(asked(), 1);
});

test('a model that is too slow is not asked again for the same response', async () => {
  const { calls, question, asked } = world(['model-too-slow', 5]);
  assert.equal(faultOf(await calls.ask(question())), 'model-too-slow');
  assert.equal(asked(), 1);
});

test('five faults in a row open the breaker; after its time one probe closes it', async () => {
  const { calls, question, asked, pass } = world([...Array<ModelFault>(5).fill('model-too-slow'), 6, 7]);
  for (let i = 0; i < 5; i++) await calls.ask(question());
  assert.equal(faultOf(await calls.ask(question())), 'breaker-open');
  assert.equal(asked(), 5);
  pass(30_001);
  assert.equal(faultOf(await calls.ask(question())), 'none');
  assert.equal(calls.breaker().phase, 'closed');
});

test('a crowd and a text that is too long do not open it', async () => {
  const { calls, question } = world(Array<ModelFault>(8).fill('prompt-too-long'));
  for (let i = 0; i < 8; i++) assert.equal(faultOf(await calls.ask(question())), 'prompt-too-long');
  assert.equal(calls.breaker().phase, 'closed');
});

test('a cancelled question rejects with its reason', async () => {
  const stop = new AbortController();
  const { calls, question } = world([]);
  const call = async () => {
    stop.abort('cancelled');
    throw new ModelError('model-unavailable');
  };
  await assert.rejects(calls.ask(question({ signal: stop.signal, call })), (err) => err === 'cancelled');
});

test('without a model nobody is asked', async () => {
  const { calls, question, asked, without } = world([5]);
  without();
  assert.equal(faultOf(await calls.ask(question())), 'no-model');
  assert.equal(asked(), 0);
});
