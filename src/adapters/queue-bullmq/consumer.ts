import { type Job, WaitingError } from 'bullmq';
import type { QueueName } from '#domain/task.ts';
import type { Log } from '#ports/log.ts';
import type { Offer } from '#ports/task-queue.ts';
import { type JobData, offerOf } from './job.ts';
import { startWatchdog } from './watchdog.ts';
import { openWorker, type TaskWorker, type WorkerOptions } from './worker.ts';

export type ConsumerDeps = Omit<WorkerOptions, 'handle' | 'connection'> & {
  connect(): WorkerOptions['connection'];
  work(offer: Offer): Promise<void>;
  paused: boolean;
  /** Whether Redis holds something of the queue that may be fetched. */
  couldFetch(queue: QueueName): Promise<boolean>;
  log: Log | undefined;
};

export type Consumer = {
  pause(): void;
  resume(): void;
  /** Waits for what runs, however long that takes; then for Redis, two seconds at most. */
  close(): Promise<void>;
};

/** Works on one queue in this process. An error that `work` lets out is logged, and the consumer goes on. */
export function startConsumer(deps: ConsumerDeps): Consumer {
  const { queue, concurrency, log } = deps;
  /** Workers that were replaced and still run something. */
  const replaced = new Map<TaskWorker, Promise<void>>();
  let { paused } = deps;
  let closed = false;
  let fetched = 0;
  let worker = open(concurrency);
  const watchdog = startWatchdog({
    fetched: () => fetched,
    couldFetch: async () => freeSlots() > 0 && deps.couldFetch(queue),
    renew,
  });

  function open(slots: number): TaskWorker {
    const handle = (job: Job<JobData>, token: string) => run(opened, job, token);
    const opened = openWorker({ ...deps, connection: deps.connect(), concurrency: slots, handle });
    if (!paused) opened.resume();
    return opened;
  }

  async function run(by: TaskWorker, job: Job<JobData>, token: string): Promise<void> {
    fetched += 1;
    // A worker that was waiting for a job when it was paused may still fetch one. It goes back to its place, for whoever is not paused.
    if (paused || closed || by !== worker) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const offer = offerOf(queue, job.data);
    if (offer === undefined) return;
    try {
      await deps.work(offer);
    } catch (err) {
      log?.error({ err, taskId: offer.id }, 'work on an offer threw');
    }
  }

  function freeSlots(): number {
    if (paused || closed) return 0;
    return [...replaced.keys(), worker].reduce((free, each) => free - each.running(), concurrency);
  }

  /** Another worker on another connection, with the slots that the one before does not use; it gets those when what runs in them has ended. */
  function renew(): void {
    const slots = freeSlots();
    if (slots <= 0) return;
    log?.warn({ queue, slots }, 'worker fetched nothing although something waits, made anew');
    const before = worker;
    worker = open(slots);
    const gone = before.leave().then(() => {
      replaced.delete(before);
      worker.setConcurrency([...replaced.keys()].reduce((free, each) => free - each.running(), concurrency));
    });
    replaced.set(before, gone);
  }

  return {
    pause() {
      paused = true;
      worker.pause();
    },
    resume() {
      paused = false;
      worker.resume();
    },
    async close() {
      closed = true;
      watchdog.stop();
      await Promise.all([worker.leave(), ...replaced.values()]);
    },
  };
}
