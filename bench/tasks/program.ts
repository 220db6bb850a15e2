import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { createLog } from '../../src/adapters/log-pino/log.ts';
import { createMetrics } from '../../src/adapters/metrics-prom/metrics.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { openWriter } from '../../src/adapters/storage-sqlite/connection.ts';
import { databaseFile, openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { createReconciler } from '../../src/jobs/reconciler.ts';
import { createRunner } from '../../src/jobs/runner.ts';
import { emptyHandlers, observed } from './observed.ts';
import { nextTask, type Side } from './side.ts';

/** Milliseconds within which the lanes begin one after the other, at random: no arrivals of a real load come in step, and in step one thread waits for the other. */
const stagger = 5;

/** What the server runs: storage and its threads, queue, runner, reconciler, metrics, log. As many tasks are under way as the runner works on at once. */
export async function openProgram(dir: string, concurrency: number): Promise<Side & { transactions(): number }> {
  const clock = systemClock;
  const ids = createIds({ clock });
  const log = createLog({ level: 'info', clock });
  const metrics = createMetrics({ version: 'bench', log });
  let transactions = 0;
  const storage = await openSqliteStorage({
    dir,
    onBatch: ({ size, commitMs }) => {
      transactions += 1;
      metrics.observe('formstead_storage_batch_size', {}, size);
      metrics.observe('formstead_storage_fsync_seconds', {}, commitMs / 1000);
    },
  });
  const { queue, ended } = observed(createMemoryQueue({ log }));
  const queues = ['default'] as const;
  const deps = { storage, queue, wantsEvent: async () => false, clock, ids, log, metrics, queues };
  const runner = createRunner({
    ...deps,
    handlers: emptyHandlers,
    concurrency: { 'high-priority': concurrency, default: concurrency, batched: concurrency },
  });
  const reconciler = createReconciler(deps);
  runner.start();
  reconciler.start();

  /** One after the other: commit, offer, wait until it is completed. */
  async function lane(next: () => boolean): Promise<void> {
    while (next()) {
      const task = nextTask(ids);
      const done = ended(task.id);
      await storage.commit({ change: { op: 'none' }, tasks: [task] });
      queue.offer([{ id: task.id, queue: task.queue, priority: task.priority, attempts: 0 }]);
      await done;
    }
  }

  return {
    async run(count) {
      let left = count;
      const lanes = Array.from({ length: concurrency }, async () => {
        if (concurrency > 1) await pause(Math.random() * stagger);
        await lane(() => left-- > 0);
      });
      await Promise.all(lanes);
    },
    async succeeded() {
      const db = openWriter(`${dir}/${databaseFile}`, 'full');
      const row = db.prepare(`SELECT count(*) AS n FROM tasks WHERE status = 'succeeded' AND attempts = 1`).get();
      db.close();
      return Number(row!.n);
    },
    transactions: () => transactions,
    async close() {
      await reconciler.stop();
      await runner.stop(1000);
      await queue.close();
      await storage.close();
      metrics.close();
    },
  };
}
