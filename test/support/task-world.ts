import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { NewTask, Task } from '#domain/task.ts';
import { newTask, type TaskWish } from '#domain/task-kinds.ts';
import type { EventType } from '#domain/webhook/model.ts';
import { createReconciler, type ReconcilerDeps } from '#jobs/reconciler.ts';
import type { Handler } from '#jobs/registry.ts';
import { createRunner, type Runner, type RunnerDeps } from '#jobs/runner.ts';
import type { Log, LogFields } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { createMemoryQueue } from '../../src/adapters/queue-memory/memory-queue.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { handlersWith } from './handlers.ts';

/** The system's time, moved on by what a test adds to it. */
export function createMovableClock() {
  let offset = 0;
  return {
    now: () => Date.now() + offset,
    advance(ms: number) {
      offset += ms;
    },
  };
}

export type LogLine = { level: 'debug' | 'info' | 'warn' | 'error'; message: string; fields: LogFields };

export function createRecordingLog(): Log & { lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: LogLine['level'], bindings: LogFields) => (fields: LogFields, message: string) =>
    void lines.push({ level, message, fields: { ...bindings, ...fields } });
  const logOf = (bindings: LogFields): Log => ({
    debug: at('debug', bindings),
    info: at('info', bindings),
    warn: at('warn', bindings),
    error: at('error', bindings),
    child: (more) => logOf({ ...bindings, ...more }),
  });
  return { ...logOf({}), lines };
}

/** Sums counters and keeps observations under `name{label=value,…}`. */
export function createRecordingMetrics() {
  const counts = new Map<string, number>();
  const observed = new Map<string, number[]>();
  const gauges = new Map<string, () => number | undefined | Promise<number | undefined>>();
  const key = (name: string, labels: Record<string, string>) =>
    `${name}{${Object.entries(labels)
      .map(([label, value]) => `${label}=${value}`)
      .join(',')}}`;
  const metrics: Metrics = {
    count(name, labels, by = 1) {
      counts.set(key(name, labels), (counts.get(key(name, labels)) ?? 0) + by);
    },
    observe(name, labels, value) {
      observed.set(key(name, labels), [...(observed.get(key(name, labels)) ?? []), value]);
    },
    gauge(name, labels, read) {
      gauges.set(key(name, labels), read);
    },
  };
  return { ...metrics, counts, observed, gauges };
}

/** The store for work that no worker has claimed: what it commits goes without a lease. */
export const withoutLeases = (storage: Storage): Storage => ({
  ...storage,
  commit: ({ cause: _, ...commit }) => storage.commit(commit),
});

/** A SQLite store in a directory of its own, a clock that can be moved on, and what is needed to run tasks on them. */
export async function openTaskWorld(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-tasks-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  const clock = createMovableClock();
  const ids = createIds({ clock });
  const log = createRecordingLog();
  const metrics = createRecordingMetrics();
  const wanted = new Set<EventType>();
  const wantsEvent = async (type: EventType) => wanted.has(type);
  const ends: (() => Promise<unknown>)[] = [];
  const runners: Runner[] = [];
  t.after(async () => {
    await Promise.all(ends.map((end) => end()));
    await storage.close();
    await rm(dir, { recursive: true, force: true });
  });

  return {
    dir,
    storage,
    clock,
    ids,
    log,
    metrics,
    /** Types of events that an endpoint wants. */
    wanted,
    /** A task of the kind `seal-audit`, whose payload is a number: stored, not offered. */
    async insert(change: Partial<NewTask> = {}): Promise<NewTask> {
      const wish: TaskWish<'seal-audit'> = { id: ids.next('tsk'), payload: { tick: 1 }, now: clock.now() };
      const task = { ...newTask('seal-audit', wish), ...change };
      await storage.commit({ change: { op: 'none' }, tasks: [task] });
      return task;
    },
    /** Whether no worker has an attempt under way: a task is finished in the store before its runner has heard of it and counted it. */
    idle: () => runners.every((runner) => runner.running() === 0),
    async task(id: string): Promise<Task> {
      const task = await storage.tasks.get(id);
      if (task === undefined) throw new Error(`no task ${id}`);
      return task;
    },
    /** A process of its own on the same store: a queue, a runner, a reconciler, all started. */
    startWorker(
      seal: Handler<'seal-audit'>,
      options: { runner?: Partial<RunnerDeps>; reconciler?: Partial<ReconcilerDeps>; storage?: Partial<Storage> } = {},
    ) {
      const queue = options.runner?.queue ?? createMemoryQueue();
      const deps = { storage: { ...storage, ...options.storage }, queue, wantsEvent, clock, ids, log, metrics };
      const queues = ['default'] as const;
      const concurrency = { 'high-priority': 5, default: 5, batched: 5 };
      const runner = createRunner({
        ...deps,
        queues,
        concurrency,
        handlers: handlersWith({ 'seal-audit': seal }),
        abandonMs: 50,
        ...options.runner,
      });
      const reconciler = createReconciler({ ...deps, queues, pollMs: 20, ...options.reconciler });
      runners.push(runner);
      runner.start();
      reconciler.start();
      ends.push(
        () => reconciler.stop(),
        () => runner.stop(0),
        () => queue.close(),
      );
      return { queue, runner, reconciler };
    },
  };
}

export type TaskWorld = Awaited<ReturnType<typeof openTaskWorld>>;

/** Until the condition holds; the test's own time limit ends the wait. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(3);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });
}
