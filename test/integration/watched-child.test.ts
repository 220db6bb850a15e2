import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { loaded } from '../../src/adapters/child-process/child-side.ts';
import { createReplacedChild } from '../../src/adapters/child-process/replaced-child.ts';
import { type ChildSettings, startWatchedChild } from '../../src/adapters/child-process/watched-child.ts';
import { ModelError } from '../../src/domain/model-error.ts';
import type { Order } from '../support/watched-child-work.ts';

const settings: ChildSettings = {
  entry: new URL('../support/watched-child-work.ts', import.meta.url),
  start: {},
  memoryBytes: 2 ** 30,
  startMs: 20_000,
};
const start = (over: Partial<ChildSettings> = {}) =>
  startWatchedChild<{ pid: number }, Order, string, number>({ ...settings, ...over });
const limits = { timeMs: 20_000 };
const isFault =
  (fault: string, words = '') =>
  (err: unknown) =>
    err instanceof ModelError && err.fault === fault && err.message.includes(words);
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const open: { kill(): void }[] = [];
after(() => {
  for (const child of open) child.kill();
});
async function started(over: Partial<ChildSettings> = {}) {
  const life = await start(over);
  open.push(life.child);
  return life;
}

test('a child answers calls side by side, each its own, and tells how far it is', async () => {
  const { child, ready } = await started();
  assert.equal(ready.pid, child.pid);
  const told: number[] = [];
  const answers = await Promise.all([
    child.call({ do: 'wait', ms: 50 }, limits),
    child.call({ do: 'echo', text: 'ü' }, limits),
    child.call({ do: 'count', to: 3 }, { ...limits, progress: (piece) => told.push(piece) }),
  ]);
  assert.deepEqual(answers, ['waited', 'ü', 'counted']);
  assert.deepEqual(told, [1, 2, 3]);
});

test('it runs below the process that answers people', async () => {
  const { child } = await started();
  assert.equal(getPriority(child.pid!), 10);
});

test('what the child refuses by name arrives by name', async () => {
  const { child } = await started();
  await assert.rejects(child.call({ do: 'refuse', fault: 'prompt-too-long' }, limits), isFault('prompt-too-long'));
  await assert.rejects(child.call({ do: 'refuse', fault: 'no-such' }, limits), (err) => !(err instanceof ModelError));
});

test('a call that takes too long is stopped, and the others go on', async () => {
  const { child } = await started();
  const other = child.call({ do: 'wait', ms: 400 }, limits);
  await assert.rejects(child.call({ do: 'wait', ms: 10_000 }, { timeMs: 100 }), isFault('model-too-slow'));
  assert.equal(await other, 'waited');
  assert.equal(await child.call({ do: 'echo', text: 'alive' }, limits), 'alive');
});

test('a call that is cancelled rejects with the reason it was cancelled for', async () => {
  const { child } = await started();
  const stop = new AbortController();
  const call = child.call({ do: 'wait', ms: 10_000 }, { ...limits, signal: stop.signal });
  stop.abort('cancelled');
  await assert.rejects(call, (err) => err === 'cancelled');
});

test('a child that does not stop a call is killed', async () => {
  const { child } = await started({ graceMs: 200 });
  const call = child.call({ do: 'wait', ms: 10_000, deaf: true }, { timeMs: 100 });
  await assert.rejects(call, isFault('model-too-slow'));
  assert.deepEqual(await child.ended, { cause: 'hung', detail: 'a call did not stop within 0.2 s' });
});

test('a child that gives no sign of life is killed, and whoever waits for it is told', async () => {
  const { child } = await started({ silenceMs: 1500 });
  await assert.rejects(child.call({ do: 'spin' }, limits), isFault('model-unavailable', 'no sign of life'));
  assert.equal((await child.ended).cause, 'hung');
});

test('a child that takes more memory than it may is killed', async () => {
  const { child } = await started({ memoryBytes: 300 * 2 ** 20 });
  const call = child.call({ do: 'grow', bytes: 400 * 2 ** 20 }, limits);
  await assert.rejects(call, isFault('model-unavailable', 'of 300 MB'));
  assert.equal((await child.ended).cause, 'memory');
});

test('a child that dies takes its calls with it, and nothing else', async () => {
  const { child } = await started();
  const waiting = child.call({ do: 'wait', ms: 10_000 }, limits);
  process.kill(child.pid!, 'SIGKILL');
  await assert.rejects(waiting, isFault('model-unavailable', 'SIGKILL'));
  assert.equal((await child.ended).cause, 'crashed');
  await assert.rejects(child.call({ do: 'echo', text: '' }, limits), isFault('model-unavailable'));
});

test('a child that cannot start says why; one that takes too long is killed; so is one that is not wanted any more', async () => {
  await assert.rejects(start({ start: { fail: 'no such file' } }), isFault('model-unavailable', 'no such file'));
  await assert.rejects(
    start({ start: { readyAfterMs: 20_000 }, startMs: 300 }),
    isFault('model-unavailable', 'not ready'),
  );
  const stop = new AbortController();
  const starting = start({ start: { readyAfterMs: 20_000 }, signal: stop.signal });
  setTimeout(() => stop.abort(), 300);
  await assert.rejects(starting, isFault('model-unavailable', 'it was stopped'));
});

test('a child whose package is not installed says which one, and any other mistake in its code is told as it is', async (t) => {
  const place = await mkdtemp(join(tmpdir(), 'formstead-loaded-'));
  t.after(() => rm(place, { recursive: true, force: true }));
  const module = async (name: string, code: string) => {
    await writeFile(join(place, name), code);
    return loaded(import(pathToFileURL(join(place, name)).href));
  };
  assert.equal((await module('good.mjs', 'export const one = 1;')).one, 1);
  await assert.rejects(module('poor.mjs', `import '@some/package/part';`), {
    message: '@some/package is not installed here: an image that was built with AI=none runs no model',
  });
  await assert.rejects(module('lost.mjs', `import './nowhere.mjs';`), /^Error.*Cannot find module/s);
  await assert.rejects(module('wrong.mjs', 'export const = 1;'), SyntaxError);
});

test('a child has the environment that it is given, and nothing of its parent', async (t) => {
  process.env.FORMSTEAD_TEST_SECRET = 'a secret';
  t.after(() => delete process.env.FORMSTEAD_TEST_SECRET);
  const environment = async (env?: Record<string, string>) => {
    const { child } = await started({ ...(env && { env }) });
    return (
      readFileSync(`/proc/${child.pid}/environ`, 'utf8')
        .split('\0')
        // Node's own: the channel to its parent, and the folder in which coverage is collected while it is measured.
        .filter((line) => line !== '' && !/^NODE_(CHANNEL_|V8_COVERAGE=)/.test(line))
    );
  };
  assert.deepEqual(await environment(), []);
  assert.deepEqual(await environment({ ONE: '1' }), ['ONE=1']);
});

test('there is always one: started at the first call, started again after its death, refused while it waits for that', async () => {
  const keeper = createReplacedChild<{ pid: number }, Order, string>({ start: () => start() });
  try {
    assert.equal(keeper.ready(), undefined);
    assert.equal(await keeper.call('a', { do: 'echo', text: '1' }, limits), '1');
    const { pid } = keeper.ready()!.child;
    await assert.rejects(
      keeper.call('a', { do: 'exit', code: 3 }, limits),
      isFault('model-unavailable', 'exit code 3'),
    );
    await assert.rejects(
      keeper.call('a', { do: 'echo', text: '2' }, limits),
      isFault('model-unavailable', 'again soon'),
    );
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal(await keeper.call('a', { do: 'echo', text: '3' }, limits), '3');
    assert.notEqual(keeper.ready()!.child.pid, pid);
    assert.deepEqual(keeper.restarts(), { crashed: 1 });
  } finally {
    await keeper.close();
  }
});

test('another key replaces the child, and the calls of the one before still end', async () => {
  const keeper = createReplacedChild<{ pid: number }, Order, string>({ start: () => start() });
  try {
    const slow = keeper.call('a', { do: 'wait', ms: 1500 }, limits);
    while (!keeper.ready()) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const old = keeper.ready()!.child;
    assert.equal(await keeper.call('b', { do: 'echo', text: 'new' }, limits), 'new');
    assert.notEqual(keeper.ready()!.child.pid, old.pid);
    assert.equal(await slow, 'waited');
    assert.equal((await old.ended).cause, 'killed');
    assert.deepEqual(keeper.restarts(), {});
  } finally {
    await keeper.close();
  }
});

test('one that is not called for a while ends, and the next call starts another', async () => {
  const keeper = createReplacedChild<{ pid: number }, Order, string>({ start: () => start(), idleMs: 200 });
  try {
    await keeper.call('a', { do: 'echo', text: '1' }, limits);
    const { child } = keeper.ready()!;
    await child.ended;
    assert.equal(keeper.ready(), undefined);
    assert.equal(await keeper.call('a', { do: 'echo', text: '2' }, limits), '2');
  } finally {
    await keeper.close();
  }
});

test('one that is unfit is not started again at once, and closing leaves no process', async () => {
  let starts = 0;
  const keeper = createReplacedChild<{ pid: number }, Order, string>({
    start: (key) => {
      starts += 1;
      return start(key === 'good' ? {} : { start: { fail: 'it is no model' } });
    },
  });
  for (let i = 0; i < 3; i++)
    await assert.rejects(
      keeper.call('bad', { do: 'echo', text: '' }, limits),
      isFault('model-unavailable', 'no model'),
    );
  assert.equal(starts, 1);
  await keeper.call('good', { do: 'echo', text: '' }, limits);
  const pid = keeper.ready()!.child.pid!;
  await keeper.close();
  assert.equal(isAlive(pid), false);
});
