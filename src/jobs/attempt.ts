import type { Task } from '#domain/task.ts';
import type { TaskKind, TaskPayloads } from '#domain/task-kinds.ts';
import type { Log } from '#ports/log.ts';
import type { Held } from './heartbeat.ts';
import type { AbortReason, Handler, Handlers, TaskContext } from './registry.ts';
import type { Ended } from './settlement.ts';

export type Attempt = {
  held: Held;
  /** Never rejects. Settles at the latest `abandonMs` after an abort, whatever the handler does. */
  ended: Promise<Ended>;
};

/**
 * Runs one attempt: calls the handler with a signal that is aborted at the task's time limit, or through `held.abort`. The first reason counts.
 * A handler that has not ended `abandonMs` after the abort is left alone: it may go on in the background, and its writes are refused by its lease.
 */
export function startAttempt<K extends TaskKind>(
  kind: K,
  task: Task,
  deps: { handlers: Handlers; lease: { token: string; until: number }; abandonMs: number; log: Log },
): Attempt {
  const { lease, abandonMs } = deps;
  let ownLog: Log | undefined;
  // Made when the first line is written: most attempts write none.
  const log = (): Log => {
    ownLog ??= deps.log.child({ taskId: task.id, kind, attempt: task.attempts });
    return ownLog;
  };
  let aborted: AbortReason | undefined;
  let controller: AbortController | undefined;
  /** Made when the handler asks for it: one takes 2 µs, and the collector as much again, and what ends in a few milliseconds never looks at it. */
  const signal = (): AbortSignal => {
    if (controller === undefined) {
      controller = new AbortController();
      if (aborted !== undefined) controller.abort(aborted);
    }
    return controller.signal;
  };
  const { promise: ended, resolve } = Promise.withResolvers<Ended>();
  let abandonTimer: NodeJS.Timeout | undefined;

  function abort(reason: AbortReason): void {
    if (aborted !== undefined) return;
    aborted = reason;
    abandonTimer = setTimeout(() => {
      log().warn({ reason }, 'handler ignores the abort, left alone');
      end({ aborted: reason });
    }, abandonMs);
    controller?.abort(reason);
  }

  /** What a handler does after it was asked to stop tells nothing, unless it is done. Counts once. */
  function end(how: Ended): void {
    clearTimeout(limit);
    clearTimeout(abandonTimer);
    const done = 'outcome' in how && 'done' in how.outcome;
    resolve(aborted === undefined || done ? how : { aborted });
  }

  const held: Held = { id: task.id, token: lease.token, until: lease.until, progress: task.progress, abort };
  const context: TaskContext<K> = {
    task,
    // Written by newTask under the same kind and version, which the runner has checked.
    payload: task.payload as unknown as TaskPayloads[K],
    lease: lease.token,
    get signal() {
      return signal();
    },
    progress(fraction) {
      if (fraction > held.progress) held.progress = Math.min(fraction, 1);
    },
    get log() {
      return log();
    },
  };
  const limit = setTimeout(() => abort('time-limit'), task.timeLimitMs);
  void call<K>(deps.handlers[kind], context).then(end);
  return { held, ended };
}

async function call<K extends TaskKind>(handler: Handler<K>, context: TaskContext<K>): Promise<Ended> {
  try {
    return { outcome: await handler(context) };
  } catch (err) {
    return { threw: err };
  }
}
