import type { AuditEntry } from '#domain/audit.ts';
import type { Json } from '#domain/json.ts';
import { refusalsAt } from '#domain/refusals.ts';
import { effectiveLabel, type KeptResponse, type Response } from '#domain/response.ts';
import { countedValues, type Documents, type Insert, type Keyed, type Kind, type Stored } from '#ports/storage.ts';

/*
 * How a document becomes a record of MongoDB and comes back. Beside what lists and indexes need, the document stands in `doc` as JSON text: names with dots
 * and dollars, any depth and every number come back as they were, which BSON does not promise.
 */

/** What an aggregate's record carries beside its own fields. */
export type DocumentRecord = {
  _id: string;
  /** Counts the changes, 1 after the insert. */
  revision: number;
  /** When the document was made, epoch ms. */
  at: number;
  /** Unique within the collection and always there: `key:` with the kind's own key, `id:` with the id where there is none. */
  key: string;
  /** The commit that wrote it last: tells one's own write after a time-out. */
  commit: string;
  /** How many entries `outbox` has: what the sweeper looks for. */
  waiting: number;
  /** What follows from commits and is not yet in its own place, by commit. */
  outbox?: Record<string, OutboxEntry>;
  /** Beside it stand the narrowings of the kind, under the names of the port. */
  doc: string;
};

export type OutboxEntry = {
  also: { collection: string; record: { _id: string } }[];
  tasks: TaskRecord[];
  audit: AuditRecord[];
  /** Dead letters that end as cancelled. */
  drop: { ids: string[]; now: number } | null;
  /** A response was touched: the sequence grows. */
  response: boolean;
};

export type ResponseRecord = DocumentRecord & {
  answers: string;
  /** The short scalar answers, one entry a value, for counting. */
  counted: { name: string; value: string | number | boolean }[];
  /** `<chain>:<twelve digits>`: unique, and in order within a chain. */
  link: string;
  receipt: KeptResponse['receipt'];
  /** `at` while the response has an idempotency key that is not forgotten. */
  keyedAt?: number;
  /** Its place in the change feed, and whether it has changed since it was given that (change-feed.ts). */
  changed?: number;
  unnumbered?: true;
};

export type AuditRecord = {
  _id: string;
  at: number;
  action: string;
  doc: string;
  /** `id:` with the id while unsealed, then `seq:` with twelve digits: unique. */
  place: string;
  seal?: { seq: number; sha256: string; previous: string };
};

/** A task. Which of its times counts is in `wakeAt`, so that one index answers what is due, whatever the state. */
export type TaskRecord = {
  _id: string;
  kind: string;
  queue: string;
  priority: number;
  status: string;
  payload: string;
  payloadVersion: number;
  root: string | null;
  runAt: number;
  /** When somebody must look at it again: `runAt` while it waits, the end of the lease while it runs, null once it has ended. */
  wakeAt: number | null;
  attempts: number;
  /** `maxAttempts` − `attempts`. */
  attemptsLeft: number;
  maxAttempts: number;
  timeLimitMs: number;
  leaseToken: string | null;
  cancelRequested: boolean;
  progress: number;
  result: string | null;
  error: string | null;
  createdAt: number;
  /** Absent until the first claim. */
  startedAt?: number;
  finishedAt: number | null;
  /** The lease that ended the last attempt. */
  settledBy: string | null;
  waiting: number;
  outbox?: Record<string, OutboxEntry>;
};

type Layout<K extends Kind> = {
  collection: string;
  at: (doc: Documents[K]) => number;
  /** The kind's unique key, where it has one. */
  key?: (doc: Documents[K]) => string | undefined;
  fields: { [field: string]: (doc: Documents[K]) => string | null };
};

const maybe = (value: string | undefined): string | null => value ?? null;

export const layouts: { [K in Kind]: Layout<K> } = {
  form: { collection: 'forms', at: (d) => d.createdAt, key: (d) => d.slug, fields: { status: (d) => d.status } },
  'form-version': { collection: 'form_versions', at: (d) => d.publishedAt, fields: { formId: (d) => d.formId } },
  response: {
    collection: 'responses',
    at: (d) => d.submittedAt,
    key: (d) => d.idempotency,
    fields: { formId: (d) => d.formId, day: (d) => d.day, label: labelField, status: (d) => d.status },
  },
  endpoint: { collection: 'endpoints', at: (d) => d.createdAt, fields: { status: (d) => d.status } },
  breaker: { collection: 'breakers', at: () => 0, fields: {} },
  event: { collection: 'events', at: (d) => d.at, fields: { responseId: (d) => maybe(d.responseId) } },
  delivery: {
    collection: 'deliveries',
    at: (d) => d.createdAt,
    fields: {
      endpointId: (d) => d.endpointId,
      eventId: (d) => d.eventId,
      responseId: (d) => maybe(d.responseId),
      status: (d) => d.status,
    },
  },
  attempt: {
    collection: 'attempts',
    at: (d) => d.at,
    fields: { deliveryId: (d) => d.deliveryId, endpointId: (d) => d.endpointId },
  },
  user: { collection: 'users', at: (d) => d.createdAt, key: (d) => d.email, fields: { role: (d) => d.role } },
  session: { collection: 'sessions', at: (d) => d.createdAt, fields: { userId: (d) => d.userId } },
  token: { collection: 'tokens', at: (d) => d.createdAt, key: (d) => d.hash, fields: { status: (d) => d.status } },
  export: {
    collection: 'exports',
    at: (d) => d.createdAt,
    fields: { formId: (d) => maybe(d.formId), status: (d) => d.status },
  },
  dataset: { collection: 'datasets', at: (d) => d.updatedAt, fields: {} },
  examples: { collection: 'examples', at: (d) => d.at, fields: { formId: (d) => d.formId } },
  head: { collection: 'heads', at: (d) => d.trainedAt, fields: {} },
  'model-fit': { collection: 'model_fits', at: (d) => d.at, fields: {} },
  vector: { collection: 'vectors', at: (d) => d.at, fields: { formId: (d) => d.formId } },
  tagger: { collection: 'taggers', at: (d) => d.trainedAt, fields: {} },
  refusals: { collection: 'refusals', at: refusalsAt, fields: { formId: (d) => d.formId } },
};

export const kinds = Object.keys(layouts) as Kind[];

/** `null`: not labelled; '': belongs to none of the labels. */
function labelField(response: Response): string | null {
  const label = effectiveLabel(response);
  return label === undefined ? null : (label ?? '');
}

export const keyField = (key: string): string => `key:${key}`;

type Content = Pick<DocumentRecord, 'doc'> & Partial<Pick<DocumentRecord, 'key'>>;

/** The fields that an insert writes; the outbox is the writer's affair. */
export function recordOf({ kind, doc }: Insert, commit: string): DocumentRecord {
  const layout = layouts[kind] as Layout<Kind>;
  const key = layout.key?.(doc);
  return {
    _id: doc.id,
    revision: 1,
    at: layout.at(doc),
    key: key === undefined ? `id:${doc.id}` : keyField(key),
    commit,
    waiting: 0,
    ...contentOf({ kind, doc } as Insert),
  };
}

/** The fields that an update replaces. The key of a response never changes: one that was forgotten stays so, also when the document that comes was read before. */
export function replacementOf({ kind, doc }: Insert): Content {
  const key = (layouts[kind] as Layout<Kind>).key?.(doc);
  return {
    ...contentOf({ kind, doc } as Insert),
    ...(kind !== 'response' && key !== undefined && { key: keyField(key) }),
  };
}

function contentOf({ kind, doc }: Insert): Content {
  const fields: Record<string, unknown> = {};
  for (const [field, read] of Object.entries((layouts[kind] as Layout<Kind>).fields)) fields[field] = read(doc);
  if (kind !== 'response') return { ...fields, doc: JSON.stringify(doc) };
  const { answers, idempotency, receipt, ...rest } = doc as Partial<KeptResponse>;
  const apart = { answers: JSON.stringify(answers), counted: countedAnswers(answers!), unnumbered: true };
  return { ...fields, ...apart, doc: JSON.stringify(rest) };
}

function countedAnswers(answers: Record<string, Json>): ResponseRecord['counted'] {
  const counted: ResponseRecord['counted'] = [];
  for (const [name, answer] of Object.entries(answers)) {
    for (const value of Array.isArray(answer) ? answer : [answer]) {
      if (typeof value === 'number' || typeof value === 'boolean') counted.push({ name, value });
      else if (typeof value === 'string' && isShort(value)) counted.push({ name, value });
    }
  }
  return counted;
}

/** A code point has at most two units: the characters of a long text are not counted one by one. */
function isShort(text: string): boolean {
  const { longest } = countedValues;
  return text.length <= longest || (text.length <= 2 * longest && [...text].length <= longest);
}

export function storedOf<K extends Kind>(kind: K, record: DocumentRecord): Stored<K> {
  const doc = kind === 'response' ? responseOf(record as ResponseRecord) : JSON.parse(record.doc);
  return { revision: record.revision, doc } as Stored<K>;
}

function responseOf(record: ResponseRecord): KeptResponse {
  const { response, answers } = unopened(record);
  return { ...response, answers: JSON.parse(answers) };
}

/** A response whose answers are left the JSON that they are: for who only hands them on. */
export function unopened({ doc, answers, key, receipt }: ResponseRecord): {
  response: Omit<KeptResponse, 'answers'>;
  answers: string;
} {
  const { chain, seq, sha256, previous } = receipt;
  const response = {
    ...JSON.parse(doc),
    ...(key.startsWith('key:') && { idempotency: key.slice(4) }),
    receipt: { chain, seq, sha256, previous },
  };
  return { response, answers };
}

export const keyedKinds: readonly Keyed[] = ['form', 'user', 'token', 'response'];

export function auditRecord(entry: AuditEntry): AuditRecord {
  return {
    _id: entry.id,
    at: entry.at,
    action: entry.action,
    doc: JSON.stringify(entry),
    place: `id:${entry.id}`,
  };
}

/** Numbers as text in the order of the numbers. */
export const twelveDigits = (n: number): string => String(n).padStart(12, '0');
