import { refusalsAt } from '#domain/refusals.ts';
import { effectiveLabel, type KeptResponse, type Response } from '#domain/response.ts';
import type { NewTask, Task } from '#domain/task.ts';
import type { Documents, Insert, Kind } from '#ports/storage.ts';

/** What node:sqlite binds and returns here. */
export type SqlValue = string | number | null;
export type SqlRow = Record<string, SqlValue>;
/** Rows as lists in the order of `names`. */
export type SqlTable = { names: string[]; rows: SqlValue[][] };

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
  apart?: { drop: readonly string[]; restore: (doc: Documents[K], row: SqlRow) => void };
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
      restore(doc, row) {
        doc.answers = JSON.parse(row.answers as string);
        if (row.key !== null) doc.idempotency = row.key as string;
      },
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
  dataset: { name: 'datasets', at: (d) => d.updatedAt, columns: {}, narrow: {} },
  examples: { name: 'examples', at: (d) => d.at, columns: { form_id: (d) => d.formId }, narrow: { formId: 'form_id' } },
  head: { name: 'heads', at: (d) => d.trainedAt, columns: {}, narrow: {} },
  'model-fit': { name: 'model_fits', at: (d) => d.at, columns: {}, narrow: {} },
  vector: { name: 'vectors', at: (d) => d.at, columns: { form_id: (d) => d.formId }, narrow: { formId: 'form_id' } },
  tagger: { name: 'taggers', at: (d) => d.trainedAt, columns: {}, narrow: {} },
  refusals: { name: 'refusals', at: refusalsAt, columns: { form_id: (d) => d.formId }, narrow: { formId: 'form_id' } },
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

/** The columns that a document is made of; the others repeat what stands in `doc`, and would be copied between the threads for nothing. */
export function documentColumns(kind: Kind): string {
  const own = kind === 'response' ? ['key', 'answers', 'chain', 'seq', 'sha256', 'previous'] : [];
  return ['n', 'at', 'revision', ...own, 'doc'].join(', ');
}

/** The document of a row with `documentColumns`; a response comes with its receipt. */
export function docOf<K extends Kind>(kind: K, row: SqlRow): Documents[K] {
  const doc = JSON.parse(row.doc as string) as Documents[K];
  (tables[kind] as Table<K>).apart?.restore(doc, row);
  if (kind === 'response') (doc as KeptResponse).receipt = receiptOf(row);
  return doc;
}

/** The response of a row whose answers are left the JSON that they are: for who only hands them on. */
export const unopened = {
  columns: 'n, at, doc, answers, chain, seq, sha256, previous',
  of(values: unknown): { n: number; at: number; response: Omit<KeptResponse, 'answers'>; answers: string } {
    const [n, at, doc, answers, chain, seq, sha256, previous] = values as [
      ...[n: number, at: number, doc: string, answers: string],
      ...[chain: string, seq: number, sha256: string, previous: string],
    ];
    const response = JSON.parse(doc) as KeptResponse;
    response.receipt = { chain, seq, sha256, previous };
    return { n, at, response, answers };
  },
};

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

/** Every column of a task, in the order in which `taskOf` reads them. */
export const storedTaskColumns = [
  ...taskColumns,
  'lease_token',
  'lease_until',
  'result',
  'error',
  'started_at',
  'finished_at',
];

export const taskOfRow = (row: SqlRow): Task => taskOf(storedTaskColumns.map((column) => row[column]!));

/** From values in the order of `storedTaskColumns`: a row with names takes twice the time, and every attempt begins with one. */
export function taskOf(values: SqlValue[]): Task {
  const text = (at: number) => (values[at] as string | null) ?? undefined;
  const number = (at: number) => (values[at] as number | null) ?? undefined;
  const json = (at: number) => (values[at] == null ? undefined : JSON.parse(values[at] as string));
  return {
    id: values[0] as string,
    kind: values[1] as string,
    queue: values[2] as Task['queue'],
    priority: values[3] as number,
    status: values[4] as Task['status'],
    payload: json(5),
    payloadVersion: values[6] as number,
    root: text(7),
    runAt: values[8] as number,
    attempts: values[9] as number,
    maxAttempts: values[10] as number,
    timeLimitMs: values[11] as number,
    cancelRequested: values[12] === 1,
    progress: values[13] as number,
    createdAt: values[14] as number,
    lease: values[15] == null ? undefined : { token: values[15] as string, until: values[16] as number },
    result: json(17),
    error: json(18),
    startedAt: number(19),
    finishedAt: number(20),
  };
}
