import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answered, openDeliveryWorld } from '../support/delivery-world.ts';
import { until } from '../support/task-world.ts';

test('five failures open the breaker of an endpoint; the rest wait without an attempt, across a restart, and all are delivered once it is back', {
  timeout: 30_000,
}, async (t) => {
  let up = false;
  const world = await openDeliveryWorld(t, () => answered(up ? 204 : 503));
  const id = await world.endpoint();
  const phase = async () => (await world.storage.get('breaker', id))?.doc.state.phase;
  const waiting = async () => {
    const untried = new Set((await world.deliveries()).filter(({ attempts }) => attempts === 0).map((each) => each.id));
    const tasks = (await world.tasks()).filter(
      ({ kind, payload }) =>
        kind === 'deliver-webhook' && untried.has((payload as { delivery_id: string }).delivery_id),
    );
    for (const { status, attempts } of tasks) assert.deepEqual([status, attempts], ['retrying', 0]);
    return tasks.length;
  };
  await world.happen(8);
  world.work();
  await world.settled();
  assert.deepEqual([world.sent.length, await phase(), await waiting()], [5, 'open', 3]);

  // The failed ones are due again after 5 s, and wait like the others.
  world.advance(10_000);
  await world.settled();
  assert.equal(world.sent.length, 5);
  await world.restart();
  await world.settled();
  world.advance(15_000);
  await world.settled();
  assert.deepEqual([world.sent.length, await phase(), await waiting()], [5, 'open', 3]);

  // After 30 s one of them tries; it fails, and all wait twice as long.
  world.advance(5_000);
  await world.settled();
  assert.deepEqual([world.sent.length, await phase()], [6, 'open']);
  world.advance(59_000);
  await world.settled();
  assert.equal(world.sent.length, 6);
  const untried = await waiting();

  up = true;
  world.advance(1_000);
  await world.settled();
  assert.equal(await phase(), 'closed');
  const deliveries = await world.deliveries();
  assert.deepEqual([...new Set(deliveries.map(({ status }) => status))], ['delivered']);
  assert.deepEqual([deliveries.length, world.sent.length], [8, 6 + 8]);
  assert.equal(deliveries.filter(({ attempts }) => attempts === 1).length, untried);
  assert.ok((await world.tasks()).every(({ status }) => status === 'succeeded'));
});

test('a delivery that waits for its next attempt while the clock is ahead goes on once it is set right', {
  timeout: 30_000,
}, async (t) => {
  let up = false;
  const world = await openDeliveryWorld(t, () => answered(up ? 204 : 503));
  await world.endpoint();
  world.advance(10 * 86_400_000);
  await world.happen(1);
  world.work();
  await world.settled();
  assert.equal(world.sent.length, 1);

  world.advance(-10 * 86_400_000);
  up = true;
  await world.restart();
  await until(async () => (await world.deliveries()).every(({ status }) => status === 'delivered'));
  assert.equal(world.sent.length, 2);
});
