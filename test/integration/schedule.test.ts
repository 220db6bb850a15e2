import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { settings } from '#config.ts';
import { parseDuration } from '#domain/config/units.ts';
import { AppError } from '#domain/errors.ts';
import type { Task } from '#domain/task.ts';
import { createScheduler, type Schedule, tickTaskId } from '#jobs/schedule.ts';
import type { Storage } from '#ports/storage.ts';
import type { Offer } from '#ports/task-queue.ts';
import { openTaskWorld, type TaskWorld, until } from '../support/task-world.ts';

const rule = (title: string, check: (world: TaskWorld, t: TestContext) => Promise<void>) =>
  test(title, { timeout: 20_000 }, async (t) => check(await openTaskWorld(t), t));

const day = 86_400_000;
const nightly: Schedule = { name: 'nightly', kind: 'prune', cron: '30 2 * * *', zone: 'Europe/Vienna' };

/** A clock that stands still until it is set. */
function standingClock(iso: string) {
  let time = Date.parse(iso);
  return {
    now: () => time,
    set(next: string) {
      time = Date.parse(next);
    },
  };
}

function scheduler(
  world: TaskWorld,
  t: TestContext,
  clock: { now(): number },
  schedules: Schedule[],
  more: { storage?: Partial<Storage>; offer?: (offers: Offer[]) => void } = {},
) {
  const storage = { ...world.storage, ...more.storage };
  const made = createScheduler({ storage, schedules, clock, ids: world.ids, log: world.log, offer: more.offer });
  t.after(() => made.stop());
  return made;
}

const tasks = async (world: TaskWorld): Promise<Task[]> =>
  (await world.storage.tasks.list({ limit: 100 })).items.toSorted((a, b) => a.runAt - b.runAt);
const ids = async (world: TaskWorld) => (await tasks(world)).map(({ id }) => id);

/** What one process that is started at `iso` and stopped again leaves behind. */
async function visit(world: TaskWorld, t: TestContext, iso: string, schedules: Schedule[]): Promise<void> {
  const visiting = scheduler(world, t, standingClock(iso), schedules);
  visiting.start();
  // Waits for the round that runs.
  await visiting.stop();
}

const nightlyAt = (tick: string): string => tickTaskId('nightly', Date.parse(tick));

rule('at its tick a schedule inserts a task with the tick in id and payload, and offers it', async (world, t) => {
  const offers: Offer[] = [];
  const every: Schedule = { name: 'seal', kind: 'seal-audit', everyMs: 150 };
  scheduler(world, t, world.clock, [every], { offer: (made) => void offers.push(...made) }).start();
  await until(async () => (await tasks(world)).length >= 3);
  for (const task of await tasks(world)) {
    assert.equal(task.kind, 'seal-audit');
    assert.equal(task.runAt % 150, 0);
    assert.equal(task.id, tickTaskId('seal', task.runAt));
    assert.deepEqual(task.payload, { tick: task.runAt });
    assert.ok(task.createdAt >= task.runAt, 'not before its tick');
    assert.ok(offers.some(({ id }) => id === task.id));
  }
});

rule('a schedule that has never run waits for its first tick', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [nightly]);
  assert.deepEqual(await ids(world), []);
});

rule('with makeUp the latest tick is inserted at the first start too', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [{ ...nightly, makeUp: true }]);
  assert.deepEqual(await ids(world), [nightlyAt('2026-11-10T01:30:00.000Z')]);
});

rule('after a downtime the latest missed tick is made up once, whoever starts', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [{ ...nightly, makeUp: true }]);
  for (let process = 0; process < 3; process++) await visit(world, t, '2026-11-14T09:00:00Z', [nightly]);
  assert.deepEqual(await ids(world), [nightlyAt('2026-11-10T01:30:00.000Z'), nightlyAt('2026-11-14T01:30:00.000Z')]);
});

rule(
  'a missed tick is made up although finished tasks were pruned as early as the settings allow',
  async (world, t) => {
    await visit(world, t, '2026-10-24T12:00:00Z', [{ ...nightly, makeUp: true }]);
    const first = nightlyAt('2026-10-24T00:30:00.000Z');
    assert.deepEqual(await ids(world), [first]);
    const ranAt = Date.parse('2026-10-24T00:30:00Z');
    await world.storage.tasks.claim(first, { token: 'lse_1', until: ranAt + 8000 }, ranAt);
    const settlement = { status: 'succeeded' } as const;
    await world.storage.commit({ change: { op: 'settle', id: first, lease: 'lse_1', settlement, now: ranAt } });
    // Until a minute before the next tick, in the night in which the clocks go back.
    const stoppedAt = Date.parse('2026-10-25T01:29:00Z');
    const [, least = ''] = /(\w+) to/.exec(settings.taskRetentionMs.format)!;
    await world.storage.tasks.prune(stoppedAt - parseDuration(least)!, 10);
    await visit(world, t, '2026-11-14T09:00:00Z', [nightly]);
    assert.deepEqual(await ids(world), [first, nightlyAt('2026-11-14T01:30:00.000Z')]);
  },
);

rule('two processes make one task of one tick', async (world, t) => {
  const every: Schedule = { name: 'seal', kind: 'seal-audit', everyMs: 120 };
  for (let process = 0; process < 2; process++) scheduler(world, t, world.clock, [every]).start();
  await until(async () => (await tasks(world)).length >= 4);
  const ticks = (await tasks(world)).map(({ runAt }) => runAt);
  assert.equal(new Set(ticks).size, ticks.length);
});

rule('a clock that leaps over several ticks makes up the latest only', async (world, t) => {
  const every: Schedule = { name: 'seal', kind: 'seal-audit', everyMs: 300 };
  scheduler(world, t, world.clock, [every]).start();
  await until(async () => (await tasks(world)).length >= 1);
  world.clock.advance(30 * day);
  await until(async () => (await tasks(world)).length >= 2);
  const [first, second] = await tasks(world);
  assert.ok(second!.runAt - first!.runAt >= 30 * day - 300);
});

rule('a clock that was set back from a wrong future goes on at once', async (world, t) => {
  const every: Schedule = { name: 'seal', kind: 'seal-audit', everyMs: 200 };
  world.clock.advance(365 * day);
  scheduler(world, t, world.clock, [every]).start();
  await until(async () => (await tasks(world)).length >= 1);
  world.clock.advance(-365 * day);
  await until(async () => (await tasks(world)).some(({ runAt }) => Math.abs(runAt - Date.now()) < 10_000));
});

rule(
  'a daily schedule comes once on the day that lacks its time and once on the day that has it twice',
  async (world, t) => {
    // Vienna 2026: 02:30 does not exist on 29 March and comes twice on 25 October.
    const always: Schedule = { ...nightly, makeUp: true };
    for (const hour of ['00:59:59', '01:00:00', '01:30:00', '02:30:00']) {
      await visit(world, t, `2026-03-29T${hour}Z`, [always]);
    }
    for (const hour of ['00:29:59', '00:30:00', '01:30:00', '02:30:00']) {
      await visit(world, t, `2026-10-25T${hour}Z`, [always]);
    }
    assert.deepEqual(await ids(world), [
      nightlyAt('2026-03-28T01:30:00.000Z'),
      nightlyAt('2026-03-29T01:00:00.000Z'),
      nightlyAt('2026-10-24T00:30:00.000Z'),
      nightlyAt('2026-10-25T00:30:00.000Z'),
    ]);
  },
);

rule('an insert that fails is tried again', async (world, t) => {
  let failures = 0;
  const commit: Storage['commit'] = async (commit) => {
    if (failures < 1) {
      failures += 1;
      throw new AppError('storage-unavailable');
    }
    return world.storage.commit(commit);
  };
  scheduler(world, t, standingClock('2026-11-10T12:00:00Z'), [{ ...nightly, makeUp: true }], {
    storage: { commit },
  }).start();
  await until(async () => (await tasks(world)).length === 1);
  assert.equal(failures, 1);
  assert.deepEqual(
    world.log.lines.map(({ level }) => level),
    ['warn'],
  );
});

rule('a zone or an expression that is not valid is refused when the scheduler is made', async (world, t) => {
  const clock = standingClock('2026-11-10T12:00:00Z');
  assert.throws(() => scheduler(world, t, clock, [{ ...nightly, zone: 'Mars/Olympus' }]), /Mars\/Olympus/);
  assert.throws(() => scheduler(world, t, clock, [{ ...nightly, cron: '99 * * * *' }]));
  assert.throws(() => scheduler(world, t, clock, [{ name: 'x', kind: 'prune', everyMs: 0 }]), RangeError);
});
