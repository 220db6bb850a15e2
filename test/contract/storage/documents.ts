import type { ApiToken, Session, User } from '#domain/account.ts';
import type { AuditEntry } from '#domain/audit.ts';
import type { Dataset } from '#domain/dataset/dataset.ts';
import type { Export } from '#domain/export.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import { versionId } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { ExampleBatch, FormHead, FormTagger } from '#domain/learning.ts';
import type { ModelFit } from '#domain/model-fit.ts';
import { type Refusals, refusalsId } from '#domain/refusals.ts';
import { type ClassifyResult, type NewResponse, newResponse, type Response } from '#domain/response.ts';
import type { ResponseVector } from '#domain/response-vector.ts';
import { type NewTask, rootTaskId } from '#domain/task.ts';
import type { Breaker, Delivery, DeliveryAttempt, WebhookEndpoint, WebhookEvent } from '#domain/webhook/model.ts';
import type { IdPrefix } from '#ports/ids.ts';
import { createIds } from '../../../src/adapters/ids-uuid/ids.ts';

/** The instant around which the documents of the suite are made: no rule of a store depends on the real time. */
export const t0 = Date.UTC(2026, 10, 2, 9);

const ids = createIds({ clock: { now: () => t0 } });
export const newId = <P extends IdPrefix>(prefix: P) => ids.next(prefix);

export function aForm(over: Partial<Form> = {}): Form {
  const id = newId('frm');
  return {
    id,
    slug: id,
    title: 'Contact',
    status: 'draft',
    definition: { elements: [{ type: 'comment', name: 'message' }] },
    intelligence: undefined,
    settings: {},
    version: 0,
    createdAt: t0,
    updatedAt: t0,
    ...over,
  };
}

export function aFormVersion(over: Partial<FormVersion> = {}): FormVersion {
  const formId = over.formId ?? newId('frm');
  const version = over.version ?? 1;
  return {
    id: versionId(formId, version),
    formId,
    version,
    title: 'Contact',
    definition: { elements: [{ type: 'comment', name: 'message' }] },
    intelligence: { classify: { labels: [{ name: 'praise' }, { name: 'complaint' }] } },
    compiled: {
      schema: { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object', properties: { message: {} } },
      conditions: [],
      questions: [],
      columns: [],
      texts: ['message'],
    },
    contentSha256: sha256Hex(formId),
    publishedAt: t0,
    ...over,
  };
}

/** `given` is what the intake decides, `over` what happens to the response later. */
export function aResponse(given: Partial<NewResponse> = {}, over: Partial<Response> = {}): Response {
  const made = newResponse({
    id: newId('rsp'),
    formId: 'frm_of-the-suite',
    formVersion: 1,
    answers: { message: 'Hello' },
    metadata: undefined,
    now: t0,
    day: '2026-11-02',
    bodySha256: sha256Hex('body'),
    idempotency: undefined,
    salt: sha256Hex('salt').slice(0, 32),
    hiddenDropped: 0,
    steps: ['understand'],
    ...given,
  });
  return { ...made, ...over };
}

export function classified(label: string | null, needsReview = false): ClassifyResult {
  return {
    label,
    confidence: 0.93,
    tier: 'head',
    needsReview,
    alternatives: [{ label: 'other', confidence: 0.07 }],
    provenance: { tier: 'head', model: 'ngram-head/1', inputSha256: sha256Hex('text'), milliseconds: 0.05, at: t0 },
  };
}

export function aTask(over: Partial<NewTask> = {}): NewTask {
  return {
    id: newId('tsk'),
    kind: 'seal-audit',
    queue: 'default',
    priority: 5,
    payload: { tick: 1 },
    payloadVersion: 1,
    root: undefined,
    runAt: t0,
    maxAttempts: 4,
    timeLimitMs: 30_000,
    createdAt: t0,
    ...over,
  };
}

/** The task that understands a response. */
export function itsTask(response: Response, over: Partial<NewTask> = {}): NewTask {
  const root = rootTaskId(response.id);
  const payload = { response_id: response.id };
  return aTask({ id: `${root}:understand`, kind: 'understand-response', queue: 'batched', root, payload, ...over });
}

export function anEntry(over: Partial<AuditEntry> = {}): AuditEntry {
  const id = newId('adt');
  return {
    id,
    at: t0,
    actor: 'user:usr_1',
    action: 'form.create',
    subject: 'frm_1',
    requestId: undefined,
    details: undefined,
    ...over,
  };
}

export function anEndpoint(over: Partial<WebhookEndpoint> = {}): WebhookEndpoint {
  return {
    id: newId('whe'),
    url: 'https://example.org/hook',
    events: ['response.accepted'],
    formIds: [],
    schedule: 'task',
    status: 'active',
    disabledReason: undefined,
    secrets: [{ sealed: 'c2VhbGVk' }, { sealed: 'b2xk', validUntil: t0 + 1 }],
    createdAt: t0,
    updatedAt: t0,
    ...over,
  };
}

export function aBreaker(over: Partial<Breaker> = {}): Breaker {
  return { id: newId('whe'), state: { phase: 'open', until: t0 + 30_000, coolDownMs: 30_000 }, ...over };
}

export function anEvent(over: Partial<WebhookEvent> = {}): WebhookEvent {
  return {
    id: newId('evt'),
    type: 'response.accepted',
    formId: 'frm_1',
    responseId: undefined,
    at: t0,
    body: '{"type":"response.accepted","data":{"größe":"\\u00fc"}}',
    ...over,
  };
}

export function aDelivery(over: Partial<Delivery> = {}): Delivery {
  return {
    id: newId('dlv'),
    endpointId: 'whe_1',
    eventId: 'evt_1',
    eventType: 'response.accepted',
    responseId: undefined,
    status: 'pending',
    cancelReason: undefined,
    attempts: 0,
    earlierAttempts: 0,
    nextAttemptAt: t0,
    createdAt: t0,
    finishedAt: undefined,
    ...over,
  };
}

export function anAttempt(over: Partial<DeliveryAttempt> = {}): DeliveryAttempt {
  return {
    id: `${newId('dlv')}:1`,
    deliveryId: 'dlv_1',
    endpointId: 'whe_1',
    number: 1,
    at: t0,
    milliseconds: 12.5,
    httpStatus: 200,
    outcome: 'delivered',
    excerpt: 'ok',
    ...over,
  };
}

export function aUser(over: Partial<User> = {}): User {
  const id = newId('usr');
  return {
    id,
    email: `${id}@example.org`,
    name: undefined,
    role: 'viewer',
    status: 'active',
    passwordHash: '$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA',
    tokensValidFrom: 0,
    createdAt: t0,
    updatedAt: t0,
    ...over,
  };
}

export function aSession(over: Partial<Session> = {}): Session {
  return {
    id: newId('ses'),
    userId: 'usr_1',
    status: 'active',
    refreshHash: sha256Hex('refresh'),
    rotations: 0,
    createdAt: t0,
    expiresAt: t0 + 1,
    ...over,
  };
}

export function aToken(over: Partial<ApiToken> = {}): ApiToken {
  const id = newId('tok');
  return {
    id,
    name: 'reports',
    hash: sha256Hex(id),
    scopes: ['responses:read'],
    status: 'active',
    createdBy: 'usr_1',
    createdAt: t0,
    expiresAt: undefined,
    ...over,
  };
}

export function anExport(over: Partial<Export> = {}): Export {
  return {
    id: newId('exp'),
    formId: undefined,
    format: 'csv',
    from: undefined,
    to: t0,
    status: 'pending',
    taskId: 'tsk_1',
    file: undefined,
    rows: undefined,
    bytes: undefined,
    sha256: undefined,
    error: undefined,
    createdAt: t0,
    finishedAt: undefined,
    applied: [],
    ...over,
  };
}

export function anExampleBatch(over: Partial<ExampleBatch> = {}): ExampleBatch {
  return {
    id: newId('exb'),
    formId: 'frm_1',
    source: 'upload',
    at: t0,
    items: [
      { text: 'So kind!', label: 'praise' },
      { text: '…', label: null },
    ],
    ...over,
  };
}

export function aModelFit(over: Partial<ModelFit> = {}): ModelFit {
  return {
    id: newId('frm'),
    formId: 'frm_1',
    modelSha256: sha256Hex('model'),
    headSha256: sha256Hex('head'),
    prompt: 'classify/1',
    labels: ['praise', null],
    bias: [-0.25, -1.5],
    headWeight: 0.5,
    modelWeight: 0.75,
    threshold: 0.83,
    texts: 48,
    headAccuracy: 0.5,
    modelAccuracy: 0.625,
    jointAccuracy: 0.75,
    decided: 0.25,
    useful: true,
    examples: 300,
    at: t0,
    ...over,
  };
}

export function aVector(over: Partial<ResponseVector> = {}): ResponseVector {
  return {
    id: newId('rsp'),
    formId: 'frm_1',
    modelSha256: sha256Hex('model'),
    vector: 'f4AB',
    scale: 0.0078,
    at: t0,
    ...over,
  };
}

export function aHead(over: Partial<FormHead> = {}): FormHead {
  return {
    id: newId('frm'),
    sha256: sha256Hex('head'),
    file: 'heads/1.bin',
    labels: ['praise', 'complaint'],
    examples: 120,
    accuracy: undefined,
    calibrationError: 0.031,
    threshold: 0.6,
    milliseconds: 41,
    examplesSha256: sha256Hex('examples'),
    trainedAt: t0,
    ...over,
  };
}

export function aTagger(over: Partial<FormTagger> = {}): FormTagger {
  return {
    id: newId('frm'),
    sha256: sha256Hex('tagger'),
    file: 'taggers/1.bin',
    fields: ['people'],
    examples: 120,
    byField: {
      people: { precision: 0.9, recall: 0.8, f1: 0.847, support: 40, threshold: 0.55, rulesPrecision: undefined },
    },
    milliseconds: 41,
    examplesSha256: sha256Hex('examples'),
    trainedAt: t0,
    ...over,
  };
}

export function aDataset(over: Partial<Dataset> = {}): Dataset {
  const file = (name: string) => ({ name, bytes: 1234, sha256: 'ab'.repeat(32) });
  const [parquet, jsonl] = [file('2026-11-01.000001-abc.parquet'), file('2026-11-01.000001-abc.jsonl.gz')];
  const written = { completeTo: 9, manifest: 1, formVersion: 1, withheld: '' };
  return {
    id: newId('frm'),
    version: 1,
    completeTo: 12,
    partitions: [{ from: '2026-11-01', to: '2026-11-01', rows: 3, misfits: 0, ...written, parquet, jsonl }],
    columns: [],
    announced: 1,
    retired: [],
    updatedAt: t0,
    applied: [],
    ...over,
  };
}

export function someRefusals(over: Partial<Refusals> = {}): Refusals {
  const { formId = newId('frm'), day = '2026-11-02' } = over;
  return { id: refusalsId(formId, day), formId, day, refused: 0, questions: [], applied: [], ...over };
}
