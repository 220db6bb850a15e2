import type { ApiToken, Session, User } from '#domain/account.ts';
import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import type { Dataset } from '#domain/dataset/dataset.ts';
import type { Export } from '#domain/export.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import type { ExampleBatch, FormHead, FormTagger } from '#domain/learning.ts';
import type { ModelFit } from '#domain/model-fit.ts';
import type { ChainHead, Receipt } from '#domain/receipt.ts';
import type { Refusals } from '#domain/refusals.ts';
import type { KeptResponse, Response } from '#domain/response.ts';
import type { Cover } from '#domain/response-lines.ts';
import type { ResponseVector } from '#domain/response-vector.ts';
import type { NewTask, QueueName, Settlement, Task, TaskStatus } from '#domain/task.ts';
import type { Breaker, Delivery, DeliveryAttempt, WebhookEndpoint, WebhookEvent } from '#domain/webhook/model.ts';
import type { ChangeFeed } from './change-feed.ts';

/**
 * Storage: the truth. What it has committed survives a killed process and a power cut; queue and cache are only hints.
 *
 * Terminology
 * - **aggregate**: one document that changes as a whole, by compare-and-set on its revision (1 after the insert, then +1 each).
 * - **commit**: one aggregate's change and everything that follows from it, durable together or not at all. A commit is data: no callback runs inside it.
 * - **follower**: a document inserted along with the change, under a deterministic id: inserted again, it changes nothing.
 * - **cause**: the task whose handler commits. The commit names its lease and is refused once that is lost.
 *
 * Errors: every method rejects with `AppError('storage-unavailable')` when the store cannot answer; a rejected commit may or may not have happened
 * (read again by id), a resolved one has.
 */
export interface Storage {
  commit(commit: Commit): Promise<Committed>;

  get<K extends Kind>(kind: K, id: string): Promise<Stored<K> | undefined>;
  /** By the kind's unique key, see `keyOf` below. */
  getByKey<K extends Keyed>(kind: K, key: string): Promise<Stored<K> | undefined>;
  /** Documents in the order they were made (or the reverse), a page at a time. */
  list<K extends Kind>(kind: K, query: Query<K>): Promise<Page<K>>;
  /**
   * Removes documents of bookkeeping kinds made before `before`, at most `limit`; returns how many. Spared are: a delivery that is pending; an event of which
   * a delivery is left, or whose fan-out (the task `fanOutTaskId(event.id)`) is there and has neither succeeded nor been cancelled. No delivery of an event is
   * made once its fan-out has ended, so a store may look at deliveries and tasks one after the other, before it removes.
   */
  prune(kind: Prunable, before: number, limit: number): Promise<number>;

  tasks: TaskStore;
  responses: ResponseStore;
  receipts: ReceiptStore;
  audit: AuditStore;
  changes: ChangeFeed;

  /**
   * Grows with every commit that touches a response: the same number means that nothing changed since. Undefined while that cannot be told: a change may have
   * happened that is not in the number yet.
   */
  sequence(): Promise<number | undefined>;
  /** One tiny durable write: throws when the store cannot commit. */
  ping(): Promise<void>;
  /** Bytes by part, for metrics: `database`, and what of it the store tells apart (`wal`, `indexes`). */
  sizes(): Promise<Record<string, number>>;
  close(): Promise<void>;
}

export type Documents = {
  form: Form;
  'form-version': FormVersion;
  response: Response;
  endpoint: WebhookEndpoint;
  breaker: Breaker;
  event: WebhookEvent;
  delivery: Delivery;
  attempt: DeliveryAttempt;
  user: User;
  session: Session;
  token: ApiToken;
  export: Export;
  dataset: Dataset;
  examples: ExampleBatch;
  head: FormHead;
  'model-fit': ModelFit;
  vector: ResponseVector;
  tagger: FormTagger;
  refusals: Refusals;
};
export type Kind = keyof Documents;

/** Unique keys beside the id: a form's slug, a user's e-mail, a token's hash, a response's idempotency hash. */
export type Keyed = 'form' | 'user' | 'token' | 'response';

/** Fields a list may be narrowed by. */
export type Narrowing = {
  form: { status?: Form['status'] };
  'form-version': { formId?: string };
  response: { formId?: string; label?: string; status?: Response['status'] };
  endpoint: { status?: WebhookEndpoint['status'] };
  breaker: Record<never, never>;
  event: { responseId?: string };
  delivery: { endpointId?: string; eventId?: string; responseId?: string; status?: Delivery['status'] };
  attempt: { deliveryId?: string; endpointId?: string };
  user: { role?: User['role'] };
  session: { userId?: string };
  token: { status?: ApiToken['status'] };
  export: { formId?: string; status?: Export['status'] };
  dataset: Record<never, never>;
  examples: { formId?: string };
  head: Record<never, never>;
  'model-fit': Record<never, never>;
  vector: { formId?: string };
  tagger: Record<never, never>;
  refusals: { formId?: string };
};

export type Prunable = 'session' | 'event' | 'delivery' | 'attempt' | 'refusals';

export type Query<K extends Kind> = {
  where?: Narrowing[K];
  /** Made at or after / before, epoch milliseconds. */
  from?: number;
  to?: number;
  /** Responses only: a text that an answer contains, letter case ignored. */
  text?: string;
  /** Names of the answers in which `text` is not looked for. */
  notIn?: readonly string[];
  newestFirst?: boolean;
  /** `next` of the page before. */
  after?: string;
  /** 1…1000 */
  limit: number;
};

export type Stored<K extends Kind> = { revision: number; doc: K extends 'response' ? KeptResponse : Documents[K] };
export type Page<K extends Kind> = { items: Stored<K>[]; next: string | undefined };

export type Insert<K extends Kind = Kind> = { [P in K]: { kind: P; doc: Documents[P] } }[K];

export type Change =
  | ({ op: 'insert' } & Insert)
  /** The whole document, if its revision is still `expect`. */
  | ({ op: 'update'; expect: number } & Insert)
  | { op: 'remove'; kind: Kind; id: string; expect: number }
  /** Ends an attempt of a task: needs the lease. */
  | { op: 'settle'; id: string; lease: string; settlement: Settlement; now: number }
  /** Nothing but the followers: for tasks that start without an aggregate (schedules). */
  | { op: 'none' };

export type Commit = {
  change: Change;
  also?: Insert[];
  tasks?: NewTask[];
  /** An entry that is there already, by its id, is not written twice; nor is one given to a write of tasks. */
  audit?: AuditEntry[];
  /** Dead letters that the change makes pointless: they end as cancelled. An id that is none is passed over. */
  drop?: { ids: string[]; now: number };
  cause?: { taskId: string; lease: string };
};

export type Committed =
  | { outcome: 'committed'; revision: number; receipt?: Receipt }
  /** The revision is another, or the document is not there. */
  | { outcome: 'conflict' }
  /** Insert: the id or the unique key is taken; nothing was written. The document that holds it, as stored. */
  | { outcome: 'exists'; id: string }
  /** The cause's lease (or the settled task's) is not held any more; nothing was written. */
  | { outcome: 'lease-lost' };

export interface TaskStore {
  get(id: string): Promise<Task | undefined>;
  /**
   * Takes a due task that nobody holds: counts the attempt, sets the lease, returns it as it is now. Undefined when there is nothing to take
   * (another worker won, not due, finished, or its attempts are spent). Durable or not: a lost claim is found by the lease's end.
   */
  claim(id: string, lease: { token: string; until: number }, now: number): Promise<Task | undefined>;
  /** Heartbeat of many leases at once: those still held live until `until` and take over `progress`; the others are `lost`. */
  extend(
    held: { id: string; token: string; progress: number }[],
    until: number,
  ): Promise<{ lost: string[]; cancelled: string[] }>;
  /** Due tasks that nobody holds, first those that should run first. */
  due(queue: QueueName, now: number, limit: number): Promise<DueTask[]>;
  /** When the next task of any queue falls due after `now`, if one is waiting. */
  nextDue(now: number): Promise<number | undefined>;
  /** Running tasks whose lease ran out on their last attempt: to be buried. */
  exhausted(now: number, limit: number): Promise<Task[]>;
  /** Makes the leases of every running task run out now: for the start of a store that only one process uses. Returns how many. */
  voidLeases(now: number): Promise<number>;
  /** Waiting tasks that would be due only after `beyond` are due at `now`. Returns how many. */
  bringForward(beyond: number, now: number): Promise<number>;
  /** Asks a task to stop: a waiting one ends at once, a running one by its next heartbeat. */
  cancel(id: string, now: number, audit: AuditEntry[]): Promise<'cancelled' | 'requested' | 'finished' | 'missing'>;
  /** A dead letter gets its attempts back and is due now. */
  requeue(id: string, now: number, audit: AuditEntry[]): Promise<boolean>;
  /** A dead letter is given up: it stays as cancelled until pruned. */
  drop(id: string, now: number, audit: AuditEntry[]): Promise<boolean>;
  /** The steps of a root task, oldest first. */
  steps(root: string): Promise<Task[]>;
  /** Ids of the dead letters that begin with `prefix`. */
  deadLetters(prefix: string): Promise<string[]>;
  /** Whether a task whose id begins with `prefix` has not ended. */
  alive(prefix: string): Promise<boolean>;
  list(query: {
    status?: TaskStatus;
    queue?: QueueName;
    after?: string;
    limit: number;
  }): Promise<{ items: Task[]; next: string | undefined }>;
  depths(now: number): Promise<QueueDepth[]>;
  /** Tasks that finished before, dead letters excepted, at most `limit`; returns how many are gone. */
  prune(before: number, limit: number): Promise<number>;
}

export type DueTask = { id: string; attempts: number; queue: QueueName; priority: number };
export type QueueDepth = {
  queue: QueueName;
  pending: number;
  retrying: number;
  running: number;
  failed: number;
  oldestDueAt: number | undefined;
};

export interface ResponseStore {
  /** Counts of one form: total, by day, by label, by value of the given questions within `countedValues`. */
  analytics(query: { formId: string; fields: string[]; from?: number; to?: number }): Promise<ResponseCounts>;
  /**
   * Days of submission with what was submitted on each between the instants `from` and `to`, in their order: `first` and `last` are the times of its oldest and
   * newest response. `only`: these days, both taken in; a store then reads their responses alone where it can.
   */
  days(query: {
    formId: string;
    from?: number;
    to?: number;
    only?: { from: string; to: string };
  }): Promise<ResponseDay[]>;
  /**
   * The responses of a form as lines of JSON (`responseLine`), oldest first, made where the store reads them. What is accepted meanwhile may be among them. Whoever
   * stops before the end returns the iterator.
   */
  lines(query: LinesQuery): AsyncIterable<LinePage>;
  /** Forgets idempotency keys of responses submitted before; returns how many. */
  forgetKeys(before: number, limit: number): Promise<number>;
}

export type LinesQuery = {
  formId: string;
  /** Submitted at or after / before, epoch milliseconds. */
  from?: number | undefined;
  to: number;
  cover: Cover;
};
/** Lines of `count` responses, one or more, UTF-8; `first` and `last` are the times of the oldest and the newest of them. */
export type LinePage = { bytes: Uint8Array<ArrayBuffer>; count: number; first: number; last: number };

/**
 * What `byField` counts: numbers, booleans and texts of at most `longest` characters (code points); longer ones come from nobody's list of choices. Of a question
 * the `most` frequent values.
 */
export const countedValues = { most: 1000, longest: 500 } as const;

export type ResponseDay = { day: string; count: number; first: number; last: number };

export type ResponseCounts = {
  total: number;
  perDay: { day: string; count: number }[];
  /** `null`: belongs to none of the labels. */
  byLabel: { label: string | null; count: number }[];
  /** Responses that nothing and nobody has labelled yet, or whose label is too unsure. */
  unlabelled: number;
  byField: Record<string, { value: string | number | boolean; count: number }[]>;
};

export interface ReceiptStore {
  /** The chain this process writes: its newest committed link, undefined before the first. */
  head(): Promise<ChainHead | undefined>;
  /** Every chain, oldest first, with the head it continues and its newest signature. */
  chains(): Promise<Chain[]>;
  /** Keeps a signature over a head. */
  sign(chain: string, signed: SignedHead): Promise<void>;
  /** Links of all chains, those of one in the order they were written; `after` exclusive, at most `limit`. */
  links(after: number, limit: number): Promise<Link[]>;
}

export type SignedHead = { seq: number; sha256: string; keyId: string; signature: string; at: number };
export type Chain = {
  id: string;
  startedAt: number;
  previous: { chain: string; seq: number; sha256: string } | undefined;
  signed: SignedHead | undefined;
};
/** One response as `verify` needs it. `position` grows along the walk. */
export type Link = {
  position: number;
  receipt: Receipt;
  response: Stored<'response'>['doc'];
  steps: { id: string; status: TaskStatus }[];
};

export interface AuditStore {
  /** Entries without a number yet, oldest first. */
  unsealed(limit: number): Promise<AuditEntry[]>;
  unsealedCount(): Promise<number>;
  /** Gives entries their number and hash; refused (false) when another sealer was first. */
  seal(seals: { id: string; seal: AuditSeal }[]): Promise<boolean>;
  lastSeal(): Promise<AuditSeal | undefined>;
  /** Newest first. */
  list(query: {
    after?: string;
    limit: number;
    action?: string;
  }): Promise<{ items: { entry: AuditEntry; seal: AuditSeal | undefined }[]; next: string | undefined }>;
  /** Sealed entries by number, `after` exclusive. */
  sealed(after: number, limit: number): Promise<{ entry: AuditEntry; seal: AuditSeal }[]>;
}
