import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { Json } from '#domain/json.ts';
import type { KeptResponse } from '#domain/response.ts';
import {
  isFinished,
  type QueueName,
  responseIdOfRoot,
  type Task,
  type TaskError,
  type TaskStatus,
} from '#domain/task.ts';
import { isUnderstandingTask, type TaskPayloads } from '#domain/task-kinds.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { Auditor, Caller } from './audit.ts';
import type { MailNotices } from './mail/notices.ts';
import type { WebhookDelivery } from './webhooks/delivery.ts';

export type TaskView = {
  id: string;
  kind: string;
  status: TaskStatus;
  progress: number;
  steps: Step[];
  webhook: { sent: number; pending: number; failed: number };
  result?: Json;
  error?: TaskError;
  createdAt: number;
  /** The response it belongs to, if any. */
  responseId?: string;
};

export type Step = Pick<
  Task,
  'id' | 'kind' | 'queue' | 'status' | 'attempts' | 'progress' | 'startedAt' | 'finishedAt' | 'error'
>;

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list' | 'tasks'>;
  deliveries: Pick<WebhookDelivery, 'cancel'>;
  mail: Pick<MailNotices, 'givenUp'>;
  clock: Clock;
  audit: Auditor;
  nudge: () => void;
};

const understanding = 'understand-response';
/** Deliveries of one response that its task counts; more than a few endpoints is rare. */
const countedDeliveries = 200;

export function createTasks(deps: Deps) {
  const { storage, clock } = deps;

  /**
   * A task of its own, a step, or the root of a response. The root is not a row: it is the response seen as work, so that it can be asked for
   * from the moment of the 202 on and for as long as the response is kept. Errors: `task-not-found`.
   */
  async function get(id: string): Promise<TaskView> {
    const task = await storage.tasks.get(id);
    if (task) return viewOf(task);
    const response = id.startsWith('tsk_') ? await storage.get('response', responseIdOfRoot(id)) : undefined;
    if (!response)
      throw new AppError('task-not-found', {
        detail: `There is no task ${id}; finished tasks are removed after some days.`,
      });
    return rootView(id, response.doc);
  }

  async function rootView(id: string, response: KeptResponse): Promise<TaskView> {
    const [steps, deliveries] = await Promise.all([
      storage.tasks.steps(id),
      storage.list('delivery', { where: { responseId: response.id }, limit: countedDeliveries }),
    ]);
    const latest = togetherOf(steps);
    const count = (status: string) => deliveries.items.filter(({ doc }) => doc.status === status).length;
    // An event that has not been fanned out yet is a delivery still to come.
    const unsent = steps.filter((step) => step.kind === 'fan-out-event' && !isFinished(step.status)).length;
    // Without a step there was nothing to do, or its task has been pruned. A dead letter never is: what was not understood was cancelled.
    const status = latest?.status ?? (response.status === 'completed' ? 'succeeded' : 'cancelled');
    return {
      id,
      kind: 'process-response',
      status,
      progress:
        latest && !isFinished(latest.status) ? latest.progress : status === 'succeeded' ? 1 : (latest?.progress ?? 1),
      steps,
      webhook: { sent: count('delivered'), pending: count('pending') + unsent, failed: count('failed') },
      error: latest?.error,
      createdAt: response.submittedAt,
      responseId: response.id,
    };
  }

  function viewOf(task: Task): TaskView {
    return {
      id: task.id,
      kind: task.kind,
      status: task.status,
      progress: task.progress,
      steps: [task],
      webhook: { sent: 0, pending: 0, failed: 0 },
      result: task.result,
      error: task.error,
      createdAt: task.createdAt,
      responseId: task.root && responseIdOfRoot(task.root),
    };
  }

  /** Errors: `task-not-found`, `conflict` when it has ended already. */
  async function cancel(caller: Caller, id: string): Promise<TaskView> {
    const view = await get(id);
    const open = view.steps.filter((step) => !isFinished(step.status));
    if (open.length === 0) throw new AppError('conflict', { detail: `The task has ended already: ${view.status}.` });
    for (const step of open) {
      const entry = deps.audit(caller, 'task.cancel', step.id);
      await endWork(step.id, entry);
      await storage.tasks.cancel(step.id, clock.now(), [entry]);
    }
    return get(id);
  }

  /**
   * What a task was to work on is told before the task ends: a delivery would wait for ever for a task that is not there, and that nobody will understand a
   * response must be known for longer than the task is kept. `entry` is written with whatever changes first, and given to the task's own write as well: it is
   * there once, also when a kill comes between the two.
   */
  async function endWork(taskId: string, entry: AuditEntry): Promise<void> {
    const task = await storage.tasks.get(taskId);
    if (task?.kind === 'deliver-webhook')
      await deps.deliveries.cancel((task.payload as TaskPayloads['deliver-webhook']).delivery_id, entry);
    if (task && isUnderstandingTask(task.kind))
      await stopUnderstanding((task.payload as TaskPayloads['understand-response']).response_id, entry);
  }

  async function stopUnderstanding(responseId: string, entry: AuditEntry): Promise<void> {
    for (;;) {
      const stored = await storage.get('response', responseId);
      if (stored?.doc.status !== 'accepted' || stored.doc.stoppedAt !== undefined) return;
      const doc: KeptResponse = { ...stored.doc, stoppedAt: clock.now() };
      const change = { op: 'update', kind: 'response', doc, expect: stored.revision } as const;
      const { tasks } = await deps.mail.givenUp(doc);
      if ((await storage.commit({ change, tasks, audit: [entry] })).outcome === 'committed') return;
    }
  }

  async function getDeadLetter(id: string): Promise<Task> {
    const task = await storage.tasks.get(id);
    if (task?.status !== 'failed') throw new AppError('task-not-found', { detail: `There is no dead letter ${id}.` });
    return task;
  }

  async function requeue(caller: Caller, id: string): Promise<void> {
    await getDeadLetter(id);
    await storage.tasks.requeue(id, clock.now(), [deps.audit(caller, 'dead-letter.requeue', id)]);
    deps.nudge();
  }

  async function drop(caller: Caller, id: string): Promise<void> {
    await getDeadLetter(id);
    const entry = deps.audit(caller, 'dead-letter.drop', id);
    await endWork(id, entry);
    await storage.tasks.drop(id, clock.now(), [entry]);
  }

  return {
    get,
    cancel,
    requeue,
    drop,
    list: (query: { status?: TaskStatus; queue?: QueueName; after?: string; limit: number }) =>
      storage.tasks.list(query),
    depths: () => storage.tasks.depths(clock.now()),
  };
}
/** The newest understanding and the parts that it left to a language model, as one: it goes on while one of them does, and fails with the first. */
function togetherOf(steps: Task[]): Pick<Task, 'status' | 'progress' | 'error'> | undefined {
  const first = steps.findLast((step) => step.kind === understanding);
  if (!first) return undefined;
  const all = [first, ...steps.filter(({ id }) => id.startsWith(`${first.id}.`))];
  const open = all.filter(({ status }) => !isFinished(status));
  const lost = all.find(({ status }) => status === 'failed') ?? all.find(({ status }) => status === 'cancelled');
  // A part that has run already is under way even while the next one waits.
  const status =
    open.length > 0 && open.length < all.length
      ? (open.find((step) => step.status === 'retrying')?.status ?? 'running')
      : open[0]?.status;
  return {
    status: status ?? lost?.status ?? 'succeeded',
    progress: all.reduce((sum, step) => sum + (isFinished(step.status) ? 1 : step.progress), 0) / all.length,
    error: lost?.error,
  };
}

export type Tasks = ReturnType<typeof createTasks>;
