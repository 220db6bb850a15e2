import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TaskStore } from '#ports/storage.ts';
import { createHeartbeat, type Held } from './heartbeat.ts';

type Beat = Parameters<TaskStore['extend']>[0];

/** A heartbeat every 5 ms against a store whose answers are scripted, one a beat; afterwards nothing is lost or cancelled. */
function script(answers: (Awaited<ReturnType<TaskStore['extend']>> | Error)[] = []) {
  const beats: Beat[] = [];
  const warnings: unknown[] = [];
  const log = {
    debug() {},
    info() {},
    warn: (fields: object) => void warnings.push(fields),
    error() {},
    child: () => log,
  };
  const tasks: Pick<TaskStore, 'extend'> = {
    async extend(held) {
      const answer = answers[beats.length];
      beats.push(held);
      if (answer instanceof Error) throw answer;
      return answer ?? { lost: [], cancelled: [] };
    },
  };
  const clock = { now: () => 1000 };
  return { beats, warnings, heartbeat: createHeartbeat({ tasks, clock, log, leaseMs: 8000, heartbeatMs: 5 }) };
}

function lease(id: string, token = `lse_${id}`): Held & { aborts: string[] } {
  const aborts: string[] = [];
  return { id, token, until: 0, progress: 0, abort: (reason) => void aborts.push(reason), aborts };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test('one beat extends every lease that is held and carries its newest progress', { timeout: 5000 }, async () => {
  const { beats, heartbeat } = script();
  const [a, b] = [lease('a'), lease('b')];
  heartbeat.hold(a);
  heartbeat.hold(b);
  b.progress = 0.4;
  await until(() => a.until > 0);
  assert.deepEqual(beats[0], [
    { id: 'a', token: 'lse_a', progress: 0 },
    { id: 'b', token: 'lse_b', progress: 0.4 },
  ]);
  assert.equal(a.until, 9000);
  heartbeat.letGo(a);
  const next = beats.length;
  await until(() => beats.length > next);
  assert.deepEqual(
    beats.at(-1)!.map(({ id }) => id),
    ['b'],
  );
  heartbeat.stop();
});

test('without a lease nothing beats', async () => {
  const { beats, heartbeat } = script();
  const a = lease('a');
  heartbeat.hold(a);
  heartbeat.letGo(a);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.equal(beats.length, 0);
});

test('a lost lease is aborted and let go, a cancelled one is aborted and still held', { timeout: 5000 }, async () => {
  const { beats, heartbeat } = script([{ lost: ['a'], cancelled: ['b'] }]);
  const [a, b] = [lease('a'), lease('b')];
  heartbeat.hold(a);
  heartbeat.hold(b);
  await until(() => beats.length >= 2);
  assert.deepEqual(a.aborts, ['lease-lost']);
  assert.deepEqual(b.aborts, ['cancelled']);
  assert.deepEqual(heartbeat.held(), [b]);
  heartbeat.stop();
});

test('a beat that fails aborts nobody, and the next one extends again', { timeout: 5000 }, async () => {
  const { warnings, heartbeat } = script([new Error('away'), new Error('away')]);
  const a = lease('a');
  heartbeat.hold(a);
  await until(() => a.until > 0);
  assert.deepEqual(a.aborts, []);
  assert.equal(warnings.length, 2);
  heartbeat.stop();
});

test('a lease let go while the beat was on its way is not told of its loss', { timeout: 5000 }, async () => {
  const { beats, heartbeat } = script([{ lost: ['a'], cancelled: [] }]);
  const a = lease('a');
  heartbeat.hold(a);
  const push = beats.push.bind(beats);
  // In the midst of the store's answer.
  beats.push = (...items) => {
    heartbeat.letGo(a);
    return push(...items);
  };
  await until(() => beats.length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(a.aborts, []);
});

test('a newer lease on the same task means that the older one was lost', () => {
  const { heartbeat } = script();
  const [old, fresh] = [lease('a', 'lse_1'), lease('a', 'lse_2')];
  heartbeat.hold(old);
  heartbeat.hold(fresh);
  assert.deepEqual(old.aborts, ['lease-lost']);
  heartbeat.letGo(old);
  assert.deepEqual(heartbeat.held(), [fresh]);
  heartbeat.stop();
});
