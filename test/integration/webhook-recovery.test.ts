import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announce, fanOutTaskId } from '#domain/consequences.ts';
import type { AppError } from '#domain/errors.ts';
import type { SendOutcome } from '#domain/webhook/outcome.ts';
import { anEntry } from '../contract/storage/documents.ts';
import { answered, caller, openDeliveryWorld } from '../support/delivery-world.ts';

type World = Awaited<ReturnType<typeof openDeliveryWorld>>;

const limit = { timeout: 20_000 };
const code = (expected: string) => (err: AppError) => err.code === expected;

/** How many deliveries stand how, with the reason of those that were cancelled. */
async function standings(world: World): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status, cancelReason } of await world.deliveries()) {
    const standing = cancelReason === undefined ? status : `${status}: ${cancelReason}`;
    counts[standing] = (counts[standing] ?? 0) + 1;
  }
  return counts;
}

test(
  'after a 410 nothing is lost: what waited and what happened while the endpoint was disabled can be recovered',
  limit,
  async (t) => {
    let gone = true;
    const world = await openDeliveryWorld(t, () => answered(gone ? 410 : 204));
    const id = await world.endpoint();
    const since = world.clock.now();
    await world.happen(3);
    world.work();
    await world.settled();
    assert.deepEqual(await standings(world), { failed: 1, 'cancelled: endpoint-disabled': 2 });
    assert.equal(await world.endpoints.wants('response.accepted'), true, 'events are kept for it');
    world.advance(86_400_000);
    await world.happen(2);
    await world.settled();
    assert.deepEqual(await standings(world), { failed: 1, 'cancelled: endpoint-disabled': 4 });
    assert.equal(world.sent.length, 1);
    assert.equal(world.metrics.counts.get('formstead_deliveries_total{outcome=cancelled}'), 4);
    await assert.rejects(world.delivery.recover(caller, id, since), code('conflict'));

    gone = false;
    await world.endpoints.update(caller, id, { status: 'active' });
    assert.equal(await world.delivery.recover(caller, id, since), 5);
    await world.settled();
    assert.deepEqual(await standings(world), { delivered: 5 });
    assert.equal(new Set(world.sent).size, 5);
    assert.equal(await world.delivery.recover(caller, id, since), 0);
  },
);

test(
  'an administrator who disables an endpoint and enables it again can recover what it missed, from a moment on',
  limit,
  async (t) => {
    let up = false;
    const world = await openDeliveryWorld(t, () => answered(up ? 204 : 500));
    const id = await world.endpoint();
    await world.happen(1);
    world.work();
    await world.settled();
    await world.endpoints.update(caller, id, { status: 'disabled' });
    world.advance(60_000);
    const since = world.clock.now();
    await world.happen(1);
    await world.settled();
    assert.deepEqual(await standings(world), { 'cancelled: endpoint-disabled': 2 });

    up = true;
    await world.endpoints.update(caller, id, { status: 'active' });
    assert.equal(await world.delivery.recover(caller, id, since), 1);
    await world.settled();
    assert.deepEqual(await standings(world), { delivered: 1, 'cancelled: endpoint-disabled': 1 });
    assert.equal(await world.delivery.recover(caller, id, 0), 1);
    await world.settled();
    assert.deepEqual(await standings(world), { delivered: 2 });
  },
);

test('an endpoint misses only what it asked for', limit, async (t) => {
  const world = await openDeliveryWorld(t, () => answered(204));
  const id = await world.endpoint();
  await world.endpoints.update(caller, id, { status: 'disabled', events: ['response.accepted'] });
  assert.equal(await world.endpoints.wants('export.ready'), false);
  await world.happen(1);
  world.work();
  await world.settled();
  assert.deepEqual(await standings(world), {});
});

test(
  'a recovery stops where the endpoint is disabled meanwhile, and what is left can be recovered later',
  limit,
  async (t) => {
    let meanwhile = async (): Promise<unknown> => undefined;
    const world = await openDeliveryWorld(
      t,
      () => answered(410),
      (storage) => ({
        ...storage,
        async list(kind, query) {
          const page = await storage.list(kind, query);
          if (kind === 'delivery') await meanwhile();
          return page;
        },
      }),
    );
    const id = await world.endpoint();
    await world.happen(3);
    world.work();
    await world.settled();
    const before = await standings(world);
    const change = (status: 'active' | 'disabled') => world.endpoints.update(caller, id, { status });
    await change('active');
    meanwhile = () => change('disabled');
    assert.equal(await world.delivery.recover(caller, id, 0), 0);
    assert.deepEqual(await standings(world), before);
    meanwhile = async () => undefined;
    await change('active');
    assert.equal(await world.delivery.recover(caller, id, 0), 3);
  },
);

test('what was cancelled by a person stays cancelled, and removing an endpoint cancels for good', limit, async (t) => {
  const world = await openDeliveryWorld(t, () => answered(500));
  const id = await world.endpoint();
  await world.happen(2);
  world.work();
  await world.settled();
  const [first] = await world.deliveries();
  await world.delivery.cancel(first!.id, anEntry());
  assert.equal(await world.delivery.recover(caller, id, 0), 0);
  await world.endpoints.remove(caller, id);
  world.advance(60_000);
  await world.settled();
  assert.deepEqual(await standings(world), { 'cancelled: by-request': 1, 'cancelled: endpoint-removed': 1 });
  await assert.rejects(world.delivery.recover(caller, id, 0), code('not-found'));
  await assert.rejects(world.delivery.redeliver(caller, first!.id), code('gone'));
});

test('a fan-out whose event is missing is a dead letter, and told of', limit, async (t) => {
  const world = await openDeliveryWorld(t, () => answered(204));
  await world.endpoint();
  const { tasks } = announce({ id: 'evt_missing', type: 'export.ready', at: world.clock.now(), data: {} });
  await world.storage.commit({ change: { op: 'none' }, tasks });
  world.work();
  await world.settled();
  const dead = await world.storage.tasks.get(fanOutTaskId('evt_missing'));
  assert.deepEqual([dead?.status, dead?.attempts, dead?.error?.code], ['failed', 1, 'event-missing']);
  const [told] = await world.deliveries();
  assert.deepEqual([told?.eventType, told?.status], ['task.failed', 'delivered']);
});

for (const { heard, outcome } of [
  { heard: '410', outcome: answered(410) },
  { heard: 'a failure', outcome: answered(500) },
])
  test(
    `a worker that hears ${heard} after it has lost its lease changes neither endpoint, breaker nor delivery`,
    limit,
    async (t) => {
      let during = async (): Promise<void> => {};
      const world = await openDeliveryWorld(t, async (): Promise<SendOutcome> => {
        await during();
        return outcome;
      });
      const id = await world.endpoint();
      await world.happen(1);
      const [fanOut] = await world.tasks();
      const eventId = (await world.storage.list('event', { limit: 1 })).items[0]!.doc.id;
      const claim = async (taskId: string, token: string) => {
        assert.ok(
          await world.storage.tasks.claim(taskId, { token, until: world.clock.now() + 8_000 }, world.clock.now()),
        );
        return { taskId, lease: token };
      };
      await world.delivery.fanOut(await claim(fanOut!.id, 'lse_0'), eventId);
      const task = (await world.tasks()).find(({ kind }) => kind === 'deliver-webhook')!;
      const [before] = await world.deliveries();
      const cause = await claim(task.id, 'lse_1');
      during = async () => {
        world.advance(8_000);
        await claim(task.id, 'lse_2');
      };
      const signal = new AbortController().signal;
      const attempt = { cause, deliveryId: before!.id, taskAttempt: 1, signal };
      assert.deepEqual(await world.delivery.deliver(attempt), { end: 'lease-lost' });
      assert.equal((await world.endpoints.get(id)).doc.status, 'active');
      assert.equal(await world.storage.get('breaker', id), undefined);
      assert.deepEqual(await world.deliveries(), [before]);

      // Nor does it take the turn of a probe.
      const state = { phase: 'open' as const, until: world.clock.now(), coolDownMs: 30_000 };
      await world.storage.commit({ change: { op: 'insert', kind: 'breaker', doc: { id, state } } });
      assert.deepEqual(await world.delivery.deliver(attempt), { end: 'lease-lost' });
      assert.deepEqual((await world.storage.get('breaker', id))?.doc.state, state);
      assert.equal(world.sent.length, 1);
    },
  );
