import { effectiveLabel, type KeptResponse, type Response } from '#domain/response.ts';
import type { NewTask, Task } from '#domain/task.ts';
import type { Documents, Insert, Kind } from '#ports/storage.ts';

/** What node:sqlite binds and returns here. */
export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;

/**
 * How a document becomes a row and comes back. `columns` are the ones between the common head (id, revision, at) and `doc`;
 * what stands in a column of its own is left out of `doc` only where it is large (answers) or changes there alone (a forgotten key).
 */
type Table<K extends Kind> = {
  name: string;
  /** When the document was made, epoch ms. */
  at: (doc: Documents[K]) => number;
  columns: { [column: string]: (doc: Documents[K]) => SqlValue };
  /** The document's fields that have columns and are left out of `doc`. */
  apart?: { drop: readonly string[]; restore: (row: SqlRow) => Partial<Documents[K]> };
  /** Column of each field a list may be narrowed by. */
  narrow: { [field: string]: string };
};

const maybe = (value: string | undefined): SqlValue => value ?? null;

export const tables: { [K in Kind]: Table<K> } = {
  form: {
    name: 'forms',
    at: (d) => d.createdAt,
    columns: { key: (d) => d.slug, status: (d) => d.status },
    narrow: { status: 'status' },
  },
  'form-version': {
    name: 'form_versions',
    at: (d) => d.publishedAt,
    columns: { form_id: (d) => d.formId },
    narrow: { formId: 'form_id' },
  },
  response: {
    name: 'responses',
    at: (d) => d.submittedAt,
    columns: {
      key: (d) => maybe(d.idempotency),
      form_id: (d) => d.formId,
      day: (d) => d.day,
      label: labelColumn,
      status: (d) => d.status,
      answers: (d) => JSON.stringify(d.answers),
    },
    apart: {
      // A response that is written again carries the receipt it was read with; its columns hold that.
      drop: ['answers', 'idempotency', 'receipt'],
      restore: (row) => ({
        answers: JSON.parse(row.answers as string),
        ...(row.key !== null && { idempotency: row.key as string }),
      }),
    },
    narrow: { formId: 'form_id', label: 'label', status: 'status' },
  },
  endpoint: {
    name: 'endpoints',
    at: (d) => d.createdAt,
    columns: { status: (d) => d.status },
    narrow: { status: 'status' },
  },
  breaker: { name: 'breakers', at: () => 0, columns: {}, narrow: {} },
  event: {
    name: 'events',
    at: (d) => d.at,
    columns: { response_id: (d) => maybe(d.responseId) },
    narrow: { responseId: 'response_id' },
  },
  delivery: {
    name: 'deliveries',
    at: (d) => d.createdAt,
    columns: {
      endpoint_id: (d) => d.endpointId,
      event_id: (d) => d.eventId,
      response_id: (d) => maybe(d.responseId),
      status: (d) => d.status,
    },
    narrow: { endpointId: 'endpoint_id', eventId: 'event_id', responseId: 'response_id', status: 'status' },
  },
  attempt: {
    name: 'attempts',
    at: (d) => d.at,
    columns: { delivery_id: (d) => d.deliveryId, endpoint_id: (d) => d.endpointId },
    narrow: { deliveryId: 'delivery_id', endpointId: 'endpoint_id' },
  },
  user: {
    name: 'users',
    at: (d) => d.createdAt,
    columns: { key: (d) => d.email, role: (d) => d.role },
    narrow: { role: 'role' },
  },
  session: {
    name: 'sessions',
    at: (d) => d.createdAt,
    columns: { user_id: (d) => d.userId },
    narrow: { userId: 'user_id' },
  },
  token: {
    name: 'tokens',
    at: (d) => d.createdAt,
    columns: { key: (d) => d.hash, status: (d) => d.status },
    narrow: { status: 'status' },
  },
  export: {
    name: 'exports',
    at: (d) => d.createdAt,
    columns: { form_id: (d) => maybe(d.formId), status: (d) => d.status },
    narrow: { formId: 'form_id', status: 'status' },
  },
  examples: { name: 'examples', at: (d) => d.at, columns: { form_id: (d) => d.formId }, narrow: { formId: 'form_id' } },
  head: { name: 'heads', at: (d) => d.trainedAt, columns: {}, narrow: {} },
};

function labelColumn(response: Response): SqlValue {
  const label = effectiveLabel(response);
  return label === undefined ? null : (label ?? '');
}

export function columnNames(kind: Kind): string[] {
  return ['id', 'revision', 'at', ...Object.keys(tables[kind].columns), 'doc'];
}

/** Values in the order of `columnNames`; the revision is the one the row gets. */
export function rowOf({ kind, doc }: Insert, revision: number): SqlValue[] {
  const table = tables[kind] as Table<Kind>;
  const values: SqlValue[] = [doc.id, revision, table.at(doc)];
  for (const column of Object.values(table.columns)) values.push(column(doc));
  values.push(JSON.stringify(table.apart ? without(doc, table.apart.drop) : doc));
  return values;
}

function without(doc: object, drop: readonly string[]): object {
  const rest: Record<string, unknown> = { ...doc };
  for (const field of drop) rest[field] = undefined;
  return rest;
}

/** The document of a row; a response comes with its receipt. */
export function docOf<K extends Kind>(kind: K, row: SqlRow): Documents[K] {
  const doc = JSON.parse(row.doc as string) as Documents[K];
  const apart = (tables[kind] as Table<K>).apart;
  if (apart) Object.assign(doc, apart.restore(row));
  if (kind === 'response') (doc as KeptResponse).receipt = receiptOf(row);
  return doc;
}

function receiptOf(row: SqlRow): KeptResponse['receipt'] {
  return {
    chain: row.chain as string,
    seq: row.seq as number,
    sha256: row.sha256 as string,
    previous: row.previous as string,
  };
}

export const taskColumns = [
  'id',
  'kind',
  'queue',
  'priority',
  'status',
  'payload',
  'payload_version',
  'root',
  'run_at',
  'attempts',
  'max_attempts',
  'time_limit_ms',
  'cancel_requested',
  'progress',
  'created_at',
];

export function taskRow(task: NewTask): SqlValue[] {
  return [
    task.id,
    task.kind,
    task.queue,
    task.priority,
    'pending',
    JSON.stringify(task.payload),
    task.payloadVersion,
    maybe(task.root),
    task.runAt,
    0,
    task.maxAttempts,
    task.timeLimitMs,
    0,
    0,
    task.createdAt,
  ];
}

/** Every column of a task: what a claim returns, as plain values. */
export const claimedColumns = [
  ...taskColumns,
  'lease_token',
  'lease_until',
  'result',
  'error',
  'started_at',
  'finished_at',
];

export function claimedTask(values: SqlValue[]): Task {
  const row: SqlRow = {};
  for (let i = 0; i < claimedColumns.length; i += 1) row[claimedColumns[i]!] = values[i]!;
  return taskOf(row);
}

export function taskOf(row: SqlRow): Task {
  const json = (value: SqlValue | undefined) => (value == null ? undefined : JSON.parse(value as string));
  return {
    id: row.id as string,
    kind: row.kind as string,
    queue: row.queue as Task['queue'],
    priority: row.priority as number,
    status: row.status as Task['status'],
    payload: json(row.payload),
    payloadVersion: row.payload_version as number,
    root: (row.root as string | null) ?? undefined,
    runAt: row.run_at as number,
    attempts: row.attempts as number,
    maxAttempts: row.max_attempts as number,
    timeLimitMs: row.time_limit_ms as number,
    lease: row.lease_token == null ? undefined : { token: row.lease_token as string, until: row.lease_until as number },
    cancelRequested: row.cancel_requested === 1,
    progress: row.progress as number,
    result: json(row.result),
    error: json(row.error),
    createdAt: row.created_at as number,
    startedAt: (row.started_at as number | null) ?? undefined,
    finishedAt: (row.finished_at as number | null) ?? undefined,
  };
}
