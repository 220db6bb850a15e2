import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { startWatchdog } from './watchdog.ts';

/** A watchdog whose looks are made by hand. */
function watched(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const state = { fetched: 0, could: async () => true, renewed: 0 };
  const { stop } = startWatchdog({
    fetched: () => state.fetched,
    couldFetch: () => state.could(),
    renew: () => {
      state.renewed += 1;
    },
  });
  t.after(stop);
  const look = async (times: number) => {
    for (let i = 0; i < times; i++) {
      t.mock.timers.tick(5000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { state, look, stop };
}

test('a worker that fetches nothing for three looks although it could is renewed, and again after three more', async (t) => {
  const { state, look } = watched(t);
  await look(2);
  assert.equal(state.renewed, 0);
  await look(1);
  assert.equal(state.renewed, 1);
  await look(2);
  assert.equal(state.renewed, 1);
  await look(1);
  assert.equal(state.renewed, 2);
});

test('a worker that fetches something between two looks is not renewed', async (t) => {
  const { state, look } = watched(t);
  for (let round = 0; round < 5; round++) {
    await look(2);
    state.fetched += 1;
  }
  assert.equal(state.renewed, 0);
});

test('nothing to fetch, and a Redis that is away, begin the count anew', async (t) => {
  const { state, look } = watched(t);
  await look(2);
  state.could = async () => false;
  await look(5);
  state.could = async () => true;
  await look(2);
  state.could = () => Promise.reject(new Error('away'));
  await look(5);
  state.could = async () => true;
  await look(2);
  assert.equal(state.renewed, 0);
});

test('an answer that does not come is waited for, and only once', async (t) => {
  const { state, look } = watched(t);
  let asked = 0;
  const answer = Promise.withResolvers<boolean>();
  state.could = () => {
    asked += 1;
    return answer.promise;
  };
  await look(5);
  assert.equal(asked, 1);
  answer.resolve(true);
  await look(2);
  assert.equal(state.renewed, 0);
  await look(1);
  assert.equal(state.renewed, 1);
});

test('a stopped watchdog does not look', async (t) => {
  const { state, look, stop } = watched(t);
  stop();
  await look(5);
  assert.equal(state.renewed, 0);
});
