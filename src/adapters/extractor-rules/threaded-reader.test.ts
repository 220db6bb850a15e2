import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createThreadedReader } from './threaded-reader.ts';

/** A thread that reads at once, spins at `spin`, and counts in its language how many texts it has read. */
const scripted = `
  const { parentPort } = require('node:worker_threads');
  let count = 0;
  parentPort.on('message', ({ id, texts }) => {
    if (texts[0] === 'spin') for (;;);
    if (texts[0] === 'end') process.exit(3);
    count += 1;
    parentPort.postMessage(texts[0] === 'fail' ? { id, error: 'no' } : { id, reading: { language: String(count), fields: {} } });
  });`;

function readerFor(t: TestContext, limitMs: number) {
  const entry = new URL(
    `data:text/javascript,${encodeURIComponent(scripted.replace("require('node:worker_threads')", "await import('node:worker_threads')"))}`,
  );
  const reader = createThreadedReader({ entry, limitMs });
  t.after(() => reader.close());
  return (text: string) => reader.read([text], [], { now: 0, timeZone: 'UTC', region: undefined });
}

test('a text that spins is given up after the limit, and the ones behind it are read by a new thread', {
  timeout: 20_000,
}, async (t) => {
  const read = readerFor(t, 1500);
  assert.equal((await read('a')).language, '1');
  const spinning = read('spin');
  const behind = [read('b'), read('fail'), read('c')];
  await assert.rejects(spinning, /not read within 1\.5 s/);
  assert.equal((await behind[0]!).language, '1', 'a thread of its own');
  await assert.rejects(behind[1]!, /could not be read: no/);
  assert.equal((await behind[2]!).language, '3');
  assert.equal((await read('d')).language, '4', 'and that thread goes on');
});

test('two texts that spin are given up one after the other', { timeout: 20_000 }, async (t) => {
  const read = readerFor(t, 800);
  const results = await Promise.allSettled([read('spin'), read('spin'), read('a')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'fulfilled'],
  );
});

test('the limit is for each text, not for the line', { timeout: 20_000 }, async (t) => {
  const read = readerFor(t, 1500);
  const until = performance.now() + 2000;
  while (performance.now() < until) await Promise.all([read('a'), read('b'), read('c')]);
  await read('d');
});

test('when the thread ends all that wait are rejected, and the next text is read', { timeout: 20_000 }, async (t) => {
  const read = readerFor(t, 10_000);
  const results = await Promise.allSettled([read('end'), read('b')]);
  for (const result of results) assert.match(String((result as PromiseRejectedResult).reason), /ended with code 3/);
  assert.equal((await read('c')).language, '1');
});
