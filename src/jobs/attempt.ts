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
  const controller = new AbortController();
  const { signal } = controller;
  /** Undefined when the handler was left alone. */
  const first = Promise.withResolvers<Ended | undefined>();
  let abandonTimer: NodeJS.Timeout | undefined;

  function abort(reason: AbortReason): void {
    if (signal.aborted) return;
    abandonTimer = setTimeout(() => {
      log().warn({ reason }, 'handler ignores the abort, left alone');
      first.resolve(undefined);
    }, abandonMs);
    controller.abort(reason);
  }

  const held: Held = { id: task.id, token: lease.token, until: lease.until, progress: task.progress, abort };
  const context: TaskContext<K> = {
    task,
    // Written by newTask under the same kind and version, which the runner has checked.
    payload: task.payload as unknown as TaskPayloads[K],
    lease: lease.token,
    signal,
    progress(fraction) {
      if (fraction > held.progress) held.progress = Math.min(fraction, 1);
    },
    get log() {
      return log();
    },
  };
  const limit = setTimeout(() => abort('time-limit'), task.timeLimitMs);
  void call<K>(deps.handlers[kind], context).then(first.resolve);
  const ended = first.promise.then((end): Ended => {
    clearTimeout(limit);
    clearTimeout(abandonTimer);
    const finished = end !== undefined && 'outcome' in end && 'done' in end.outcome;
    if (end === undefined || (signal.aborted && !finished)) return { aborted: signal.reason as AbortReason };
    return end;
  });
  return { held, ended };
}

async function call<K extends TaskKind>(handler: Handler<K>, context: TaskContext<K>): Promise<Ended> {
  try {
    return { outcome: await handler(context) };
  } catch (err) {
    return { threw: err };
  }
}
