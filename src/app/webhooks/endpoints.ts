import { isYounger } from '#domain/age.ts';
import { announce } from '#domain/consequences.ts';
import { AppError } from '#domain/errors.ts';
import type { NewTask } from '#domain/task.ts';
import { deliveryTask, isFor, newDelivery } from '#domain/webhook/delivery.ts';
import type { EventType, SubscribableEvent, WebhookEndpoint } from '#domain/webhook/model.ts';
import type { DeliverySchedule } from '#domain/webhook/schedule.ts';
import { maskedSecret, newSecret, rotatedSecrets, type SigningSecret } from '#domain/webhook/secret.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Commit, Committed, Storage, Stored } from '#ports/storage.ts';
import type { WebhookTransport } from '#ports/webhook-transport.ts';
import type { Auditor, Caller } from '../audit.ts';
import { every } from '../every.ts';

export type EndpointDraft = {
  url: string;
  events?: SubscribableEvent[];
  form_ids?: string[];
  schedule?: DeliverySchedule;
};
export type EndpointChange = Partial<EndpointDraft> & { status?: 'active' | 'disabled' };

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  transport: Pick<WebhookTransport, 'checkUrl'>;
  keyRing: Pick<KeyRing, 'seal' | 'open'>;
  clock: Clock;
  ids: Ids;
  audit: Auditor;
  offer: (tasks: NewTask[]) => void;
};

const purpose = 'webhook-secrets';
/** What another process changed is seen after this time; this process forgets at once. */
const freshForMs = 1_000;
const most = 1_000;

export function createWebhookEndpoints(deps: Deps) {
  const { storage, clock, keyRing } = deps;
  let known: { endpoints: WebhookEndpoint[]; readAt: number } | undefined;
  /** Raised by every `forget`: a read that began before may not be remembered after, or a new endpoint would miss what happens in the next second. */
  let epoch = 0;
  const forget = () => {
    epoch += 1;
    known = undefined;
  };

  async function allEndpoints(): Promise<WebhookEndpoint[]> {
    if (known && isYounger(known.readAt, clock.now(), freshForMs)) return known.endpoints;
    const started = epoch;
    const endpoints = await Array.fromAsync(every(storage, 'endpoint', { limit: most }));
    if (started === epoch) known = { endpoints, readAt: clock.now() };
    return endpoints;
  }

  /** Whether any endpoint asked for such an event; a disabled one too, so that it can recover what it misses. What nobody wants is not kept. */
  async function wants(type: EventType, formId?: string): Promise<boolean> {
    return (await allEndpoints()).some((endpoint) => isFor(endpoint, type, formId));
  }

  /** The secret is in the answer this one time. Errors: `webhook-url-refused`, `conflict` at 1000 endpoints, disabled ones counted. */
  async function create(
    caller: Caller,
    draft: EndpointDraft,
  ): Promise<{ endpoint: Stored<'endpoint'>; secret: string }> {
    const url = await checkedUrl(draft.url);
    if ((await allEndpoints()).length >= most)
      throw new AppError('conflict', { detail: `There are ${most} endpoints; remove one that is not needed.` });
    const id = deps.ids.next('whe');
    const secret = newSecret(deps.ids.randomBytes(32));
    const now = clock.now();
    const doc: WebhookEndpoint = {
      id,
      url,
      events: draft.events ?? [],
      formIds: draft.form_ids ?? [],
      schedule: draft.schedule ?? 'task',
      status: 'active',
      disabledReason: undefined,
      secrets: [{ sealed: keyRing.seal(purpose, secret, id) }],
      createdAt: now,
      updatedAt: now,
    };
    await storage.commit({
      change: { op: 'insert', kind: 'endpoint', doc },
      audit: [deps.audit(caller, 'webhook.create', id)],
    });
    forget();
    return { endpoint: { revision: 1, doc }, secret };
  }

  async function update(caller: Caller, id: string, change: EndpointChange): Promise<Stored<'endpoint'>> {
    const current = await get(id);
    const url = change.url === undefined ? current.doc.url : await checkedUrl(change.url);
    const status = change.status ?? current.doc.status;
    return replace(
      current.revision,
      {
        ...current.doc,
        url,
        events: change.events ?? current.doc.events,
        formIds: change.form_ids ?? current.doc.formIds,
        schedule: change.schedule ?? current.doc.schedule,
        status,
        disabledReason: status === 'active' ? undefined : (current.doc.disabledReason ?? 'by an administrator'),
      },
      [deps.audit(caller, 'webhook.update', id)],
    );
  }

  /** Deliveries that wait are cancelled for good when their turn comes. */
  async function remove(caller: Caller, id: string): Promise<void> {
    const current = await get(id);
    const result = await storage.commit({
      change: { op: 'remove', kind: 'endpoint', id, expect: current.revision },
      audit: [deps.audit(caller, 'webhook.remove', id)],
    });
    forget();
    if (result.outcome !== 'committed') throw changed();
  }

  /** The former secret goes on signing beside the new one for a day, so that receivers can change over; one that cannot be opened any more is let go. */
  async function rotate(caller: Caller, id: string): Promise<string> {
    const current = await get(id);
    const fresh = newSecret(deps.ids.randomBytes(32));
    const former = openedSecret(current.doc, 0);
    const secrets: SigningSecret[] =
      former === undefined ? [{ secret: fresh }] : rotatedSecrets({ current: former, fresh, now: clock.now() });
    const sealed = secrets.map(({ secret, validUntil }) => ({ sealed: keyRing.seal(purpose, secret, id), validUntil }));
    await replace(current.revision, { ...current.doc, secrets: sealed }, [
      deps.audit(caller, 'webhook.rotate-secret', id),
    ]);
    return fresh;
  }

  /** Sends a test event to this endpoint alone, ahead of everything else. Returns the delivery's id. */
  async function test(caller: Caller, id: string): Promise<{ deliveryId: string; taskId: string }> {
    const { doc: endpoint } = await get(id);
    if (endpoint.status !== 'active')
      throw new AppError('conflict', { detail: 'The endpoint is disabled; enable it before you test it.' });
    const now = clock.now();
    const { also } = announce({
      id: deps.ids.next('evt'),
      type: 'webhook.test',
      at: now,
      data: { endpoint_id: id, message: 'This is a test of your webhook endpoint.' },
    });
    const event = also[0]!.doc;
    const delivery = newDelivery(event, endpoint, now);
    const task = deliveryTask(delivery, endpoint, now, { queue: 'high-priority' });
    await storage.commit({
      change: { op: 'insert', kind: 'event', doc: event },
      also: [{ kind: 'delivery', doc: delivery }],
      tasks: [task],
      audit: [deps.audit(caller, 'webhook.test', id)],
    });
    deps.offer([task]);
    return { deliveryId: delivery.id, taskId: task.id };
  }

  /** A receiver that answered 410 does not want to be asked again. Changes nothing when the worker that heard it has lost its lease. */
  async function disable(id: string, reason: string, cause: Commit['cause']): Promise<void> {
    for (;;) {
      const current = await storage.get('endpoint', id);
      if (!current || current.doc.status === 'disabled') return;
      const audit = deps.audit({ actor: { kind: 'system', id: 'webhooks' } }, 'webhook.disable', id, { reason });
      const doc: WebhookEndpoint = {
        ...current.doc,
        status: 'disabled',
        disabledReason: reason,
        updatedAt: clock.now(),
      };
      const { outcome } = await write(current.revision, doc, [audit], cause);
      // Otherwise another delivery was told the same at the same moment, or an administrator has changed it: again, with what it is now.
      if (outcome === 'committed' || outcome === 'lease-lost') return;
    }
  }

  async function replace(
    expect: number,
    doc: WebhookEndpoint,
    audit: ReturnType<Auditor>[],
  ): Promise<Stored<'endpoint'>> {
    const next = { ...doc, updatedAt: clock.now() };
    const result = await write(expect, next, audit);
    if (result.outcome !== 'committed') throw changed();
    return { revision: result.revision, doc: next };
  }

  async function write(
    expect: number,
    doc: WebhookEndpoint,
    audit: ReturnType<Auditor>[],
    cause?: Commit['cause'],
  ): Promise<Committed> {
    const result = await storage.commit({ change: { op: 'update', kind: 'endpoint', doc, expect }, audit, cause });
    forget();
    return result;
  }

  async function checkedUrl(url: string): Promise<string> {
    const check = await deps.transport.checkUrl(url);
    if (check.ok) return check.url;
    throw new AppError('webhook-url-refused', {
      detail: check.detail,
      issues: [{ pointer: '/url', code: check.refused, detail: check.detail }],
    });
  }

  async function get(id: string): Promise<Stored<'endpoint'>> {
    const found = await storage.get('endpoint', id);
    if (!found) throw new AppError('not-found', { detail: `There is no webhook endpoint ${id}.` });
    return found;
  }

  /** Errors: `internal` when the key ring cannot open a secret (the secret key was changed without the old one). */
  function secretsOf(endpoint: WebhookEndpoint): SigningSecret[] {
    return endpoint.secrets.map(({ validUntil }, i) => {
      const secret = openedSecret(endpoint, i);
      if (secret === undefined)
        throw new AppError('internal', {
          detail: `The secret of ${endpoint.id} cannot be opened with today's secret key; rotate it.`,
        });
      return { secret, validUntil };
    });
  }

  function openedSecret(endpoint: WebhookEndpoint, index: number): string | undefined {
    const opened = keyRing.open(purpose, endpoint.secrets[index]!.sealed, endpoint.id);
    return opened && Buffer.from(opened).toString('utf8');
  }

  return {
    wants,
    create,
    update,
    remove,
    rotate,
    test,
    disable,
    get,
    secretsOf,
    /** The first characters of the current secret; undefined when it cannot be opened: the endpoint must still be shown, so that it can be rotated. */
    hint(endpoint: WebhookEndpoint): string | undefined {
      const secret = openedSecret(endpoint, 0);
      return secret && maskedSecret(secret);
    },
    list: (query: { limit: number; after?: string }) =>
      storage.list('endpoint', { limit: query.limit, after: query.after, newestFirst: true }),
  };
}
export type WebhookEndpoints = ReturnType<typeof createWebhookEndpoints>;

const changed = () =>
  new AppError('conflict', { detail: 'The endpoint changed at the same moment; read it again and repeat.' });
