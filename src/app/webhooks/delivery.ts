import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import { longestPauseMs, type NewTask, type TaskError } from '#domain/task.ts';
import {
  cancelled,
  deliveryTask,
  deliveryTaskPrefix,
  isFor,
  isRecoverable,
  isRevived,
  newDelivery,
  restarted,
} from '#domain/webhook/delivery.ts';
import {
  attemptId,
  type CancelReason,
  type Delivery,
  type DeliveryAttempt,
  type WebhookEndpoint,
  type WebhookEvent,
} from '#domain/webhook/model.ts';
import { breakerEventOf, type SendOutcome } from '#domain/webhook/outcome.ts';
import { type NextStep, nextStep } from '#domain/webhook/schedule.ts';
import { signedHeaders } from '#domain/webhook/signature.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { WebhookTransport } from '#ports/webhook-transport.ts';
import type { Auditor, Caller } from '../audit.ts';
import { every, pages } from '../every.ts';
import type { Cause } from '../understanding.ts';
import { createBreakers } from './breakers.ts';
import type { WebhookEndpoints } from './endpoints.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list' | 'tasks'>;
  endpoints: Pick<WebhookEndpoints, 'secretsOf' | 'disable'>;
  transport: Pick<WebhookTransport, 'send'>;
  clock: Clock;
  ids: Pick<Ids, 'chance' | 'next'>;
  metrics: Pick<Metrics, 'count' | 'observe'>;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
  timeoutMs: number;
};

/** What came of a fan-out. `missed`: deliveries to endpoints that are disabled, kept for a recovery. */
export type FannedOut =
  | { end: 'fanned-out'; deliveries: number; missed: number }
  | { end: 'event-missing' | 'lease-lost' };

/** What came of one run of a delivery's task; the job turns it into the task's fate. */
export type Delivered =
  | { end: 'delivered' | 'cancelled' | 'already-ended' | 'lease-lost' }
  | { end: 'retry'; at: number; error: TaskError }
  | { end: 'dead'; error: TaskError }
  /** Not tried: not due, the breaker is open, or we were asked to stop. */
  | { end: 'later'; until: number };

const page = 500;

export function createWebhookDelivery(deps: Deps) {
  const { storage, clock } = deps;
  const breakers = createBreakers(deps);

  /** One delivery for each endpoint that wants the event, in one commit. Ids are derived, so that a second run changes nothing. */
  async function fanOut(cause: Cause, eventId: string): Promise<FannedOut> {
    const stored = await storage.get('event', eventId);
    if (!stored) return { end: 'event-missing' };
    const event = stored.doc;
    const wanting: WebhookEndpoint[] = [];
    for await (const endpoint of every(storage, 'endpoint', { limit: page }))
      if (isFor(endpoint, event.type, event.formId)) wanting.push(endpoint);
    const now = clock.now();
    const deliveries = wanting.map((endpoint) => ({ endpoint, delivery: newDelivery(event, endpoint, now) }));
    const tasks = deliveries
      .filter(({ delivery }) => delivery.status === 'pending')
      .map(({ delivery, endpoint }) => deliveryTask(delivery, endpoint, now));
    const also = deliveries.map(({ delivery }) => ({ kind: 'delivery' as const, doc: delivery }));
    const result = await storage.commit({ change: { op: 'none' }, also, tasks, cause });
    if (result.outcome !== 'committed') return { end: 'lease-lost' };
    deps.offer(tasks);
    const missed = deliveries.length - tasks.length;
    if (missed > 0) deps.metrics.count('formstead_deliveries_total', { outcome: 'cancelled' }, missed);
    return { end: 'fanned-out', deliveries: tasks.length, missed };
  }

  /** Makes one attempt: prepare, send, settle. Never throws for what the remote does. */
  async function deliver(run: {
    cause: Cause;
    deliveryId: string;
    taskAttempt: number;
    signal: AbortSignal;
  }): Promise<Delivered> {
    const found = await storage.get('delivery', run.deliveryId);
    const stored = found && isRevived(found.doc, run.taskAttempt) ? await revive(run.cause, found) : found;
    if (stored?.doc.status !== 'pending') return { end: 'already-ended' };
    const delivery = stored.doc;
    const now = clock.now();
    const pauseMs = (delivery.nextAttemptAt ?? now) - now;
    if (pauseMs > 0 && pauseMs <= longestPauseMs) return { end: 'later', until: now + pauseMs };
    const [endpoint, event] = await Promise.all([
      storage.get('endpoint', delivery.endpointId),
      storage.get('event', delivery.eventId),
    ]);
    if (!endpoint) return cancelDelivery(run.cause, stored, 'endpoint-removed');
    if (!event) return cancelDelivery(run.cause, stored, 'event-removed');
    if (endpoint.doc.status !== 'active') return cancelDelivery(run.cause, stored, 'endpoint-disabled');

    const turn = await breakers.takeTurn(run.cause, endpoint.doc.id);
    if (turn.turn === 'lease-lost') return { end: 'lease-lost' };
    if (turn.turn === 'later') return { end: 'later', until: turn.until };
    const outcome = await send(endpoint.doc, event.doc, run.signal);
    const number = delivery.attempts + 1;
    const step = nextStep(
      outcome,
      number - delivery.earlierAttempts,
      endpoint.doc.schedule,
      deps.ids.chance(),
      clock.now(),
    );
    if (step.step === 'handed-back') return { end: 'later', until: clock.now() };
    observe(outcome, step);
    await breakers.tell(run.cause, endpoint.doc.id, breakerEventOf(outcome));
    if (step.step === 'endpoint-gone')
      await deps.endpoints.disable(endpoint.doc.id, 'the receiver answered 410 Gone', run.cause);
    // Who has lost the lease has changed neither breaker nor endpoint, and is refused here too.
    return settle(run.cause, stored, number, outcome, step);
  }

  /** Kept before anything is sent: a worker that dies meanwhile leaves a delivery that its successor goes on with. Undefined when the lease is lost. */
  async function revive(cause: Cause, { doc, revision }: Stored<'delivery'>): Promise<Stored<'delivery'> | undefined> {
    const again = restarted(doc);
    const change = { op: 'update', kind: 'delivery', doc: again, expect: revision } as const;
    const result = await storage.commit({ change, cause });
    return result.outcome === 'committed' ? { doc: again, revision: result.revision } : undefined;
  }

  async function send(endpoint: WebhookEndpoint, event: WebhookEvent, signal: AbortSignal): Promise<SendOutcome> {
    const headers = signedHeaders({
      id: event.id,
      body: event.body,
      secrets: deps.endpoints.secretsOf(endpoint),
      now: clock.now(),
    });
    return deps.transport.send({
      url: endpoint.url,
      headers: { ...headers },
      body: event.body,
      timeoutMs: deps.timeoutMs,
      signal,
    });
  }

  /** One commit: the attempt's row and where the delivery stands now. */
  async function settle(
    cause: Cause,
    stored: Stored<'delivery'>,
    number: number,
    outcome: SendOutcome,
    step: NextStep,
  ): Promise<Delivered> {
    const now = clock.now();
    const attempt: DeliveryAttempt = {
      id: attemptId(stored.doc.id, number),
      deliveryId: stored.doc.id,
      endpointId: stored.doc.endpointId,
      number,
      at: now - outcome.durationMs,
      milliseconds: outcome.durationMs,
      httpStatus: outcome.kind === 'http-status' ? outcome.status : undefined,
      outcome: outcome.kind,
      excerpt: outcome.kind === 'http-status' ? outcome.answer : outcome.detail,
    };
    const status = step.step === 'delivered' ? 'delivered' : step.step === 'retry' ? 'pending' : 'failed';
    const doc: Delivery = {
      ...stored.doc,
      attempts: number,
      status,
      nextAttemptAt: step.step === 'retry' ? step.at : undefined,
      finishedAt: status === 'pending' ? undefined : now,
    };
    const result = await storage.commit({
      change: { op: 'update', kind: 'delivery', doc, expect: stored.revision },
      also: [{ kind: 'attempt', doc: attempt }],
      cause,
    });
    if (result.outcome !== 'committed') return { end: 'lease-lost' };
    const error = { code: outcome.kind, detail: describe(outcome) };
    if (step.step === 'delivered') return { end: 'delivered' };
    return step.step === 'retry' ? { end: 'retry', at: step.at, error } : { end: 'dead', error };
  }

  async function cancelDelivery(
    cause: Cause | undefined,
    stored: Stored<'delivery'>,
    reason: CancelReason,
    audit: AuditEntry[] = [],
  ): Promise<Delivered> {
    const doc = cancelled(stored.doc, reason, clock.now());
    const change = { op: 'update', kind: 'delivery', doc, expect: stored.revision } as const;
    if ((await storage.commit({ change, cause, audit })).outcome !== 'committed') return { end: 'lease-lost' };
    deps.metrics.count('formstead_deliveries_total', { outcome: 'cancelled' });
    return { end: 'cancelled' };
  }

  /**
   * Ends a delivery whose task is about to be cancelled or given up: no handler may run again to say so. First the delivery, then the task: a process that
   * dies in between leaves a task that finds nothing to do. An attempt that is on its way is not kept. `entry` says who wanted it, in the same commit.
   */
  async function cancel(id: string, entry: AuditEntry): Promise<void> {
    for (;;) {
      const stored = await storage.get('delivery', id);
      if (stored?.doc.status !== 'pending') return;
      if ((await cancelDelivery(undefined, stored, 'by-request', [entry])).end === 'cancelled') return;
    }
  }

  /** Starts the schedule of an ended delivery again. Errors: `not-found`, `conflict` while it is being tried or its endpoint disabled, `gone` without its event or endpoint. */
  async function redeliver(caller: Caller, id: string): Promise<string> {
    const stored = await storage.get('delivery', id);
    if (!stored) throw new AppError('not-found', { detail: `There is no delivery ${id}.` });
    // One that is pending without a task is not tried any more: its worker died at the last attempt, and the task is a dead letter.
    if (stored.doc.status === 'pending' && (await storage.tasks.alive(deliveryTaskPrefix(id))))
      throw new AppError('conflict', { detail: 'The delivery is still being tried.' });
    const [endpoint, event] = await Promise.all([
      storage.get('endpoint', stored.doc.endpointId),
      storage.get('event', stored.doc.eventId),
    ]);
    if (!event || !endpoint) throw new AppError('gone', { detail: 'The event or its endpoint has been removed.' });
    refuseDisabled(endpoint.doc);
    const task = await again(caller, stored, endpoint.doc, [deps.audit(caller, 'delivery.redeliver', id)]);
    if (task === undefined) throw new AppError('conflict', { detail: 'Somebody else has just done the same.' });
    return task;
  }

  /** The id of the task, undefined when the delivery has changed meanwhile. A dead letter of the delivery ends with it: there is nothing left to requeue. */
  async function again(
    caller: Caller,
    stored: Stored<'delivery'>,
    endpoint: WebhookEndpoint,
    audit: ReturnType<Auditor>[],
  ): Promise<string | undefined> {
    const now = clock.now();
    const doc = restarted(stored.doc);
    const task = deliveryTask(doc, endpoint, now, { suffix: `again-${stored.revision}` });
    const dead = await storage.tasks.deadLetters(deliveryTaskPrefix(doc.id));
    const result = await storage.commit({
      change: { op: 'update', kind: 'delivery', doc, expect: stored.revision },
      tasks: [task],
      audit: [...audit, ...dead.map((id) => deps.audit(caller, 'dead-letter.drop', id))],
      drop: { ids: dead, now },
    });
    if (result.outcome !== 'committed') return undefined;
    deps.offer([task]);
    return task.id;
  }

  /**
   * Sends again what an endpoint has missed: of the deliveries made since a moment (epoch ms), those that died and those that were cancelled because the
   * endpoint was disabled, oldest first. Stops where the endpoint is disabled again meanwhile. Errors: `not-found`, `conflict` while it is disabled.
   */
  async function recover(caller: Caller, endpointId: string, since: number): Promise<number> {
    const endpoint = await storage.get('endpoint', endpointId);
    if (!endpoint) throw new AppError('not-found', { detail: `There is no webhook endpoint ${endpointId}.` });
    refuseDisabled(endpoint.doc);
    // On record before anything is started: a recovery that breaks off has been asked for all the same.
    const audit = [deps.audit(caller, 'webhook.recover', endpointId, { since })];
    await storage.commit({ change: { op: 'none' }, audit });
    let recovered = 0;
    for (const status of ['failed', 'cancelled'] as const) {
      const query = { where: { endpointId, status }, from: since, limit: page };
      for await (const missed of pages((after) => storage.list('delivery', { ...query, after }))) {
        const current = await storage.get('endpoint', endpointId);
        if (current?.doc.status !== 'active') return recovered;
        // All of a page at once, so that they share the store's commits: a receiver that was away for days has missed many.
        const started = await Promise.all(missed.items.map((stored) => recoverOne(caller, stored, current.doc)));
        recovered += started.filter(Boolean).length;
      }
    }
    return recovered;
  }

  /** False for what cannot or need not be: its event is gone, a person cancelled it, or somebody has redelivered it at the same moment. */
  async function recoverOne(caller: Caller, stored: Stored<'delivery'>, endpoint: WebhookEndpoint): Promise<boolean> {
    if (!isRecoverable(stored.doc) || !(await storage.get('event', stored.doc.eventId))) return false;
    return (await again(caller, stored, endpoint, [])) !== undefined;
  }

  function observe(outcome: SendOutcome, step: NextStep): void {
    deps.metrics.count('formstead_webhook_attempts_total', { outcome: metricOutcome(outcome) });
    deps.metrics.observe('formstead_webhook_attempt_seconds', {}, outcome.durationMs / 1000);
    if (step.step === 'delivered') deps.metrics.count('formstead_deliveries_total', { outcome: 'succeeded' });
    if (step.step === 'dead' || step.step === 'endpoint-gone')
      deps.metrics.count('formstead_deliveries_total', { outcome: 'dead' });
  }

  async function attempts(endpointId: string, query: { limit: number; after?: string; status?: Delivery['status'] }) {
    if (!(await storage.get('endpoint', endpointId)))
      throw new AppError('not-found', { detail: `There is no webhook endpoint ${endpointId}.` });
    const deliveries = await storage.list('delivery', {
      where: { endpointId, status: query.status },
      limit: query.limit,
      after: query.after,
      newestFirst: true,
    });
    const items = await Promise.all(
      deliveries.items.map(async ({ doc }) => ({
        delivery: doc,
        attempts: (await storage.list('attempt', { where: { deliveryId: doc.id }, limit: 100 })).items.map(
          (attempt) => attempt.doc,
        ),
      })),
    );
    return { items, next: deliveries.next };
  }

  return { fanOut, deliver, cancel, redeliver, recover, attempts };
}
export type WebhookDelivery = ReturnType<typeof createWebhookDelivery>;

/** What is started again for a disabled endpoint would be cancelled at once. */
function refuseDisabled(endpoint: WebhookEndpoint): void {
  if (endpoint.status !== 'active')
    throw new AppError('conflict', { detail: 'The endpoint is disabled; enable it before you send to it again.' });
}

function describe(outcome: SendOutcome): string {
  return outcome.kind === 'http-status' ? `the receiver answered ${outcome.status}` : outcome.detail;
}

function metricOutcome(outcome: SendOutcome): string {
  switch (outcome.kind) {
    case 'http-status':
      return outcome.status >= 200 && outcome.status <= 299 ? 'succeeded' : 'refused';
    case 'timeout':
      return 'timed-out';
    case 'refused-by-guard':
      return 'blocked';
    default:
      return 'unreachable';
  }
}
