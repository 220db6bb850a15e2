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

async function succeed(world: TaskWorld, id: string, iso: string): Promise<void> {
  const now = Date.parse(iso);
  await world.storage.tasks.claim(id, { token: 'lse_1', until: now + 8000 }, now);
  const settlement = { status: 'succeeded' } as const;
  await world.storage.commit({ change: { op: 'settle', id, lease: 'lse_1', settlement, now } });
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

rule('the latest tick is inserted at the first start too', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [nightly]);
  assert.deepEqual(await ids(world), [nightlyAt('2026-11-10T01:30:00.000Z')]);
});

rule('who runs by day only makes up every night, also after the hour of the schedule was changed', async (world, t) => {
  const earlier: Schedule = { ...nightly, cron: '15 1 * * *' };
  for (const date of ['2026-11-10', '2026-11-11']) await visit(world, t, `${date}T08:30:00Z`, [nightly]);
  await visit(world, t, '2026-11-12T08:30:00Z', [earlier]);
  assert.deepEqual(
    await ids(world),
    ['2026-11-10T01:30:00Z', '2026-11-11T01:30:00Z', '2026-11-12T00:15:00Z'].map(nightlyAt),
  );
});

rule('after a downtime the latest missed tick is made up once, whoever starts', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [nightly]);
  for (let process = 0; process < 3; process++) await visit(world, t, '2026-11-14T09:00:00Z', [nightly]);
  assert.deepEqual(await ids(world), [nightlyAt('2026-11-10T01:30:00.000Z'), nightlyAt('2026-11-14T01:30:00.000Z')]);
});

rule(
  'a restart repeats no tick although finished tasks were pruned as early as the settings allow',
  async (world, t) => {
    // The longest pause: from the night in which the clocks go back to a minute before the next one.
    const last = nightlyAt('2026-10-25T00:30:00Z');
    await visit(world, t, '2026-10-25T00:30:00Z', [nightly]);
    await succeed(world, last, '2026-10-25T00:30:00Z');
    const [, least = ''] = /(\w+) to/.exec(settings.taskRetentionMs.format)!;
    await world.storage.tasks.prune(Date.parse('2026-10-26T01:29:00Z') - parseDuration(least)!, 10);
    await visit(world, t, '2026-10-26T01:29:00Z', [nightly]);
    assert.deepEqual(
      (await tasks(world)).map(({ id, status }) => [id, status]),
      [[last, 'succeeded']],
    );
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

rule('a tick that ran in a wrong future runs again when it comes, once, whoever is there then', async (world, t) => {
  const [before, tick] = [nightlyAt('2026-11-10T01:30:00Z'), nightlyAt('2026-11-11T01:30:00Z')];
  const again = nightlyAt('2026-11-11T01:30:00.001Z');
  await visit(world, t, '2026-11-10T12:00:00Z', [nightly]);
  await succeed(world, before, '2026-11-10T12:00:00Z');
  await visit(world, t, '2026-11-11T03:00:00Z', [nightly]);
  await succeed(world, tick, '2026-11-11T03:00:00Z');
  // The clock is set back by a day; two processes see the night come.
  const clocks = [standingClock('2026-11-10T03:00:00Z'), standingClock('2026-11-10T05:00:00Z')];
  const seen = Promise.withResolvers<void>();
  let looks = 0;
  const get: Storage['tasks']['get'] = async (id) => {
    if (id === again) looks += 1;
    if (looks === clocks.length) seen.resolve();
    return world.storage.tasks.get(id);
  };
  const loops = clocks.map((clock) =>
    scheduler(world, t, clock, [nightly], { storage: { tasks: { ...world.storage.tasks, get } } }),
  );
  for (const loop of loops) loop.start();
  await seen.promise;
  assert.deepEqual(await ids(world), [before, tick]);
  await Promise.all(loops.map((loop) => loop.stop()));
  for (const clock of clocks) clock.set('2026-11-11T01:30:00Z');
  for (const loop of loops) loop.start();
  await until(async () => (await ids(world)).length === 3);
  assert.deepEqual((await ids(world)).toSorted(), [before, tick, again].toSorted());
  const made = (await tasks(world)).find(({ id }) => id === again)!;
  assert.equal(made.status, 'pending');
  // Who has not seen it coming adds nothing.
  await visit(world, t, '2026-11-11T02:00:00Z', [nightly]);
  assert.equal((await ids(world)).length, 3);
});

rule('a task that another host has run a little before its tick stands for it', async (world, t) => {
  await visit(world, t, '2026-11-10T12:00:00Z', [nightly]);
  await visit(world, t, '2026-11-11T01:30:00Z', [nightly]);
  await succeed(world, nightlyAt('2026-11-11T01:30:00Z'), '2026-11-11T01:30:00Z');
  const behind = standingClock('2026-11-11T01:29:00Z');
  const loop = scheduler(world, t, behind, [nightly]);
  loop.start();
  await loop.stop();
  behind.set('2026-11-11T01:30:00Z');
  loop.start();
  await loop.stop();
  assert.equal((await ids(world)).length, 2);
});

rule(
  'a daily schedule comes once on the day that lacks its time and once on the day that has it twice',
  async (world, t) => {
    // Vienna 2026: 02:30 does not exist on 29 March and comes twice on 25 October.
    for (const hour of ['00:59:59', '01:00:00', '01:30:00', '02:30:00']) {
      await visit(world, t, `2026-03-29T${hour}Z`, [nightly]);
    }
    for (const hour of ['00:29:59', '00:30:00', '01:30:00', '02:30:00']) {
      await visit(world, t, `2026-10-25T${hour}Z`, [nightly]);
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
  scheduler(world, t, standingClock('2026-11-10T12:00:00Z'), [nightly], {
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
