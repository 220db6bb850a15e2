import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createAuditor } from '#app/audit.ts';
import { createWebhookDelivery } from '#app/webhooks/delivery.ts';
import { createWebhookEndpoints } from '#app/webhooks/endpoints.ts';
import { announce } from '#domain/consequences.ts';
import { isFinished, type NewTask } from '#domain/task.ts';
import type { Delivery } from '#domain/webhook/model.ts';
import type { SendOutcome } from '#domain/webhook/outcome.ts';
import { deliverWebhook } from '#jobs/handlers/deliver-webhook.ts';
import { fanOutEvent } from '#jobs/handlers/fan-out-event.ts';
import { createReconciler } from '#jobs/reconciler.ts';
import { createRunner } from '#jobs/runner.ts';
import type { Storage } from '#ports/storage.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { createRecordingLog, createRecordingMetrics, until } from './task-world.ts';

export const caller = { actor: { kind: 'system', id: 'test' } } as const;

export const answered = (status: number): SendOutcome => ({
  kind: 'http-status',
  status,
  answer: '',
  answerCut: false,
  durationMs: 1,
});

/**
 * Endpoints, deliveries and the worker that makes them (one at a time), on a store in a directory of its own. Time stands still until a test moves it, and
 * `answer` is the receiver; `seen` may change what the deliveries see of the store.
 */
export async function openDeliveryWorld(
  t: TestContext,
  answer: () => SendOutcome | Promise<SendOutcome>,
  seen: (storage: Storage) => Storage = (storage) => storage,
) {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-deliveries-'));
  let now = 1_782_000_000_000;
  const clock = { now: () => now };
  const ids = createIds({ clock });
  const log = createRecordingLog();
  const metrics = createRecordingMetrics();
  /** The webhook-id of every request, in the order they were made. */
  const sent: string[] = [];

  const open = async () => {
    const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
    const queue = createMemoryQueue();
    const audit = createAuditor({ ids, clock });
    const offer = (tasks: NewTask[]) => queue.offer(tasks.map((task) => ({ ...task, attempts: 0 })));
    const endpoints = createWebhookEndpoints({
      storage,
      transport: { checkUrl: async (url) => ({ ok: true, url }) as never },
      keyRing: { seal: (_purpose, text) => String(text), open: (_purpose, sealed) => Buffer.from(sealed) },
      clock,
      ids,
      audit,
      offer,
    });
    const send = async ({ headers }: { headers: Record<string, string> }) => {
      sent.push(headers['webhook-id']!);
      return answer();
    };
    const transport = { send };
    const delivery = createWebhookDelivery({
      storage: seen(storage),
      endpoints,
      transport,
      clock,
      ids,
      metrics,
      audit,
      offer,
      timeoutMs: 1_000,
    });
    const unexpected = async () => {
      throw new Error('a kind the test does not expect');
    };
    const deps = {
      storage,
      queue,
      wantsEvent: endpoints.wants,
      clock,
      ids,
      log,
      metrics,
      queues: ['default'] as const,
    };
    const runner = createRunner({
      ...deps,
      concurrency: { 'high-priority': 1, default: 1, batched: 1 },
      handlers: {
        'understand-response': unexpected,
        'classify-response': unexpected,
        'extract-fields': unexpected,
        'draft-reply': unexpected,
        'fit-model': unexpected,
        'train-head': unexpected,
        'train-tagger': unexpected,
        'embed-responses': unexpected,
        'fan-out-email': unexpected,
        'send-email': unexpected,
        'mail-summary': unexpected,
        'run-export': unexpected,
        'daily-export': unexpected,
        'seal-audit': unexpected,
        prune: unexpected,
        'fan-out-event': fanOutEvent(delivery),
        'deliver-webhook': deliverWebhook(delivery),
      },
    });
    const reconciler = createReconciler({ ...deps, pollMs: 10 });
    return {
      storage,
      endpoints,
      delivery,
      runner,
      work() {
        runner.start();
        reconciler.start();
      },
      async close() {
        await reconciler.stop();
        await runner.stop(1_000);
        await queue.close();
        await storage.close();
      },
    };
  };

  let running = await open();
  t.after(async () => {
    await running.close();
    await rm(dir, { recursive: true, force: true });
  });

  const tasks = async () => (await running.storage.tasks.list({ limit: 1000 })).items;
  return {
    clock,
    metrics,
    sent,
    tasks,
    get storage() {
      return running.storage;
    },
    get endpoints() {
      return running.endpoints;
    },
    get delivery() {
      return running.delivery;
    },
    advance(ms: number) {
      now += ms;
    },
    async endpoint(): Promise<string> {
      return (await running.endpoints.create(caller, { url: 'https://example.org/' })).endpoint.doc.id;
    },
    /** So many events in one commit, as it happens when they are wanted. */
    async happen(count: number): Promise<void> {
      const follow = Array.from({ length: count }, () =>
        announce({ id: ids.next('evt'), type: 'export.ready', at: now, data: {} }),
      );
      const also = follow.flatMap((each) => each.also);
      await running.storage.commit({ change: { op: 'none' }, also, tasks: follow.flatMap((each) => each.tasks) });
    },
    work: () => running.work(),
    /** Until everything that is due has been worked off: what is left has ended or waits for a later time. */
    settled: () =>
      until(
        async () =>
          running.runner.running() === 0 &&
          (await tasks()).every(({ status, runAt }) => isFinished(status) || (status === 'retrying' && runAt > now)),
      ),
    async deliveries(): Promise<Delivery[]> {
      return (await running.storage.list('delivery', { limit: 1000 })).items.map(({ doc }) => doc);
    },
    /** The process ends, and another one works on the same data. */
    async restart(): Promise<void> {
      await running.close();
      running = await open();
      running.work();
    },
  };
}
