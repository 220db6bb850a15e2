import { announce, type Consequences, eventId, nothing } from '#domain/consequences.ts';
import { responseIdOfRoot, type Task, type TaskError } from '#domain/task.ts';
import type { TaskKind } from '#domain/task-kinds.ts';
import type { EventType } from '#domain/webhook/model.ts';

/** Whether any endpoint may want events of this type. */
export type WantsEvent = (type: EventType) => Promise<boolean>;

// The news of a dead letter travels as a fan-out and a delivery: were it told of these too, one dead endpoint would breed dead letters for ever.
// What became of a delivery stands with the delivery, and the metric counts every kind.
const untold: ReadonlySet<string> = new Set<TaskKind>(['fan-out-event', 'deliver-webhook']);

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
): Promise<Consequences> {
  if (untold.has(task.kind) || !(await wantsEvent('task.failed'))) return nothing;
  return announce({
    id: eventId(task.id, `failed-${at}`),
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
}
