import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { AppError } from '#domain/errors.ts';
import { registerTaskGauges } from '#jobs/gauges.ts';
import { createReconciler } from '#jobs/reconciler.ts';
import type { Handler } from '#jobs/registry.ts';
import type { TaskStore } from '#ports/storage.ts';
import type { Offer, TaskQueue } from '#ports/task-queue.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { openTaskWorld, sleep, type TaskWorld, until } from '../support/task-world.ts';

const rule = (title: string, check: (world: TaskWorld, t: TestContext) => Promise<void>) =>
  test(title, { timeout: 20_000 }, async (t) => check(await openTaskWorld(t), t));

const done: Handler<'seal-audit'> = async () => ({ done: undefined });
const status = async (world: TaskWorld, id: string) => (await world.task(id)).status;

/** A queue that also tells what it was offered. */
function watched(queue: TaskQueue): { queue: TaskQueue; offers: Offer[] } {
  const offers: Offer[] = [];
  const offer = (made: Offer[]) => {
    offers.push(...made);
    queue.offer(made);
  };
  return { queue: { ...queue, offer }, offers };
}

rule('a due task that nobody was told of is found and runs', async (world) => {
  const task = await world.insert();
  world.startWorker(done);
  await until(async () => (await status(world, task.id)) === 'succeeded');
  assert.ok((world.metrics.counts.get('formstead_tasks_reoffered_total{queue=default}') ?? 0) >= 1);
});

rule('the task of a worker that fell silent runs again once its lease has run out', async (world) => {
  const task = await world.insert();
  world.startWorker(() => new Promise(() => {}), { runner: { heartbeatMs: 3_600_000 } });
  await until(async () => (await status(world, task.id)) === 'running');
  const next = world.startWorker(done);
  await sleep(80);
  assert.equal(next.runner.running(), 0, 'not while the lease lasts');
  world.clock.advance(8001);
  await until(async () => (await status(world, task.id)) === 'succeeded');
  assert.equal((await world.task(task.id)).attempts, 2);
});

rule('a task that crashes its worker at every attempt ends in the dead letters', async (world) => {
  world.wanted.add('task.failed');
  const task = await world.insert({ queue: 'default' });
  let attempts = 0;
  for (let i = 0; i < task.maxAttempts; i++) {
    const { reconciler } = world.startWorker(
      () => {
        attempts += 1;
        return new Promise(() => {});
      },
      { runner: { heartbeatMs: 3_600_000 } },
    );
    await until(() => attempts === i + 1);
    await reconciler.stop();
    world.clock.advance(8001);
  }
  let runs = 0;
  const survivor = world.startWorker(async () => {
    runs += 1;
    return { done: undefined };
  });
  await until(async () => (await status(world, task.id)) === 'failed');
  await survivor.reconciler.stop();
  assert.equal(attempts, 4);
  assert.equal(runs, 0, 'it must not run a fifth time');
  assert.equal((await world.task(task.id)).error?.code, 'lease-expired');
  assert.equal(world.metrics.counts.get('formstead_dead_letters_total{kind=seal-audit}'), 1);
  const events = (await world.storage.list('event', { limit: 10 })).items;
  assert.deepEqual(
    events.map(({ doc }) => doc.type),
    ['task.failed'],
  );
});

rule('two reconcilers bury a task once', async (world) => {
  world.wanted.add('task.failed');
  const task = await world.insert({ maxAttempts: 1 });
  await world.storage.tasks.claim(task.id, { token: 'lse_dead', until: world.clock.now() + 10 }, world.clock.now());
  world.clock.advance(1000);
  const workers = [world.startWorker(done), world.startWorker(done)];
  await until(async () => (await status(world, task.id)) === 'failed');
  await sleep(60);
  for (const { reconciler } of workers) await reconciler.stop();
  assert.equal(world.metrics.counts.get('formstead_dead_letters_total{kind=seal-audit}'), 1);
  assert.equal((await world.storage.list('event', { limit: 10 })).items.length, 1);
});

rule('of a long backlog the queue holds a window, and all of it runs', async (world) => {
  const made = await Promise.all(Array.from({ length: 150 }, () => world.insert()));
  const queue = createMemoryQueue();
  let most = 0;
  const ran = new Set<string>();
  world.startWorker(
    async ({ task }) => {
      most = Math.max(most, (await queue.depths()).find((row) => row.queue === 'default')!.waiting);
      ran.add(task.id);
      return { done: undefined };
    },
    { runner: { queue }, reconciler: { queue, window: 20, refillMs: 5, pollMs: 60_000 } },
  );
  await until(() => ran.size === made.length);
  assert.ok(most > 0 && most <= 40, `${most} waited, with a window of 20 and at most one refill on top of a half`);
});

rule(
  'a task that falls due is offered although half a window of others waits, and those are not offered again',
  async (world) => {
    const { queue, offers } = watched(createMemoryQueue());
    queue.pause();
    const waiting = await Promise.all(Array.from({ length: 15 }, () => world.insert()));
    world.startWorker(done, { runner: { queue }, reconciler: { queue, window: 20, reofferMs: 3_600_000 } });
    await until(() => offers.length >= waiting.length);
    const urgent = await world.insert({ priority: 0, runAt: world.clock.now() + 50 });
    await until(() => offers.some(({ id }) => id === urgent.id));
    const later = await world.insert({ priority: 0, runAt: world.clock.now() + 50 });
    await until(() => offers.some(({ id }) => id === later.id));
    assert.deepEqual(offers.map(({ id }) => id).sort(), [...waiting, urgent, later].map(({ id }) => id).sort());
  },
);

rule('a task that waits in the queue is not offered at every pass, but again when it was lost', async (world) => {
  const task = await world.insert();
  const { queue, offers } = watched(createMemoryQueue());
  queue.pause();
  // Something else waits as well, so that the queue does not look empty.
  queue.offer([{ id: 'tsk_other', attempts: 0, queue: 'default', priority: 9 }]);
  offers.length = 0;
  let looks = 0;
  const due: TaskStore['due'] = (...query) => {
    looks += 1;
    return world.storage.tasks.due(...query);
  };
  const offering = (reofferMs: number) => {
    const deps = { ...world, storage: { ...world.storage, tasks: { ...world.storage.tasks, due } } };
    const reconciler = createReconciler({
      ...deps,
      queue,
      queues: ['default'],
      wantsEvent: async () => false,
      pollMs: 5,
      reofferMs,
    });
    reconciler.start();
    return reconciler;
  };
  const patient = offering(3_600_000);
  await until(() => looks >= 5);
  await patient.stop();
  assert.equal(offers.length, 1);
  const anxious = offering(20);
  await until(() => offers.length >= 3);
  await anxious.stop();
  assert.deepEqual([...new Set(offers.map(({ id }) => id))], [task.id]);
});

rule('when the queue has forgotten everything, the next pass offers all of it again', async (world) => {
  const tasks = [await world.insert(), await world.insert(), await world.insert()];
  const queue = createMemoryQueue();
  let dropped = 0;
  const forgetful: TaskQueue = {
    ...queue,
    offer(offers) {
      if (dropped >= 3) return queue.offer(offers);
      dropped += offers.length;
    },
  };
  world.startWorker(done, { runner: { queue: forgetful }, reconciler: { queue: forgetful, reofferMs: 3_600_000 } });
  for (const { id } of tasks) await until(async () => (await status(world, id)) === 'succeeded');
  assert.equal(dropped, 3);
});

rule('it wakes when the next task falls due, without waiting for its poll', async (world) => {
  const task = await world.insert({ runAt: world.clock.now() + 300 });
  world.startWorker(done, { reconciler: { pollMs: 3_600_000 } });
  await until(async () => (await status(world, task.id)) === 'succeeded');
  const { startedAt, runAt } = await world.task(task.id);
  assert.ok(startedAt! >= runAt, 'not before it is due');
});

rule('a nudge makes it look at once', async (world) => {
  let passes = 0;
  const nextDue: TaskStore['nextDue'] = async (now) => {
    const found = await world.storage.tasks.nextDue(now);
    passes += 1;
    return found;
  };
  const storage = { tasks: { ...world.storage.tasks, nextDue } };
  const { reconciler } = world.startWorker(done, { storage, reconciler: { pollMs: 3_600_000 } });
  await until(() => passes === 1);
  const task = await world.insert();
  await sleep(60);
  assert.equal(await status(world, task.id), 'pending');
  reconciler.nudge();
  await until(async () => (await status(world, task.id)) === 'succeeded');
});

rule('it outlives a store that is away, and asks it less and less often', async (world) => {
  const task = await world.insert();
  const asked: number[] = [];
  const due: TaskStore['due'] = async (...query) => {
    asked.push(performance.now());
    if (asked.length <= 5) throw new AppError('storage-unavailable');
    return world.storage.tasks.due(...query);
  };
  world.startWorker(done, { storage: { tasks: { ...world.storage.tasks, due } }, reconciler: { pollMs: 10 } });
  await until(async () => (await status(world, task.id)) === 'succeeded');
  const pauses = asked.slice(1, 6).map((at, i) => at - asked[i]!);
  const meant = world.log.lines
    .filter((line) => line.message === 'reconciler pass failed')
    .map((line) => line.fields.retryMs as number);
  assert.equal(meant.length, 5);
  assert.ok(meant[4]! > meant[0]! * 4, `pauses of ${meant} ms`);
  // A timer may come late on a busy machine, and a millisecond early.
  for (const [i, pause] of pauses.entries()) assert.ok(pause >= meant[i]! - 1, `${pause} ms instead of ${meant[i]}`);
});

rule('one pass runs at a time, and stopping waits for it', async (world) => {
  let passes = 0;
  let running = 0;
  let most = 0;
  const due: TaskStore['due'] = async (...query) => {
    most = Math.max(most, ++running);
    passes += 1;
    await sleep(15);
    running -= 1;
    return world.storage.tasks.due(...query);
  };
  const { reconciler } = world.startWorker(done, {
    storage: { tasks: { ...world.storage.tasks, due } },
    reconciler: { pollMs: 3_600_000 },
  });
  for (let i = 0; i < 100; i++) {
    reconciler.nudge();
    await sleep(1);
  }
  await reconciler.stop();
  assert.equal(most, 1);
  assert.equal(running, 0);
  assert.ok(passes >= 2 && passes < 50, `${passes} passes for 100 nudges`);
  const before = passes;
  reconciler.nudge();
  await sleep(40);
  assert.equal(passes, before, 'stopped is stopped');
});

rule('the gauges tell what the store holds', async (world) => {
  registerTaskGauges({ tasks: world.storage.tasks, clock: world.clock, metrics: world.metrics });
  await world.insert();
  await world.insert({ runAt: world.clock.now() + 3_600_000 });
  const dead = await world.insert();
  const lease = { token: 'lse_1', until: world.clock.now() + 1000 };
  await world.storage.tasks.claim(dead.id, lease, world.clock.now());
  const settlement = { status: 'failed', error: { code: 'x', detail: '' } } as const;
  const change = { op: 'settle', id: dead.id, lease: 'lse_1', settlement, now: world.clock.now() } as const;
  await world.storage.commit({ change });
  world.clock.advance(5000);
  const read = async (key: string) => world.metrics.gauges.get(key)!();
  assert.equal(await read('formstead_queue_depth{queue=default,state=pending}'), 2);
  assert.equal(await read('formstead_queue_depth{queue=default,state=running}'), 0);
  assert.equal(await read('formstead_dead_letters{}'), 1);
  const oldest = await read('formstead_queue_oldest_seconds{queue=default}');
  assert.ok(oldest! >= 5 && oldest! < 15, `${oldest} s`);
  assert.equal(await read('formstead_queue_oldest_seconds{queue=batched}'), 0);
});

rule(
  'tasks that a clock which was ahead has put off are due once it is set right; others keep their time',
  async (world) => {
    const now = world.clock.now();
    const tomorrow = await world.insert({ runAt: now + 29 * 3_600_000 });
    const putOff = await world.insert({ runAt: now + 10 * 86_400_000 });
    world.startWorker(done);
    await until(async () => (await status(world, putOff.id)) === 'succeeded');
    assert.equal((await world.task(tomorrow.id)).runAt, tomorrow.runAt);
    assert.deepEqual(
      world.log.lines.flatMap(({ level, fields }) => (level === 'warn' ? [fields] : [])),
      [{ tasks: 1 }],
    );
  },
);
