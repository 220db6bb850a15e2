import { announce, type Consequences, failureEventId, isFailureEventId, join, nothing } from '#domain/consequences.ts';
import { responseIdOfRoot, type Task, type TaskError } from '#domain/task.ts';
import type { TaskKind, TaskPayloads } from '#domain/task-kinds.ts';
import type { EventType } from '#domain/webhook/model.ts';

/** Whether any endpoint may want events of this type. */
export type WantsEvent = (type: EventType) => Promise<boolean>;

/** What else the application says follows from the death of a task. */
export type AfterDeath = (task: Task) => Promise<Consequences>;

/**
 * The news of a dead letter travels as a fan-out and a delivery, so it must not breed more of itself. A delivery is never told of: one dead endpoint would
 * be sent the news of each piece of news it did not take. A fan-out is told of once: that of the news itself, if it dies as well, is not.
 * What became of a delivery stands with the delivery, and the metric and the dead letters hold every kind.
 */
function isUntold(task: Task): boolean {
  switch (task.kind as TaskKind) {
    case 'deliver-webhook':
      return true;
    case 'fan-out-event':
      return isFailureEventId((task.payload as TaskPayloads['fan-out-event']).event_id);
    default:
      return false;
  }
}

/**
 * What follows when a task becomes a dead letter: the event `task.failed`, where an endpoint wants it. `at` is part of the event's id, so that a task
 * that was requeued and failed again is told of again, and a settlement that is repeated is not.
 * The error's detail stays in the store: it may quote what somebody wrote.
 */
export async function consequencesOfDeath(
  task: Task,
  error: TaskError,
  at: number,
  wantsEvent: WantsEvent,
  afterDeath: AfterDeath = async () => nothing,
): Promise<Consequences> {
  const after = await afterDeath(task);
  if (isUntold(task) || !(await wantsEvent('task.failed'))) return after;
  const event = announce({
    id: failureEventId(task.id, at),
    type: 'task.failed',
    at,
    data: {
      task_id: task.id,
      kind: task.kind,
      queue: task.queue,
      attempts: task.attempts,
      error: { code: error.code },
    },
    responseId: task.root === undefined ? undefined : responseIdOfRoot(task.root),
  });
  return join(event, after);
}
