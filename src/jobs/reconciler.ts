import { backoffMs } from '#domain/retry.ts';
import { longestPauseMs, type QueueName, type Settlement } from '#domain/task.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { DueTask, Storage } from '#ports/storage.ts';
import type { TaskQueue } from '#ports/task-queue.ts';
import type { AfterDeath, WantsEvent } from './failure.ts';
import { leaseExpired } from './settlement.ts';
import { createSettling } from './settling.ts';

export type ReconcilerDeps = {
  storage: Pick<Storage, 'tasks' | 'commit'>;
  queue: TaskQueue;
  wantsEvent: WantsEvent;
  /** Default: nothing. */
  afterDeath?: AfterDeath;
  clock: Clock;
  ids: Pick<Ids, 'chance'>;
  log: Log;
  metrics: Metrics;
  queues: readonly QueueName[];
  /** Default 500. Nothing that is due waits longer than this for its first offer, but for what stands behind a window of others that should run before it. */
  pollMs?: number;
  /** Default 2000. How many offers the queue should hold of a backlog; refilled below half. Not more than the queue's own window. */
  window?: number;
  /** Default 50. While a backlog is known, how often the queue is looked at: with the default window enough for 20,000 tasks/s. */
  refillMs?: number;
  /** Default 5000. A task that was offered and is still held by nobody is offered again after this long, at once when the queue is empty. */
  reofferMs?: number;
};

export interface Reconciler {
  start(): void;
  /** Look now: after a start, a lost connection, or an offer that may not have arrived. */
  nudge(): void;
  /** Resolves when no pass runs any more. */
  stop(): Promise<void>;
}

/** Burials of one pass; the next pass takes the rest. */
const burialsPerPass = 100;
const longestBackoffMs = 5_000;
/** Between two looks for tasks that a clock which was ahead has put off, the first at the start. */
const putOffMs = 60_000;
/** While the queue has enough to do, this many of the due tasks that should run first are looked at: one that fell due just now may come before all that wait. */
const firstInLine = 100;

/**
 * Offers every due task that nobody holds, buries those whose worker fell silent on the last attempt, and makes those due that wait for a time which only a
 * clock that was ahead can have set. After a start, a flushed Redis, a lost offer or a
 * dead worker it is the same code. One pass at a time; a failing store is asked again with growing pauses.
 */
export function createReconciler(deps: ReconcilerDeps): Reconciler {
  const { storage, queue, clock, ids, log, metrics, queues } = deps;
  const { pollMs = 500, window = 2000, refillMs = 50, reofferMs = 5000 } = deps;
  const settling = createSettling(deps);
  /** What the last look at each queue's due tasks found, and when it was offered: the queue does not hear of it again at every pass. */
  const offered = new Map<QueueName, Map<string, { attempts: number; at: number }>>();
  /** Queues of which the store may hold more than was offered. */
  const backlog = new Set<QueueName>();
  /** When they are looked for next, by the clock that no one sets. */
  let lookForPutOffAt = 0;
  let loop: Promise<void> | undefined;
  let stopped = false;
  let nudged = false;
  let wake: (() => void) | undefined;

  async function run(): Promise<void> {
    let failures = 0;
    let nextPassAt = 0;
    while (!stopped) {
      try {
        if (nudged || performance.now() >= nextPassAt) {
          nudged = false;
          const waitMs = await pass();
          nextPassAt = performance.now() + waitMs;
        } else {
          await refill([...backlog]);
        }
        failures = 0;
        await sleep(Math.min(nextPassAt - performance.now(), backlog.size > 0 ? refillMs : pollMs));
      } catch (err) {
        failures += 1;
        const retryMs = backoffMs({ attempt: failures, baseMs: pollMs, maxMs: longestBackoffMs, chance: ids.chance() });
        log.warn({ err, failures, retryMs }, 'reconciler pass failed');
        nextPassAt = 0;
        await sleep(retryMs);
      }
    }
  }

  /** Milliseconds until the next pass is worth while. */
  async function pass(): Promise<number> {
    const now = clock.now();
    // First what needs no queue: that one may be away.
    await bury(now);
    await bringForward(now);
    await refill(queues, { first: true });
    const next = await storage.tasks.nextDue(now);
    return next === undefined ? pollMs : Math.min(pollMs, Math.max(1, next - clock.now()));
  }

  async function refill(names: readonly QueueName[], { first = false } = {}): Promise<void> {
    const depths = await queue.depths();
    for (const name of names) {
      const waiting = depths.find((depth) => depth.queue === name)?.waiting ?? 0;
      if (waiting * 2 >= window) {
        backlog.add(name);
        if (first) offer(name, await storage.tasks.due(name, clock.now(), firstInLine), { partial: true });
        continue;
      }
      const due = await storage.tasks.due(name, clock.now(), window);
      if (due.length < window) backlog.delete(name);
      else backlog.add(name);
      offer(name, due, { queueIsEmpty: waiting === 0 });
    }
  }

  /** `partial`: what was offered before and is not among `due` may be waiting still. */
  function offer(name: QueueName, due: DueTask[], { queueIsEmpty = false, partial = false }): void {
    const at = performance.now();
    const before = offered.get(name);
    const seen = partial && before ? before : new Map<string, { attempts: number; at: number }>();
    const fresh: DueTask[] = [];
    for (const task of due) {
      const known = queueIsEmpty ? undefined : before?.get(task.id);
      if (known !== undefined && known.attempts === task.attempts && at - known.at < reofferMs) {
        seen.set(task.id, known);
        continue;
      }
      seen.set(task.id, { attempts: task.attempts, at });
      fresh.push(task);
    }
    offered.set(name, seen);
    if (fresh.length === 0) return;
    queue.offer(fresh);
    metrics.count('formstead_tasks_reoffered_total', { queue: name }, fresh.length);
  }

  async function bury(now: number): Promise<void> {
    for (const task of await storage.tasks.exhausted(now, burialsPerPass)) {
      if (task.lease === undefined) continue;
      const settlement: Settlement = task.cancelRequested
        ? { status: 'cancelled' }
        : { status: 'failed', error: leaseExpired };
      // Refused when another reconciler was first, or the worker has come back.
      if (await settling.commit(task, task.lease.token, settlement, now)) settling.count(task, settlement.status);
    }
  }

  async function bringForward(now: number): Promise<void> {
    if (performance.now() < lookForPutOffAt) return;
    const tasks = await storage.tasks.bringForward(now + longestPauseMs, now);
    lookForPutOffAt = performance.now() + putOffMs;
    if (tasks > 0) log.warn({ tasks }, 'tasks put off by a clock that was ahead, due now');
  }

  async function sleep(ms: number): Promise<void> {
    if (nudged || stopped || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
  }

  return {
    start() {
      loop ??= run();
    },
    nudge() {
      nudged = true;
      wake?.();
    },
    async stop() {
      stopped = true;
      wake?.();
      await loop;
    },
  };
}
