import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BreakerState, closedBreaker } from '#domain/webhook/breaker.ts';
import type { TextModelState } from '#ports/text-model.ts';
import { registerModelGauges } from './gauges.ts';

function world() {
  const now = { at: 0 };
  const state: TextModelState = {
    status: 'ready',
    model: undefined,
    memoryBytes: 300,
    running: 0,
    waiting: 0,
    places: 1,
    threads: 1,
    restarts: {},
  };
  let breaker: BreakerState = closedBreaker;
  const gauges = new Map<string, () => unknown>();
  registerModelGauges({
    textModel: { state: () => state },
    calls: { breaker: () => breaker },
    clock: { now: () => now.at },
    metrics: { gauge: (name, labels, read) => void gauges.set([name, ...Object.values(labels)].join(' '), read) },
  });
  return {
    now,
    state,
    open: (until: number) => {
      breaker = { phase: 'open', until, coolDownMs: 30_000 };
    },
    read: (name: string) => gauges.get(`formstead_model_${name}`)!(),
  };
}

test('of the states of the model exactly one is 1, the one that holds now', () => {
  const { state, read } = world();
  const states = ['none', 'stopped', 'starting', 'ready', 'failed'] as const;
  for (const status of states) {
    state.status = status;
    assert.deepEqual(
      states.map((one) => read(`state text ${one}`)),
      states.map((one) => (one === status ? 1 : 0)),
    );
  }
  assert.equal(read('memory_bytes text'), 300);
});

test('the breaker shows open for as long as the model is not asked, and no longer', () => {
  const { now, open, read } = world();
  assert.equal(read('breaker_open'), 0);
  open(30_000);
  assert.equal(read('breaker_open'), 1);
  now.at = 30_000;
  assert.equal(read('breaker_open'), 0, 'the next question tries it');
});

test('restarts are told by reason, also those that have not happened', () => {
  const { state, read } = world();
  state.restarts = { crashed: 2, memory: 1 };
  assert.deepEqual(
    ['crashed', 'memory', 'hung', 'unfit'].map((reason) => read(`restarts text ${reason}`)),
    [2, 1, 0, 0],
  );
});
