import type { NewTask, Settlement, Task } from '#domain/task.ts';
import type { TaskRecord } from './collections.ts';

export function newTaskRecord(task: NewTask): TaskRecord {
  return {
    _id: task.id,
    kind: task.kind,
    queue: task.queue,
    priority: task.priority,
    status: 'pending',
    payload: JSON.stringify(task.payload),
    payloadVersion: task.payloadVersion,
    root: task.root ?? null,
    runAt: task.runAt,
    wakeAt: task.runAt,
    attempts: 0,
    attemptsLeft: task.maxAttempts,
    maxAttempts: task.maxAttempts,
    timeLimitMs: task.timeLimitMs,
    leaseToken: null,
    cancelRequested: false,
    progress: 0,
    result: null,
    error: null,
    createdAt: task.createdAt,
    finishedAt: null,
    settledBy: null,
    waiting: 0,
  };
}

/** A task that has a life behind it. */
export function taskRecord(task: Task): TaskRecord {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  const { lease, startedAt } = task;
  const waits = task.status === 'pending' || task.status === 'retrying';
  return {
    ...newTaskRecord(task),
    status: task.status,
    wakeAt: waits ? task.runAt : (lease?.until ?? null),
    attempts: task.attempts,
    attemptsLeft: task.maxAttempts - task.attempts,
    leaseToken: lease?.token ?? null,
    cancelRequested: task.cancelRequested,
    progress: task.progress,
    result: json(task.result),
    error: json(task.error),
    ...(startedAt !== undefined && { startedAt }),
    finishedAt: task.finishedAt ?? null,
  };
}

export function taskOf(record: TaskRecord): Task {
  const json = (text: string | null) => (text === null ? undefined : JSON.parse(text));
  return {
    id: record._id,
    kind: record.kind,
    queue: record.queue as Task['queue'],
    priority: record.priority,
    status: record.status as Task['status'],
    payload: JSON.parse(record.payload),
    payloadVersion: record.payloadVersion,
    root: record.root ?? undefined,
    runAt: record.runAt,
    attempts: record.attempts,
    maxAttempts: record.maxAttempts,
    timeLimitMs: record.timeLimitMs,
    lease: record.leaseToken === null ? undefined : { token: record.leaseToken, until: record.wakeAt! },
    cancelRequested: record.cancelRequested,
    progress: record.progress,
    result: json(record.result),
    error: json(record.error),
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt ?? undefined,
  };
}

/** The update that ends an attempt. */
export function settlementUpdate(settlement: Settlement, lease: string, now: number) {
  const retrying = settlement.status === 'retrying';
  const error = 'error' in settlement && settlement.error ? JSON.stringify(settlement.error) : null;
  const set: Record<string, unknown> = {
    status: settlement.status,
    error,
    leaseToken: null,
    settledBy: lease,
    wakeAt: retrying ? settlement.runAt : null,
    finishedAt: retrying ? null : now,
  };
  if (retrying) set.runAt = settlement.runAt;
  if (settlement.status === 'succeeded') {
    set.progress = 1;
    if (settlement.result !== undefined) set.result = JSON.stringify(settlement.result);
  }
  const givenBack = retrying && settlement.giveBack === true;
  return { $set: set, ...(givenBack && { $inc: { attempts: -1, attemptsLeft: 1 } }) };
}
