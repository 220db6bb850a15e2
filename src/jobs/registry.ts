import type { Json } from '#domain/json.ts';
import type { Task, TaskError } from '#domain/task.ts';
import type { TaskKind, TaskPayloads } from '#domain/task-kinds.ts';
import type { Log } from '#ports/log.ts';

/**
 * Why a running handler is asked to stop, as `signal.reason`:
 * `cancelled` somebody asked for it; `lease-lost` another worker may have the task; `shutdown` the process ends; `time-limit` the attempt took too long.
 */
export type AbortReason = 'cancelled' | 'lease-lost' | 'shutdown' | 'time-limit';

export type TaskContext<K extends TaskKind> = {
  /** As claimed: `attempts` counts this one. */
  task: Task;
  payload: TaskPayloads[K];
  /** Token of the lease: every commit of the handler names it as `cause: { taskId: task.id, lease }`. */
  lease: string;
  /** A handler stops soon after an abort; one that does not is left alone, and nothing it writes later counts. */
  signal: AbortSignal;
  /** 0…1; travels with the next heartbeat; a smaller value than before is ignored. */
  progress(fraction: number): void;
  /** Every line carries the task's id, kind and attempt. */
  log: Log;
};

/**
 * How an attempt ended. After an abort only `done` counts.
 * A handler that throws has failed its attempt and is tried again by the backoff of its kind.
 */
export type HandlerOutcome =
  /** The result is kept with the task and shown to whoever may see it. */
  | { done: Json | undefined }
  /** Failed, and the handler knows better than the kind's backoff when to try again. Ends as a dead letter on the last attempt. */
  | { retryAt: number; error: TaskError }
  /** Trying again would not help: a dead letter at once. */
  | { dead: TaskError }
  /** No fault of the work (an open breaker, a full batch): the attempt is given back and the task is due again at `until`. `error`: what it waits for. */
  | { release: { until: number; error?: TaskError } };

export type Handler<K extends TaskKind> = (context: TaskContext<K>) => Promise<HandlerOutcome>;

/** One handler for each kind: a missing one is a type error. */
export type Handlers = { [K in TaskKind]: Handler<K> };
