import { type IRedisClient, type Job, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueName } from '#domain/task.ts';
import type { JobData } from './job.ts';
import { within } from './within.ts';

export type WorkerOptions = {
  queue: QueueName;
  prefix: string;
  /** Of this worker alone: `leave` ends it. */
  connection: Redis;
  concurrency: number;
  handle(job: Job<JobData>, token: string): Promise<void>;
  onError(err: Error): void;
};

export type TaskWorker = {
  /** Jobs in hand. */
  running(): number;
  setConcurrency(concurrency: number): void;
  /** Fetches nothing more, but for one job at most that is under way already. */
  pause(): void;
  resume(): void;
  /** Fetches nothing more, waits for what it runs, and then, two seconds at most, until Redis has heard of it. */
  leave(): Promise<void>;
};

const farewellMs = 2000;

/**
 * BullMQ's worker that can be torn down in any state of Redis. Its own `close` waits for ever when the blocking connection is just being made again, and
 * leaves a timer behind that keeps the process alive.
 */
class MortalWorker extends Worker<JobData, void> {
  async tearDown(): Promise<void> {
    await this.lockManager.close();
    const backend = this.getBackend();
    // Does nothing when a `close` before it hangs. Then there was a connection, which is what comes next.
    void backend.close(true).catch(() => {});
    void backend.blockingClient?.then(endForGood).catch(() => {});
  }
}

/** What BullMQ has begun may still want to bring the connection back: it is not tried again, and closed if it comes about. */
function endForGood(client: IRedisClient): void {
  client.options.retryStrategy = () => null;
  client.on('error', () => {});
  client.on('ready', () => client.disconnect());
  client.disconnect();
}

/** A worker of BullMQ, idle until `resume`. */
export function openWorker({ queue, handle, onError, ...rest }: WorkerOptions): TaskWorker {
  const whenIdle: (() => void)[] = [];
  let running = 0;

  const worker = new MortalWorker(
    queue,
    async (job, token = '') => {
      running += 1;
      try {
        await handle(job, token);
      } finally {
        running -= 1;
        if (running === 0) for (const resolve of whenIdle.splice(0)) resolve();
      }
    },
    {
      ...rest,
      autorun: false,
      // The answer would decide nothing, and when asking fails the worker's connection stays unusable for good.
      skipVersionCheck: true,
      // A killed worker's job comes back after 10 to 15 s; by then the lease of its task (8 s) is over too.
      lockDuration: 10_000,
      stalledInterval: 5000,
      // How often a task may fail is for the store to say, which counts attempts.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      // Seconds. BullMQ wakes nobody for a job that is put back, so workers look by themselves this often.
      drainDelay: 1,
      runRetryDelay: 1000,
    },
  );
  worker.on('error', onError);

  return {
    running: () => running,
    setConcurrency(concurrency) {
      worker.concurrency = concurrency;
    },
    pause() {
      // True: without waiting for what runs, which may take long.
      void worker.pause(true);
    },
    resume() {
      if (worker.isPaused()) void worker.resume();
      else if (!worker.isRunning()) void worker.run().catch(onError);
    },
    async leave() {
      void worker.pause(true);
      // The locks of what runs are renewed until it has ended.
      if (running > 0) await new Promise<void>((resolve) => whenIdle.push(resolve));
      await within(farewellMs, worker.close());
      await worker.tearDown();
      rest.connection.disconnect();
    },
  };
}
