/**
 * Runs in a container with the limits of `worker-high`: tasks of the queue `high-priority` through commit → relay → BullMQ → claim → handler (empty) → settle with
 * everything a worker does for a task (lease, heartbeat, time limit, cancellation, metrics, log, reconciler), and bare BullMQ beside it: one durable insert of
 * the same record, a job that names it, and a handler that claims it (not waited for by a majority, as Formstead's claims are) and settles it durably.
 * One process for each side commits, offers and works; `--under-way` tasks are in it at once. Prints a line of JSON.
 */
import { parseArgs } from 'node:util';
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { systemClock } from '#adapters/clock-system/clock.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { createLog } from '#adapters/log-pino/log.ts';
import { createMetrics } from '#adapters/metrics-prom/metrics.ts';
import { openBullmqQueue } from '#adapters/queue-bullmq/bullmq-queue.ts';
import { failsFast, waits } from '#adapters/queue-bullmq/connection-options.ts';
import { openConnection } from '#adapters/redis/connection.ts';
import type { TaskRecord } from '#adapters/storage-mongo/collections.ts';
import { hasty } from '#adapters/storage-mongo/connection.ts';
import { openMongoStorage } from '#adapters/storage-mongo/storage.ts';
import { newTaskRecord, settlementUpdate } from '#adapters/storage-mongo/task-records.ts';
import { newTask } from '#domain/task-kinds.ts';
import { createReconciler } from '#jobs/reconciler.ts';
import { createRunner } from '#jobs/runner.ts';
import { emptyHandlers, observed } from '../tasks/observed.ts';
import { collectionLike, mongo, openDatabase, redis } from './database.ts';

const { values } = parseArgs({
  options: {
    side: { type: 'string' },
    seconds: { type: 'string' },
    concurrency: { type: 'string' },
    'under-way': { type: 'string' },
  },
});
const concurrency = Number(values.concurrency);
const queueName = 'high-priority';
const ids = createIds({ clock: systemClock });
const log = createLog({ level: 'warn', clock: systemClock });

type Side = {
  /** One task, until its end is durable. */
  one(): Promise<void>;
  close(): Promise<void>;
};

const nextTask = () =>
  newTask('seal-audit', { id: ids.next('tsk'), payload: { tick: 1 }, now: Date.now(), queue: queueName });

async function formstead(): Promise<Side> {
  const metrics = createMetrics({ version: 'bench', log });
  const storage = await openMongoStorage({ ...mongo(), clock: systemClock });
  const { queue, ended } = observed(await openBullmqQueue({ ...redis(), prefix: 'formstead-bench', log }));
  const queues = [queueName] as const;
  const deps = { storage, queue, wantsEvent: async () => false, clock: systemClock, ids, log, metrics, queues };
  const each = { 'high-priority': concurrency, default: concurrency, batched: concurrency };
  const runner = createRunner({ ...deps, handlers: emptyHandlers, concurrency: each });
  const reconciler = createReconciler(deps);
  runner.start();
  reconciler.start();
  return {
    async one() {
      const task = nextTask();
      const done = ended(task.id);
      await storage.commit({ change: { op: 'none' }, tasks: [task] });
      queue.offer([{ id: task.id, queue: task.queue, priority: task.priority, attempts: 0 }]);
      await done;
    },
    async close() {
      await reconciler.stop();
      await runner.stop(1000);
      await queue.close();
      await storage.close();
      metrics.close();
    },
  };
}

async function bare(): Promise<Side> {
  const { db, close } = await openDatabase();
  const tasks = await collectionLike<TaskRecord>(db, 'tasks');
  const prefix = 'formstead-bare';
  const connections = [openConnection(redis(), failsFast), openConnection(redis(), waits)];
  const [offering, working] = connections as ConnectionOptions[];
  const queue = new Queue<{ id: string }>(queueName, { connection: offering!, prefix, skipVersionCheck: true });
  const ended = new Map<string, () => void>();
  const worker = new Worker<{ id: string }>(
    queueName,
    async ({ data: { id } }) => {
      const now = Date.now();
      const lease = ids.next('lse');
      const claimed = await tasks.findOneAndUpdate(
        { _id: id, wakeAt: { $lte: now }, attemptsLeft: { $gt: 0 } },
        {
          $set: { status: 'running', leaseToken: lease, wakeAt: now + 8000, progress: 0, finishedAt: null },
          $inc: { attempts: 1, attemptsLeft: -1 },
          $min: { startedAt: now },
        },
        { returnDocument: 'after', writeConcern: hasty },
      );
      if (claimed === null) throw new Error(`${id} is not there`);
      const filter = { _id: id, leaseToken: lease, status: 'running' };
      await tasks.updateOne(filter, settlementUpdate({ status: 'succeeded' }, lease, Date.now()));
      ended.get(id)!();
      ended.delete(id);
    },
    { connection: working!, prefix, concurrency, skipVersionCheck: true, lockDuration: 10_000, drainDelay: 1 },
  );
  await worker.waitUntilReady();
  return {
    async one() {
      const task = nextTask();
      const done = new Promise<void>((resolve) => ended.set(task.id, resolve));
      await tasks.insertOne(newTaskRecord(task));
      const options = { jobId: task.id, priority: task.priority + 1, removeOnComplete: true, removeOnFail: true };
      await queue.add('task', { id: task.id }, options);
      await done;
    },
    async close() {
      await worker.close();
      await queue.close();
      for (const connection of connections) connection.disconnect();
      await close();
    },
  };
}

/** Tasks a minute. */
async function measure(side: Side, milliseconds: number): Promise<{ count: number; perMinute: number }> {
  const from = performance.now();
  let count = 0;
  const lane = async () => {
    while (performance.now() - from < milliseconds) {
      await side.one();
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(values['under-way']) }, lane));
  return { count, perMinute: (count / (performance.now() - from)) * 60_000 };
}

const name = values.side === 'bare' ? 'bare_tasks' : 'tasks';
const { db, close } = await openDatabase(120_000);
// The stand-in reads the whole collection for each claim: both sides begin with an empty one.
await db.collection(name).deleteMany({});
const side = await (values.side === 'bare' ? bare() : formstead());
const before = await measure(side, 1000);
const measured = await measure(side, Number(values.seconds) * 1000);
await side.close();
const succeeded = await db.collection(name).countDocuments({ status: 'succeeded', attempts: 1 });
await close();
const all = before.count + measured.count;
if (succeeded !== all) throw new Error(`${succeeded} of ${all} tasks have succeeded in their first attempt`);
console.log(JSON.stringify(measured));
