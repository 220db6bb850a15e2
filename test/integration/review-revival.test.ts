import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWebhookDelivery } from '#app/webhooks/delivery.ts';
import { deliveryTask, newDelivery } from '#domain/webhook/delivery.ts';
import type { WebhookEndpoint } from '#domain/webhook/model.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';

const now = 1_782_000_000_000;
const endpoint: WebhookEndpoint = {
  id: 'whe_1',
  url: 'https://example.org/',
  events: [],
  formIds: [],
  schedule: 'task',
  status: 'active',
  disabledReason: undefined,
  secrets: [],
  createdAt: now,
  updatedAt: now,
};
const event = {
  id: 'evt_1',
  type: 'export.ready' as const,
  formId: undefined,
  responseId: undefined,
  at: now,
  body: '{}',
};

test('a requeued dead letter whose worker dies at its first attempt is delivered by the next one', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-revival-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  t.after(async () => {
    await storage.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const failed = { ...newDelivery(event, endpoint, now), status: 'failed' as const, attempts: 4, finishedAt: now };
  const task = deliveryTask(failed, endpoint, now);
  await storage.commit({ change: { op: 'insert', kind: 'endpoint', doc: endpoint } });
  await storage.commit({
    change: { op: 'insert', kind: 'event', doc: event },
    also: [{ kind: 'delivery', doc: failed }],
    tasks: [task],
  });
  let dies = true;
  const delivery = createWebhookDelivery({
    storage,
    endpoints: {
      secretsOf() {
        if (dies) throw new Error('the process ends here');
        return [{ secret: `whsec_${Buffer.alloc(32).toString('base64')}` }];
      },
      disable: async () => {},
    },
    transport: {
      send: async () => ({ kind: 'http-status', status: 204, answer: '', answerCut: false, durationMs: 1 }),
    },
    clock: { now: () => now },
    ids: { chance: () => 0.5, next: () => 'x' as never },
    metrics: { count() {}, observe() {} },
    audit: () => assert.fail('nobody did anything'),
    offer() {},
    timeoutMs: 1_000,
  });
  const attempt = async (taskAttempt: number, at: number) => {
    const lease = { token: `lse_${taskAttempt}`, until: at + 10 };
    assert.equal((await storage.tasks.claim(task.id, lease, at))?.attempts, taskAttempt);
    const cause = { taskId: task.id, lease: lease.token };
    return delivery.deliver({ cause, deliveryId: failed.id, taskAttempt, signal: new AbortController().signal });
  };
  await assert.rejects(attempt(1, now), /the process ends here/);
  dies = false;
  assert.deepEqual(await attempt(2, now + 10), { end: 'delivered' });
  const kept = (await storage.get('delivery', failed.id))!.doc;
  assert.deepEqual([kept.status, kept.attempts, kept.earlierAttempts], ['delivered', 5, 4]);
});
