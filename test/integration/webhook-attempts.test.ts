import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createWebhookDelivery } from '#app/webhooks/delivery.ts';
import { deliveryTask, newDelivery } from '#domain/webhook/delivery.ts';
import type { Delivery } from '#domain/webhook/model.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { anEndpoint, anEvent } from '../contract/storage/documents.ts';

const now = 1_782_000_000_000;
const endpoint = anEndpoint({
  id: 'whe_1',
  events: [],
  formIds: [],
  schedule: 'task',
  status: 'active',
  createdAt: now,
  updatedAt: now,
});
const event = anEvent({
  id: 'evt_1',
  type: 'export.ready',
  formId: undefined,
  responseId: undefined,
  at: now,
  body: '{}',
});
const secret = `whsec_${Buffer.alloc(32).toString('base64')}`;

/** A store with one delivery, and attempts at it whose receiver says 204. `secretsOf` is called just before an attempt is sent. */
async function world(
  t: TestContext,
  given: { delivery?: Partial<Delivery>; secretsOf?: () => void; timeoutMs?: number },
) {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-attempts-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  t.after(async () => {
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const doc = { ...newDelivery(event, endpoint, now), ...given.delivery };
  const task = deliveryTask(doc, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'endpoint', doc: endpoint } });
  const also = [{ kind: 'delivery' as const, doc }];
  await storage.commit({ change: { op: 'insert', kind: 'event', doc: event }, also, tasks: [task] });
  const delivery = createWebhookDelivery({
    storage,
    endpoints: {
      secretsOf() {
        given.secretsOf?.();
        return [{ secret }];
      },
      disable: () => assert.fail('nobody said 410'),
    },
    transport: {
      send: async () => ({ kind: 'http-status', status: 204, answer: '', answerCut: false, durationMs: 1 }),
    },
    clock: { now: () => now },
    ids: { chance: () => 0.5, next: () => 'x' as never },
    metrics: { count() {}, observe() {} },
    audit: () => assert.fail('nobody did anything'),
    offer() {},
    timeoutMs: given.timeoutMs ?? 1_000,
  });
  return {
    storage,
    doc,
    async attempt(taskAttempt: number, at: number) {
      const lease = { token: `lse_${taskAttempt}`, until: at + 10 };
      assert.equal((await storage.tasks.claim(task.id, lease, at))?.attempts, taskAttempt);
      const cause = { taskId: task.id, lease: lease.token };
      return delivery.deliver({ cause, deliveryId: doc.id, taskAttempt, signal: new AbortController().signal });
    },
  };
}

test('a requeued dead letter whose worker dies at its first attempt is delivered by the next one', async (t) => {
  let dies = true;
  const { storage, doc, attempt } = await world(t, {
    delivery: { status: 'failed', attempts: 4, finishedAt: now },
    secretsOf() {
      if (dies) throw new Error('the process ends here');
    },
  });
  await assert.rejects(attempt(1, now), /the process ends here/);
  dies = false;
  assert.deepEqual(await attempt(2, now + 10), { end: 'delivered' });
  const kept = (await storage.get('delivery', doc.id))!.doc;
  assert.deepEqual([kept.status, kept.attempts, kept.earlierAttempts], ['delivered', 5, 4]);
});

test('a probe that may take a minute keeps the others away for longer than that', async (t) => {
  const timeoutMs = 60_000;
  let during: Promise<unknown> | undefined;
  const { storage, attempt } = await world(t, {
    timeoutMs,
    secretsOf: () => {
      during = storage.get('breaker', endpoint.id);
    },
  });
  const state = { phase: 'open' as const, until: now - 1, coolDownMs: 30_000 };
  await storage.commit({ change: { op: 'insert', kind: 'breaker', doc: { id: endpoint.id, state } } });
  assert.deepEqual(await attempt(1, now), { end: 'delivered' });
  const probing = ((await during) as { doc: { state: { phase: string; until: number } } }).doc.state;
  assert.equal(probing.phase, 'half-open');
  assert.ok(probing.until > now + timeoutMs);
});
