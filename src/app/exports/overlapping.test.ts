import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { overlapping, type Work } from './overlapping.ts';

const never = new AbortController().signal;
async function all<R>(works: Work<R>[], signal = never): Promise<R[]> {
  const results: R[] = [];
  for await (const result of overlapping(works, signal)) results.push(result);
  return results;
}

test('each work begins when the one before is ready, and results come in their order', async () => {
  const log: string[] = [];
  const work =
    (name: string): Work<string> =>
    async ({ ready }) => {
      log.push(`${name} begins`);
      await turn();
      log.push(`${name} is ready`);
      ready();
      for (let i = 0; i < 5; i++) await turn();
      log.push(`${name} ends`);
      return name;
    };
  assert.deepEqual(await all([work('a'), work('b'), work('c')]), ['a', 'b', 'c']);
  assert.deepEqual(log.slice(0, 4), ['a begins', 'a is ready', 'b begins', 'b is ready']);
  assert.ok(log.indexOf('b begins') < log.indexOf('a ends'));
  assert.ok(log.indexOf('c begins') > log.indexOf('b is ready'));
  assert.deepEqual(await all([]), []);
});

test('a work that never says it is ready is ready when it ends', async () => {
  const work =
    (n: number): Work<number> =>
    async () =>
      n;
  assert.deepEqual(await all([work(1), work(2)]), [1, 2]);
});

test('a failure comes in its turn, and the work behind it is stopped and waited for', async () => {
  let cleaned = false;
  const fails: Work<string> = async ({ ready }) => {
    ready();
    await turn();
    throw new Error('no');
  };
  const waits: Work<string> = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', async () => {
        await turn();
        cleaned = true;
        reject(signal.reason);
      });
    });
  await assert.rejects(all([async () => 'good', fails, waits]), /no/);
  assert.ok(cleaned);
});

test('whoever takes no more stops the work that was begun', async () => {
  let stopped = false;
  const first: Work<number> = async ({ ready }) => {
    ready();
    return 1;
  };
  const second: Work<number> = ({ signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        stopped = true;
        reject(signal.reason);
      });
    });
  for await (const result of overlapping([first, second], never)) {
    assert.equal(result, 1);
    break;
  }
  assert.ok(stopped);
});

test('an abort from outside ends it with its reason', async () => {
  const stop = new AbortController();
  const waits: Work<number> = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  const running = all([waits], stop.signal);
  stop.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
});
