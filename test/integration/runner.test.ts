import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AppError } from '#domain/errors.ts';
import { taskKinds } from '#domain/task-kinds.ts';
import type { AbortReason, Handler } from '#jobs/registry.ts';
import type { Storage, TaskStore } from '#ports/storage.ts';
import type { Offer, TaskQueue } from '#ports/task-queue.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { aborted, openTaskWorld, sleep, type TaskWorld, until } from '../support/task-world.ts';

type Seal = Handler<'seal-audit'>;

const rule = (title: string, check: (world: TaskWorld, t: TestContext) => Promise<void>) =>
  test(title, { timeout: 20_000 }, async (t) => check(await openTaskWorld(t), t));

/** In the store, and counted by the runner. */
const finished = async (world: TaskWorld, id: string) =>
  (await world.task(id)).finishedAt !== undefined && world.idle();
const counted = (world: TaskWorld, outcome: string) =>
  world.metrics.counts.get(`formstead_tasks_total{kind=seal-audit,outcome=${outcome}}`) ?? 0;

rule('a task runs with its payload under its lease, and its result is kept', async (world) => {
  const task = await world.insert({ payload: { tick: 77 } });
  const seen: unknown[] = [];
  world.startWorker(async ({ task, payload, lease, signal }) => {
    seen.push(task.id, task.attempts, payload.tick, lease === task.lease?.token, signal.aborted);
    return { done: { sealed: 3 } };
  });
  await until(() => finished(world, task.id));
  const stored = await world.task(task.id);
  assert.deepEqual(seen, [task.id, 1, 77, true, false]);
  assert.equal(stored.status, 'succeeded');
  assert.deepEqual(stored.result, { sealed: 3 });
  assert.equal(stored.progress, 1);
  assert.equal(stored.lease, undefined);
  assert.equal(counted(world, 'succeeded'), 1);
  assert.equal(world.metrics.observed.get('formstead_task_wait_seconds{queue=default}')?.length, 1);
  assert.equal(world.metrics.observed.get('formstead_task_seconds{kind=seal-audit}')?.length, 1);
});

rule('a handler that throws is tried again after the backoff of its kind', async (world) => {
  const task = await world.insert();
  let runs = 0;
  world.startWorker(async () => {
    runs += 1;
    if (runs === 1) throw new AppError('conflict', { detail: 'somebody else sealed' });
    return { done: undefined };
  });
  const before = world.clock.now();
  await until(async () => (await world.task(task.id)).status === 'retrying');
  const retrying = await world.task(task.id);
  const base = taskKinds['seal-audit'].backoffMs;
  assert.ok(retrying.runAt >= before + base * 0.8 && retrying.runAt <= world.clock.now() + base * 1.2);
  assert.deepEqual(retrying.error, { code: 'conflict', detail: 'somebody else sealed' });
  await sleep(80);
  assert.equal(runs, 1, 'not before it is due');
  world.clock.advance(base * 1.2);
  await until(() => finished(world, task.id));
  assert.equal((await world.task(task.id)).attempts, 2);
  assert.equal(counted(world, 'retrying'), 1);
});

rule('a handler says itself when to try again, until the attempts are spent', async (world) => {
  const task = await world.insert({ maxAttempts: 2 });
  const retryAt = world.clock.now() + 7777;
  world.startWorker(async () => ({ retryAt, error: { code: 'refused', detail: 'HTTP 500' } }));
  await until(async () => (await world.task(task.id)).status === 'retrying');
  assert.equal((await world.task(task.id)).runAt, retryAt);
  world.clock.advance(8000);
  await until(() => finished(world, task.id));
  const dead = await world.task(task.id);
  assert.equal(dead.status, 'failed');
  assert.deepEqual(dead.error, { code: 'refused', detail: 'HTTP 500' });
});

rule('a poison task ends in the dead letters after its attempts, and the event tells of it once', async (world) => {
  world.wanted.add('task.failed');
  const task = await world.insert({ root: 'tsk_0192' });
  let runs = 0;
  world.startWorker(async () => {
    runs += 1;
    throw new Error('poison');
  });
  await until(async () => {
    world.clock.advance(10_000);
    await sleep(10);
    return finished(world, task.id);
  });
  const dead = await world.task(task.id);
  assert.equal(dead.status, 'failed');
  assert.equal(runs, dead.maxAttempts);
  assert.equal(counted(world, 'failed'), 1);
  assert.equal(world.metrics.counts.get('formstead_dead_letters_total{kind=seal-audit}'), 1);
  const events = (await world.storage.list('event', { limit: 10 })).items.map((item) => item.doc);
  assert.equal(events.length, 1);
  assert.equal(events[0]!.type, 'task.failed');
  assert.equal(events[0]!.responseId, 'rsp_0192');
  const { data } = JSON.parse(events[0]!.body);
  assert.deepEqual(data, {
    task_id: task.id,
    kind: 'seal-audit',
    queue: 'default',
    attempts: 4,
    error: { code: 'handler-failed' },
  });
  const fanOut = (await world.storage.tasks.list({ limit: 10 })).items.filter((each) => each.kind === 'fan-out-event');
  assert.deepEqual(
    fanOut.map((each) => each.payload),
    [{ event_id: events[0]!.id }],
  );
});

rule('a dead letter that no endpoint wants to hear of makes no event', async (world) => {
  const task = await world.insert();
  world.startWorker(async () => ({ dead: { code: 'gone', detail: 'nothing to seal' } }));
  await until(() => finished(world, task.id));
  const dead = await world.task(task.id);
  assert.equal(dead.status, 'failed');
  assert.equal(dead.attempts, 1, 'it is not tried again');
  assert.equal((await world.storage.list('event', { limit: 10 })).items.length, 0);
});

rule('a delivery that died makes no event', async (world) => {
  world.wanted.add('task.failed');
  const task = await world.insert({ kind: 'deliver-webhook', payload: { delivery_id: 'dlv_1' }, maxAttempts: 1 });
  world.startWorker(async () => ({ done: undefined }));
  await until(() => finished(world, task.id));
  assert.equal((await world.task(task.id)).status, 'failed');
  assert.equal((await world.storage.list('event', { limit: 10 })).items.length, 0);
});

rule('a fan-out that died is told of, and the fan-out of this news is not told of when it dies too', async (world) => {
  world.wanted.add('task.failed');
  const task = await world.insert({ kind: 'fan-out-event', payload: { event_id: 'evt_1' }, maxAttempts: 1 });
  world.startWorker(async () => ({ done: undefined }));
  const tasks = async () => (await world.storage.tasks.list({ limit: 10 })).items;
  await until(async () => {
    world.clock.advance(10_000);
    await sleep(10);
    const all = await tasks();
    return all.length > 1 && world.idle() && all.every(({ finishedAt }) => finishedAt !== undefined);
  });
  const [event, more] = (await world.storage.list('event', { limit: 10 })).items.map(({ doc }) => doc);
  assert.equal(JSON.parse(event!.body).data.task_id, task.id);
  assert.equal(more, undefined);
  assert.deepEqual(
    (await tasks()).map(({ status }) => status),
    ['failed', 'failed'],
  );
});

rule('a released task is due again at the time given, and its attempt is given back', async (world) => {
  const task = await world.insert();
  let runs = 0;
  world.startWorker(async () => {
    runs += 1;
    return runs <= 6 ? { release: { until: world.clock.now() + 1000 } } : { done: undefined };
  });
  await until(async () => {
    world.clock.advance(1000);
    await sleep(10);
    return finished(world, task.id);
  });
  const stored = await world.task(task.id);
  assert.equal(stored.status, 'succeeded', 'six hand-backs did not spend four attempts');
  assert.equal(stored.attempts, 1);
  assert.equal(counted(world, 'handed-back'), 6);
});

rule(
  'a task of a newer version or an unknown kind is left for a newer program, and loses no attempt',
  async (world) => {
    const newer = await world.insert({ payloadVersion: taskKinds['seal-audit'].payloadVersion + 1 });
    const unknown = await world.insert({ kind: 'paint-the-fence' });
    let runs = 0;
    world.startWorker(async () => {
      runs += 1;
      return { done: undefined };
    });
    for (const { id } of [newer, unknown]) {
      await until(async () => (await world.task(id)).status === 'retrying');
      const left = await world.task(id);
      assert.equal(left.attempts, 0);
      assert.ok(left.runAt > world.clock.now() + 50_000);
    }
    assert.equal(runs, 0);
    assert.equal(world.log.lines.filter((line) => line.level === 'warn').length, 2);
  },
);

rule('a worker whose lease ran out cannot complete the task, nor commit in its name', async (world) => {
  const task = await world.insert();
  const gate = Promise.withResolvers<void>();
  let late: unknown;
  world
    .startWorker(
      async ({ task, lease }) => {
        await gate.promise;
        late = await world.storage.commit({ change: { op: 'none' }, cause: { taskId: task.id, lease } });
        return { done: { by: 'the sleeper' } };
      },
      // Never beats, and its own reconciler would offer the task to it again.
      { runner: { heartbeatMs: 3_600_000 }, reconciler: { queues: ['batched'] } },
    )
    .queue.offer([{ id: task.id, attempts: 0, queue: 'default', priority: 4 }]);
  await until(async () => (await world.task(task.id)).status === 'running');
  world.clock.advance(9000);
  const now = world.clock.now();
  assert.ok(await world.storage.tasks.claim(task.id, { token: 'lse_other', until: now + 8000 }, now));
  gate.resolve();
  await until(() => counted(world, 'lost') === 1);
  assert.deepEqual(late, { outcome: 'lease-lost' });
  const stored = await world.task(task.id);
  assert.equal(stored.status, 'running');
  assert.equal(stored.lease?.token, 'lse_other');
  assert.equal(stored.result, undefined);
});

rule('a heartbeat that finds the lease lost aborts the handler, and nothing is settled', async (world) => {
  const task = await world.insert();
  let reason: unknown;
  world
    .startWorker(
      async ({ signal }) => {
        await aborted(signal);
        reason = signal.reason;
        throw new Error('stopped');
      },
      { runner: { heartbeatMs: 40 }, reconciler: { queues: ['batched'] } },
    )
    .queue.offer([{ id: task.id, attempts: 0, queue: 'default', priority: 4 }]);
  await until(async () => (await world.task(task.id)).status === 'running');
  const now = world.clock.now() + 60_000;
  assert.ok(await world.storage.tasks.claim(task.id, { token: 'lse_other', until: now + 8000 }, now));
  await until(() => counted(world, 'lost') === 1);
  assert.equal(reason, 'lease-lost' satisfies AbortReason);
  assert.equal((await world.task(task.id)).lease?.token, 'lse_other');
});

rule('cancelling a running task aborts its handler by the next heartbeat', async (world) => {
  const task = await world.insert();
  let reason: unknown;
  world.startWorker(
    async ({ signal }) => {
      await aborted(signal);
      reason = signal.reason;
      throw signal.reason;
    },
    { runner: { heartbeatMs: 30 } },
  );
  await until(async () => (await world.task(task.id)).status === 'running');
  assert.equal(await world.storage.tasks.cancel(task.id, world.clock.now(), []), 'requested');
  await until(() => finished(world, task.id));
  assert.equal(reason, 'cancelled' satisfies AbortReason);
  assert.equal((await world.task(task.id)).status, 'cancelled');
  assert.equal(counted(world, 'cancelled'), 1);
});

rule('a handler that is done although it was cancelled has succeeded', async (world) => {
  const task = await world.insert();
  world.startWorker(
    async ({ signal }) => {
      await aborted(signal);
      return { done: 'all the same' };
    },
    { runner: { heartbeatMs: 30 } },
  );
  await until(async () => (await world.task(task.id)).status === 'running');
  await world.storage.tasks.cancel(task.id, world.clock.now(), []);
  await until(() => finished(world, task.id));
  assert.equal((await world.task(task.id)).status, 'succeeded');
});

rule('cancelling a waiting task ends it at once, and a stale offer of it runs nothing', async (world) => {
  const task = await world.insert();
  assert.equal(await world.storage.tasks.cancel(task.id, world.clock.now(), []), 'cancelled');
  let runs = 0;
  const { queue, runner } = world.startWorker(async () => {
    runs += 1;
    return { done: undefined };
  });
  queue.offer([{ id: task.id, attempts: 0, queue: 'default', priority: 4 }]);
  const next = await world.insert();
  await until(() => finished(world, next.id));
  await until(() => runner.running() === 0);
  assert.equal(runs, 1);
  assert.equal((await world.task(task.id)).status, 'cancelled');
});

rule('a cancel request survives the worker it was meant for', async (world) => {
  const task = await world.insert();
  const { clock, storage } = world;
  // A worker that claimed the task and died.
  await storage.tasks.claim(task.id, { token: 'lse_dead', until: clock.now() + 8000 }, clock.now());
  assert.equal(await storage.tasks.cancel(task.id, clock.now(), []), 'requested');
  clock.advance(9000);
  let runs = 0;
  world.startWorker(async () => {
    runs += 1;
    return { done: undefined };
  });
  await until(() => finished(world, task.id));
  assert.equal((await world.task(task.id)).status, 'cancelled');
  assert.equal(runs, 0);
});

rule('an attempt that passes its time limit is aborted and counts as failed', async (world) => {
  const task = await world.insert({ timeLimitMs: 40 });
  let reason: unknown;
  world.startWorker(async ({ signal }) => {
    await aborted(signal);
    reason = signal.reason;
    return { release: { until: 0 } };
  });
  await until(async () => (await world.task(task.id)).status === 'retrying');
  const stored = await world.task(task.id);
  assert.equal(reason, 'time-limit' satisfies AbortReason);
  assert.equal(stored.error?.code, 'time-limit');
  assert.equal(stored.attempts, 1, 'what a handler says after the abort does not give the attempt back');
});

rule(
  'a handler that ignores the abort is left alone: its slot is free, and what it writes later is refused',
  async (world) => {
    const stuck = await world.insert({ timeLimitMs: 30, priority: 0 });
    const gate = Promise.withResolvers<void>();
    const late = Promise.withResolvers<unknown>();
    world.startWorker(
      async ({ task, lease }) => {
        if (task.id !== stuck.id) return { done: undefined };
        await gate.promise;
        late.resolve(await world.storage.commit({ change: { op: 'none' }, cause: { taskId: task.id, lease } }));
        return { done: 'too late' };
      },
      { runner: { concurrency: { 'high-priority': 1, default: 1, batched: 1 } } },
    );
    await until(async () => (await world.task(stuck.id)).status === 'retrying');
    const other = await world.insert();
    await until(() => finished(world, other.id));
    gate.resolve();
    assert.deepEqual(await late.promise, { outcome: 'lease-lost' });
    await sleep(20);
    assert.equal((await world.task(stuck.id)).status, 'retrying');
    assert.equal((await world.task(stuck.id)).error?.code, 'time-limit');
  },
);

rule('heartbeats keep a task that runs for several leases', async (world) => {
  const task = await world.insert();
  let runs = 0;
  const long: Seal = async () => {
    runs += 1;
    await sleep(900);
    return { done: undefined };
  };
  const lease = { runner: { leaseMs: 250, heartbeatMs: 50 } };
  world.startWorker(long, lease);
  world.startWorker(long, lease);
  await until(() => finished(world, task.id));
  assert.equal(runs, 1);
  assert.equal((await world.task(task.id)).status, 'succeeded');
  assert.equal(counted(world, 'lost'), 0);
});

rule('progress travels with the heartbeat and never goes back', async (world) => {
  const task = await world.insert();
  const steps = [0.5, 0.2, Number.NaN, 0.75];
  const seen: number[] = [];
  let beats = 0;
  const extend: TaskStore['extend'] = async (...held) => {
    const told = await world.storage.tasks.extend(...held);
    beats += 1;
    return told;
  };
  world.startWorker(
    async ({ progress }) => {
      for (const step of steps) {
        progress(step);
        // The first may have been on its way.
        const enough = beats + 2;
        await until(() => beats >= enough);
        seen.push((await world.task(task.id)).progress);
      }
      progress(7);
      return { done: undefined };
    },
    { runner: { heartbeatMs: 10 }, storage: { tasks: { ...world.storage.tasks, extend } } },
  );
  await until(() => finished(world, task.id));
  assert.deepEqual(seen, [0.5, 0.5, 0.5, 0.75]);
});

rule('two workers on one store never run one task at once, and run each once', async (world) => {
  const made = await Promise.all(Array.from({ length: 200 }, () => world.insert()));
  const running = new Set<string>();
  const ran: string[] = [];
  const seal: Seal = async ({ task }) => {
    assert.ok(!running.has(task.id), 'the task runs already');
    running.add(task.id);
    await sleep(1);
    running.delete(task.id);
    ran.push(task.id);
    return { done: undefined };
  };
  const workers = [world.startWorker(seal), world.startWorker(seal)];
  // Both are told of everything, several times.
  for (const { queue } of [...workers, ...workers]) {
    queue.offer(made.map(({ id }) => ({ id, attempts: 0, queue: 'default', priority: 4 })));
  }
  await until(() => ran.length >= 200);
  await until(() => workers.every(({ runner }) => runner.running() === 0));
  assert.equal(new Set(ran).size, 200);
  assert.equal(ran.length, 200);
  assert.equal(counted(world, 'succeeded'), 200);
});

rule('stopping waits for what runs, hands the rest back with its attempt, and claims nothing more', async (world) => {
  const quick = await world.insert({ priority: 0 });
  const slow = await world.insert({ priority: 1 });
  const never = await world.insert({ priority: 2 });
  const two = { 'high-priority': 1, default: 2, batched: 1 };
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const { runner, reconciler } = world.startWorker(
    async ({ task, signal }) => {
      begun += 1;
      await (task.id === quick.id ? gate.promise : aborted(signal));
      return task.id === quick.id ? { done: undefined } : { retryAt: 0, error: { code: 'x', detail: '' } };
    },
    { runner: { concurrency: two } },
  );
  // Not `running`: that counts a claim on its way too, and a stop hands back what it gets then.
  await until(() => begun === 2);
  const stopping = runner.stop(400);
  gate.resolve();
  assert.deepEqual(await stopping, { finished: 1, handedBack: 1, lost: 0 });
  await reconciler.stop();
  assert.equal((await world.task(quick.id)).status, 'succeeded');
  for (const { id } of [slow, never]) {
    const waiting = await world.task(id);
    assert.ok(waiting.status === 'retrying' || waiting.status === 'pending');
    assert.equal(waiting.attempts, 0);
    assert.ok(waiting.runAt <= world.clock.now(), 'due now');
  }
  assert.equal((await world.task(never.id)).startedAt, undefined, 'never claimed');
  world.startWorker(async () => ({ done: undefined }));
  await until(async () => (await finished(world, slow.id)) && (await finished(world, never.id)));
});

rule('an offer that a queue brings after the stop is not claimed', async (world) => {
  const task = await world.insert();
  const queue = createMemoryQueue();
  let work: ((offer: Offer) => Promise<void>) | undefined;
  const consume: TaskQueue['consume'] = (_queue, _concurrency, given) => {
    work = given;
  };
  const { runner } = world.startWorker(async () => ({ done: undefined }), {
    runner: { queue: { ...queue, consume } },
    reconciler: { queues: ['batched'] },
  });
  await runner.stop(0);
  await work!({ id: task.id, attempts: 0, queue: 'default', priority: 4 });
  assert.equal((await world.task(task.id)).startedAt, undefined);
});

rule('any number of shutdowns does not spend the attempts of a task', async (world) => {
  const task = await world.insert();
  for (let deployment = 0; deployment < 6; deployment++) {
    const { runner, reconciler } = world.startWorker(async ({ signal }) => {
      await aborted(signal);
      throw new Error('interrupted');
    });
    await until(() => runner.running() === 1);
    assert.deepEqual(await runner.stop(0), { finished: 0, handedBack: 1, lost: 0 });
    await reconciler.stop();
  }
  world.startWorker(async () => ({ done: undefined }));
  await until(() => finished(world, task.id));
  assert.equal((await world.task(task.id)).status, 'succeeded');
});

rule('a handler that ignores the shutdown does not hold it up, and its task goes back too', async (world) => {
  const task = await world.insert();
  const { runner } = world.startWorker(() => new Promise(() => {}));
  await until(() => runner.running() === 1);
  const startedAt = performance.now();
  assert.deepEqual(await runner.stop(20), { finished: 0, handedBack: 1, lost: 0 });
  assert.ok(performance.now() - startedAt < 1000);
  assert.equal((await world.task(task.id)).attempts, 0);
});

rule('a settlement that the store could not take is tried again while the lease lasts', async (world) => {
  const task = await world.insert();
  let refusals = 0;
  const commit: Storage['commit'] = async (commit) => {
    if (commit.change.op === 'settle' && refusals < 2) {
      refusals += 1;
      throw new AppError('storage-unavailable');
    }
    return world.storage.commit(commit);
  };
  let runs = 0;
  world.startWorker(
    async () => {
      runs += 1;
      return { done: undefined };
    },
    { storage: { commit } },
  );
  await until(() => finished(world, task.id));
  assert.equal(refusals, 2);
  assert.equal(runs, 1);
  assert.equal((await world.task(task.id)).status, 'succeeded');
});

rule('a settlement that happened although it was rejected counts as what it was', async (world) => {
  const task = await world.insert();
  let first = true;
  const commit: Storage['commit'] = async (commit) => {
    const committed = await world.storage.commit(commit);
    if (commit.change.op === 'settle' && first) {
      first = false;
      throw new AppError('storage-unavailable', { detail: 'the answer was lost' });
    }
    return committed;
  };
  world.startWorker(async () => ({ done: undefined }), { storage: { commit } });
  await until(() => counted(world, 'succeeded') === 1);
  assert.equal((await world.task(task.id)).status, 'succeeded');
  assert.equal(counted(world, 'lost'), 0);
});

rule('a task that could not be settled while its lease lasted is let go, and runs again later', async (world) => {
  const task = await world.insert();
  let away = true;
  const commit: Storage['commit'] = async (commit) => {
    if (away) throw new AppError('storage-unavailable');
    return world.storage.commit(commit);
  };
  let runs = 0;
  const { runner } = world.startWorker(
    async () => {
      runs += 1;
      return { done: undefined };
    },
    { storage: { commit }, runner: { leaseMs: 300, heartbeatMs: 50 } },
  );
  await until(() => counted(world, 'lost') === 1);
  away = false;
  await until(() => finished(world, task.id));
  await until(() => runner.running() === 0);
  assert.ok(runs >= 2);
  assert.equal((await world.task(task.id)).status, 'succeeded');
});
