import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Log } from '#ports/log.ts';
import type { ApiProcess, End, Seen } from './api-process.ts';
import { createSupervisor, supervisorTimes } from './supervisor.ts';

/** A process that does what the test says. */
function fakeProcess(pid: number) {
  const gone = Promise.withResolvers<End>();
  const listening = Promise.withResolvers<{ url: string }>();
  const seen: Seen = { state: 'starting', rss: undefined, servingSince: undefined, missedBeats: 0, metrics: undefined };
  const asked: string[] = [];
  const end = (code: number | null, signal: string | null = null) => {
    seen.state = 'gone';
    gone.resolve({ code, signal });
  };
  const process: ApiProcess = {
    pid,
    seen,
    listening: listening.promise,
    gone: gone.promise,
    tick() {
      seen.missedBeats += 1;
    },
    ask: async () => undefined,
    leave(how) {
      seen.state = 'leaving';
      asked.push(how);
      end(0);
    },
    kill: () => end(null, 'SIGKILL'),
  };
  return {
    ...process,
    process,
    asked,
    end,
    /** It accepts requests since `ageMs`. */
    listen(ageMs = 0) {
      Object.assign(seen, { state: 'serving', rss: 100, servingSince: performance.now() - ageMs });
      listening.resolve({ url: 'http://127.0.0.1' });
    },
  };
}

function supervised(t: TestContext, places: number) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const started: ReturnType<typeof fakeProcess>[] = [];
  const counted: string[] = [];
  const sentences: string[] = [];
  const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
  const supervisor = createSupervisor({
    places,
    fork() {
      started.push(fakeProcess(started.length + 1));
      return started.at(-1)!.process;
    },
    log,
    metrics: { count: (_name, labels) => void counted.push((labels as { reason: string }).reason) },
    graceMs: 1000,
    memoryBytes: 1000,
    explain: (sentence) => void sentences.push(sentence),
  });
  void supervisor.start();
  return { supervisor, started, counted, sentences };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const old = supervisorTimes.youngMs + 1;

test('the first process starts alone, the others once it serves', async (t) => {
  const { started } = supervised(t, 3);
  await settled();
  assert.equal(started.length, 1);
  started[0]!.listen();
  await settled();
  assert.equal(started.length, 3);
});

test('a process that dies old is followed at once; one that dies young later and later, until it is given up with 1', async (t) => {
  const { supervisor, started, sentences } = supervised(t, 1);
  started[0]!.listen(old);
  await settled();
  started[0]!.end(1);
  await settled();
  t.mock.timers.tick(0);
  assert.equal(started.length, 2);
  for (const waitMs of [250, 500, 1000, 2000]) {
    started.at(-1)!.end(1);
    await settled();
    const before: number = started.length;
    t.mock.timers.tick(waitMs - 1);
    assert.equal(started.length, before);
    t.mock.timers.tick(1);
    assert.equal(started.length, before + 1);
  }
  started.at(-1)!.end(null, 'SIGSEGV');
  assert.equal(await supervisor.ended, 1);
  assert.match(sentences[0]!, /5 times in a row/);
});

test('a refused configuration ends it with 78 while nobody is served, and is tried again with patience while somebody is', async (t) => {
  const alone = supervised(t, 2);
  alone.started[0]!.end(78);
  assert.equal(await alone.supervisor.ended, 78);
  assert.equal(alone.started.length, 1);
  t.mock.timers.reset();

  const { supervisor, started } = supervised(t, 2);
  started[0]!.listen();
  await settled();
  for (let refusals = 0; refusals < 8; refusals += 1) {
    started.at(-1)!.end(78);
    await settled();
    t.mock.timers.tick(supervisorTimes.patienceMs - 1);
    assert.equal(started.length, 2 + refusals);
    t.mock.timers.tick(1);
    assert.equal(started.length, 3 + refusals);
  }
  supervisor.stop();
  assert.equal(await supervisor.ended, 0);
});

test('a process hangs after ten beats it has missed, or sixty before the first; ticks that did not come count for nothing', async (t) => {
  const { supervisor, started, counted } = supervised(t, 1);
  for (let beat = 0; beat < 60; beat += 1) supervisor.tick();
  assert.equal(started[0]!.seen.state, 'starting');
  started[0]!.listen(old);
  Object.assign(started[0]!.seen, { missedBeats: 0 });
  for (let beat = 0; beat < 10; beat += 1) supervisor.tick();
  assert.equal(started[0]!.seen.state, 'serving');
  supervisor.tick();
  assert.equal(started[0]!.seen.state, 'gone');
  await settled();
  t.mock.timers.tick(0);
  assert.equal(started.length, 2);
  assert.deepEqual(counted, ['hung']);
});

test('a process above its memory mark leaves once another one listens, and not before it has served a while', async (t) => {
  const { supervisor, started, counted } = supervised(t, 1);
  started[0]!.listen();
  Object.assign(started[0]!.seen, { rss: 1001 });
  supervisor.tick();
  await settled();
  assert.equal(started.length, 1);
  started[0]!.listen(old);
  Object.assign(started[0]!.seen, { rss: 1001, missedBeats: 0 });
  supervisor.tick();
  supervisor.tick();
  await settled();
  assert.equal(started.length, 2);
  assert.deepEqual(started[0]!.asked, []);
  started[1]!.listen();
  await settled();
  assert.deepEqual(started[0]!.asked, ['drain']);
  assert.deepEqual(counted, ['memory']);
});

test('a reload replaces one after another, and is abandoned when what is new does not start: the old ones go on', async (t) => {
  const { supervisor, started } = supervised(t, 2);
  started[0]!.listen(old);
  await settled();
  started[1]!.listen(old);
  const reload = supervisor.reload();
  await settled();
  assert.equal(started.length, 3);
  started[2]!.listen();
  await settled();
  assert.equal(started.length, 4);
  started[3]!.end(78);
  await reload;
  assert.deepEqual(
    started.map(({ seen }) => seen.state),
    ['gone', 'serving', 'serving', 'gone'],
  );
});

test('a stop reaches those too that have no place yet', async (t) => {
  const { supervisor, started } = supervised(t, 1);
  started[0]!.listen(old);
  await settled();
  void supervisor.reload();
  await settled();
  supervisor.stop();
  assert.equal(await supervisor.ended, 0);
  assert.deepEqual(
    started.map(({ asked }) => asked),
    [['stop'], ['stop']],
  );
});
