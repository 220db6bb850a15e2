import { derivedUuid } from '#domain/derived-id.ts';
import { backoffMs } from '#domain/retry.ts';
import { isFinished } from '#domain/task.ts';
import { newTask, type TaskKind, type TaskPayloads } from '#domain/task-kinds.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Log } from '#ports/log.ts';
import type { Storage } from '#ports/storage.ts';
import type { Offer } from '#ports/task-queue.ts';
import { cronTicks, everyTicks } from './ticks.ts';

/** Kinds whose payload is the tick. */
export type ScheduledKind = {
  [K in TaskKind]: TaskPayloads[K] extends { tick: number } ? K : never;
}[TaskKind];

export type Schedule = {
  /** Part of the task's id. */
  name: string;
  kind: ScheduledKind;
} & ({ cron: string /** IANA name. */; zone: string } | { everyMs: number });

export interface Scheduler {
  start(): void;
  /** Resolves when nothing is being inserted any more. */
  stop(): Promise<void>;
}

/** A step of the wall clock (a suspended machine, a corrected time) is found within this time. */
const longestSleepMs = 60_000;
const longestBackoffMs = 30_000;
/** A task that has ended so long before its tick ran in a future that the clock has been set back from. Less is the difference between the clocks of hosts. */
const prematureMs = 600_000;

/**
 * Inserts a task at every tick of every schedule. The id of the task is the schedule's name and the tick, so the store decides between processes and a tick
 * runs once. Ticks that were missed (nobody ran, the clock stepped) are not caught up one by one: only the latest is, at the very first start too: whoever runs by
 * day only would else never meet a nightly one. So a task must do no harm where there is nothing to do yet, and finished ones must be kept for longer than the
 * longest pause between two ticks, or a restart would repeat them: `FORMSTEAD_TASK_RETENTION` is two days at least. A tick whose task has ended before it came,
 * by a clock that has been set back since, runs again when it comes: with the next millisecond in id and payload.
 * Errors: throws at once for an expression, a zone or an interval that is not valid.
 */
export function createScheduler(deps: {
  storage: Pick<Storage, 'commit' | 'tasks'>;
  schedules: readonly Schedule[];
  clock: Clock;
  ids: Pick<Ids, 'chance'>;
  log: Log;
  /** Told of each inserted task, which may have existed already. */
  offer?: (offers: Offer[]) => void;
}): Scheduler {
  const loops = deps.schedules.map((schedule) => createLoop(schedule, deps));
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

export function tickTaskId(name: string, tick: number): string {
  return `tsk_${derivedUuid(tick, name)}:${name}`;
}

function createLoop(schedule: Schedule, deps: Parameters<typeof createScheduler>[0]): Scheduler {
  const { storage, clock, ids, log } = deps;
  const ticks = 'cron' in schedule ? cronTicks(schedule.cron, schedule.zone) : everyTicks(schedule.everyMs);
  /** The newest tick that is dealt with. */
  let handled: number | undefined;
  /** The next tick, and the instant that stands for it in id and payload. */
  let coming: { tick: number; instant: number } | undefined;
  let failures = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  async function round(): Promise<void> {
    const now = clock.now();
    try {
      await handle(ticks.last(now));
      await lookAhead(now);
      failures = 0;
    } catch (err) {
      failures += 1;
      log.warn({ err, schedule: schedule.name, failures }, 'scheduled task not inserted, tried again');
    }
    if (!stopped) timer = setTimeout(wake, sleepMs(now));
  }

  function wake(): void {
    running = round();
  }

  /** Counted from the instant the round looked at: a tick that came since must not be slept through. */
  function sleepMs(lookedAt: number): number {
    if (failures > 0) {
      return backoffMs({ attempt: failures, baseMs: 1000, maxMs: longestBackoffMs, chance: ids.chance() });
    }
    const next = ticks.next(lookedAt);
    return next === undefined ? longestSleepMs : Math.min(longestSleepMs, Math.max(0, next - clock.now()));
  }

  async function handle(tick: number | undefined): Promise<void> {
    // Another tick, not a later one: when the clock has been set back from a wrong future, the schedule goes on with what it says now.
    if (tick === undefined || tick === handled) return;
    await insert(tick);
    handled = tick;
  }

  async function lookAhead(now: number): Promise<void> {
    const tick = ticks.next(now);
    if (tick === undefined || tick - now < prematureMs) return;
    let instant = tick;
    for (;;) {
      const task = await storage.tasks.get(tickTaskId(schedule.name, instant));
      if (!task || !isFinished(task.status)) break;
      instant += 1;
    }
    coming = { tick, instant };
  }

  async function insert(tick: number): Promise<void> {
    const instant = coming?.tick === tick ? coming.instant : tick;
    const task = newTask(schedule.kind, {
      id: tickTaskId(schedule.name, instant),
      payload: { tick: instant },
      now: clock.now(),
      runAt: tick,
    });
    // Nothing is written when another process was first.
    await storage.commit({ change: { op: 'none' }, tasks: [task] });
    deps.offer?.([{ id: task.id, attempts: 0, queue: task.queue, priority: task.priority }]);
  }

  return {
    start() {
      wake();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      clearTimeout(timer);
    },
  };
}
