import { backoffMs } from '#domain/retry.ts';
import type { QueueName, Settlement, Task } from '#domain/task.ts';
import { isTaskKind, type TaskKind, type TaskPolicy, taskKinds } from '#domain/task-kinds.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import type { Offer, TaskQueue } from '#ports/task-queue.ts';
import { startAttempt } from './attempt.ts';
import type { AfterDeath, WantsEvent } from './failure.ts';
import { createFirstAlone } from './first-alone.ts';
import { createHeartbeat } from './heartbeat.ts';
import type { Handlers } from './registry.ts';
import { type AttemptOutcome, handBack, outcomeOf, settlementOf } from './settlement.ts';
import { createSettling } from './settling.ts';

export type RunnerDeps = {
  storage: Pick<Storage, 'tasks' | 'commit'>;
  queue: TaskQueue;
  handlers: Handlers;
  wantsEvent: WantsEvent;
  /** Default: nothing. */
  afterDeath?: AfterDeath;
  clock: Clock;
  ids: Pick<Ids, 'next' | 'chance'>;
  log: Log;
  metrics: Metrics;
  /** The queues this process works on, and how many tasks of each at once. */
  queues: readonly QueueName[];
  concurrency: Record<QueueName, number>;
  /** Default 8000. A silent worker's task is free again after this long. */
  leaseMs?: number;
  /** Default 2000: three heartbeats may fail before the lease runs out. */
  heartbeatMs?: number;
  /** Default 1000. How long a handler may go on after it was asked to stop. */
  abandonMs?: number;
};

/** How the attempts that were running at the call of `stop` ended. */
export type StopReport = { finished: number; handedBack: number; lost: number };

export interface Runner {
  start(): void;
  /**
   * Claims nothing more, waits up to `graceMs` for what runs, then aborts the rest and hands it back with its attempt. Resolves when every attempt is
   * settled: after at most `graceMs` + `abandonMs`, and up to a lease later while the store is away.
   */
  stop(graceMs: number): Promise<StopReport>;
  running(): number;
}

type Lease = { token: string; until: number };

/** For a task that only a newer program understands: long enough to cost nothing, short enough for the end of a rolling upgrade. */
const tooNewRetryMs = 60_000;
/** The first task of a queue may take minutes, such as an export: the others wait no longer than this. */
const aloneMs = 1000;

/**
 * Runs tasks: takes offers from the queue, claims each in the store, calls the handler of its kind under a lease, and settles the attempt.
 * The claim decides who runs a task, the lease's token whose writes count.
 */
export function createRunner(deps: RunnerDeps): Runner {
  const { storage, queue, clock, ids, log, metrics, queues, concurrency } = deps;
  const { leaseMs = 8000, heartbeatMs = 2000, abandonMs = 1000 } = deps;
  const heartbeat = createHeartbeat({ tasks: storage.tasks, clock, log, leaseMs, heartbeatMs });
  const settling = createSettling(deps);
  const whenIdle: (() => void)[] = [];
  const report: StopReport = { finished: 0, handedBack: 0, lost: 0 };
  let running = 0;
  let stopping: Promise<StopReport> | undefined;

  /** Whether the task was this process's to run. */
  async function work(offer: Offer): Promise<boolean> {
    if (stopping !== undefined) return false;
    running += 1;
    let ran = false;
    try {
      ran = await claimAndRun(offer);
    } catch (err) {
      log.warn({ err, taskId: offer.id }, 'task not claimed, the reconciler will offer it again');
    }
    running -= 1;
    if (running === 0) for (const resolve of whenIdle.splice(0)) resolve();
    return ran;
  }

  async function claimAndRun(offer: Offer): Promise<boolean> {
    const now = clock.now();
    const lease: Lease = { token: ids.next('lse'), until: now + leaseMs };
    const task = await storage.tasks.claim(offer.id, lease, now);
    if (task === undefined) return false;
    metrics.observe('formstead_task_wait_seconds', { queue: task.queue }, Math.max(0, now - task.runAt) / 1000);
    if (task.cancelRequested) await settle(task, lease, { status: 'cancelled' });
    else if (stopping !== undefined) await settle(task, lease, handBack(now));
    else if (isTaskKind(task.kind) && task.payloadVersion <= (taskKinds[task.kind] as TaskPolicy).payloadVersion) {
      await run(task.kind, task, lease);
      return true;
    } else {
      const fields = { taskId: task.id, kind: task.kind, payloadVersion: task.payloadVersion };
      log.warn(fields, 'task is of a newer kind or version than this program, left for a newer one');
      await settle(task, lease, handBack(now + tooNewRetryMs));
    }
    return false;
  }

  async function run(kind: TaskKind, task: Task, lease: Lease): Promise<void> {
    const startedAt = performance.now();
    const { held, ended } = startAttempt(kind, task, { handlers: deps.handlers, lease, abandonMs, log });
    heartbeat.hold(held);
    const end = await ended;
    heartbeat.letGo(held);
    metrics.observe('formstead_task_seconds', { kind }, (performance.now() - startedAt) / 1000);
    const settlement = settlementOf(task, end, clock.now(), ids.chance());
    if (settlement === undefined) {
      log.warn({ taskId: task.id, kind, attempt: task.attempts }, 'lease lost while the task ran');
      return count(task, 'lost');
    }
    if ('threw' in end) {
      const retryAt = settlement.status === 'retrying' ? settlement.runAt : undefined;
      log.warn({ err: end.threw, taskId: task.id, kind, attempt: task.attempts, retryAt }, 'task attempt threw');
    }
    return settle(task, held, settlement);
  }

  async function settle(task: Task, lease: Readonly<Lease>, settlement: Settlement): Promise<void> {
    count(task, (await settleWhileHeld(task, lease, settlement)) ? outcomeOf(settlement) : 'lost');
  }

  /** While the store is away the settlement is tried again as long as the lease lasts; then the task is let go (false), for whoever claims it next. */
  async function settleWhileHeld(task: Task, lease: Readonly<Lease>, settlement: Settlement): Promise<boolean> {
    const fields = { taskId: task.id, kind: task.kind, attempt: task.attempts, status: settlement.status };
    const now = clock.now();
    for (let tries = 1; ; tries++) {
      try {
        const settled = await settling.commit(task, lease.token, settlement, now);
        // A commit that was rejected may have happened nevertheless, and then the repeated one finds the lease gone.
        if (settled || (tries > 1 && (await storage.tasks.get(task.id))?.status === settlement.status)) return true;
        log.warn(fields, 'lease lost before the task was settled');
        return false;
      } catch (err) {
        const waitMs = backoffMs({ attempt: tries, baseMs: 100, maxMs: 2000, chance: ids.chance() });
        if (clock.now() + waitMs >= lease.until) {
          log.warn({ err, ...fields }, 'task not settled before its lease ran out, let go');
          return false;
        }
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  function count(task: Task, outcome: AttemptOutcome): void {
    settling.count(task, outcome);
    if (outcome === 'handed-back') report.handedBack += 1;
    else if (outcome === 'lost') report.lost += 1;
    else report.finished += 1;
  }

  async function stopWithin(graceMs: number): Promise<StopReport> {
    for (const name of queues) queue.pause(name);
    Object.assign(report, { finished: 0, handedBack: 0, lost: 0 });
    const graceOver = setTimeout(() => {
      for (const held of heartbeat.held()) held.abort('shutdown');
    }, graceMs);
    if (running > 0) await new Promise<void>((resolve) => whenIdle.push(resolve));
    clearTimeout(graceOver);
    heartbeat.stop();
    return { ...report };
  }

  return {
    start() {
      for (const name of queues) {
        const firstAlone = createFirstAlone(aloneMs);
        queue.consume(name, concurrency[name], (offer) => firstAlone(() => work(offer)));
      }
    },
    stop(graceMs) {
      stopping ??= stopWithin(graceMs);
      return stopping;
    },
    running: () => running,
  };
}
