import type { Json } from './json.ts';

/*
 * Life of a task
 *
 *   pending ──claim──▶ running ──▶ succeeded
 *      ▲                 │ ├─────▶ failed      (attempts spent: a dead letter, until requeued or dropped)
 *      │                 │ ├─────▶ cancelled   (asked for, and the handler stopped)
 *      └──requeue── …    │ └─────▶ retrying ──claim──▶ running …
 *                        └─ lease ran out: claimable again
 *
 * The attempt is counted when the task is claimed, so a crash uses one up and a poison task ends in the dead letters.
 */

/** `high-priority`: people wait. `default`: everything remote. `batched`: everything with a model. */
export const queueNames = ['high-priority', 'default', 'batched'] as const;
export type QueueName = (typeof queueNames)[number];

/** Within a queue: 0 runs first. */
export const priorities = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export const taskStatuses = ['pending', 'running', 'retrying', 'succeeded', 'failed', 'cancelled'] as const;
export type TaskStatus = (typeof taskStatuses)[number];

export type TaskError = { code: string; detail: string };

export type Task = {
  id: string;
  kind: string;
  queue: QueueName;
  /** 0 (first) … 9 (last) within a queue. */
  priority: number;
  status: TaskStatus;
  payload: Json;
  payloadVersion: number;
  /** The root task this one is a step of: `tsk_` with the UUID of its response. */
  root: string | undefined;
  /** Not before this instant. All times are epoch milliseconds. */
  runAt: number;
  attempts: number;
  maxAttempts: number;
  timeLimitMs: number;
  lease: { token: string; until: number } | undefined;
  cancelRequested: boolean;
  /** 0…1 */
  progress: number;
  result: Json | undefined;
  error: TaskError | undefined;
  createdAt: number;
  startedAt: number | undefined;
  finishedAt: number | undefined;
};

/** What a commit inserts; the rest starts at its zero value. The id is deterministic, so that inserting twice changes nothing. */
export type NewTask = Pick<
  Task,
  | 'id'
  | 'kind'
  | 'queue'
  | 'priority'
  | 'payload'
  | 'payloadVersion'
  | 'root'
  | 'runAt'
  | 'maxAttempts'
  | 'timeLimitMs'
  | 'createdAt'
>;

/** What a claimed task ends its attempt with; every one names the lease and is refused once that is lost. */
export type Settlement =
  | { status: 'succeeded'; result?: Json }
  /** `giveBack`: the attempt was no fault of the work (shutdown, open breaker) and is not counted. */
  | { status: 'retrying'; runAt: number; error?: TaskError; giveBack?: boolean }
  | { status: 'failed'; error: TaskError }
  | { status: 'cancelled' };

/**
 * Nothing waits for longer, milliseconds: the longest are the last pause of a webhook's schedule, a day and a fifth, and a daily digest. What is due later was
 * put off by a clock that was ahead and has been set right since.
 */
export const longestPauseMs = 30 * 3_600_000;

export function isFinished(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}

/** The id of the root task of a response: the same UUID under another prefix, so that it can be asked for before anything ran. */
export function rootTaskId(responseId: string): string {
  return `tsk_${responseId.slice(4)}`;
}

export function responseIdOfRoot(taskId: string): string {
  return `rsp_${taskId.slice(4)}`;
}

/** Deterministic id of a step, so that a repeated commit inserts nothing new: `tsk_<uuid>:<name>`. */
export function stepTaskId(subjectId: string, name: string): string {
  return `tsk_${subjectId.slice(4)}:${name}`;
}
