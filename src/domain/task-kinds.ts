import type { Digest, MailAbout, Notice } from './mail/about.ts';
import type { NewTask, QueueName } from './task.ts';

/** One row per kind of task. What runs it is in `jobs/registry.ts`, where a missing handler is a type error. */
export type TaskPolicy = {
  queue: QueueName;
  /** 0 (first) … 9 (last) within the queue. */
  priority: number;
  /** One attempt, from claim to end. */
  timeLimitMs: number;
  /** 1 + the retries. */
  maxAttempts: number;
  /** First retry after about this long, then doubling. */
  backoffMs: number;
  /** Raised when the payload's shape changes; a handler refuses what it does not know. */
  payloadVersion: number;
  about: string;
};

export const taskKinds = {
  'understand-response': {
    queue: 'batched',
    priority: 4,
    timeLimitMs: 300_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: 'Classifies a response, extracts its fields and drafts a reply.',
  },
  'classify-response': {
    queue: 'batched',
    // Behind the cheap tiers of other responses: what they can answer need not wait for a model.
    priority: 5,
    timeLimitMs: 120_000,
    maxAttempts: 4,
    backoffMs: 5_000,
    payloadVersion: 1,
    about: 'Asks the language model for the label of a response that the cheaper tiers left open.',
  },
  'extract-fields': {
    queue: 'batched',
    priority: 5,
    timeLimitMs: 120_000,
    maxAttempts: 4,
    backoffMs: 5_000,
    payloadVersion: 1,
    about: 'Asks the language model for the fields of a response that the cheaper tiers did not find.',
  },
  'draft-reply': {
    queue: 'batched',
    priority: 6,
    timeLimitMs: 300_000,
    maxAttempts: 4,
    backoffMs: 5_000,
    payloadVersion: 1,
    about: 'Has the language model draft a reply to a response.',
  },
  'fit-model': {
    queue: 'batched',
    priority: 8,
    timeLimitMs: 300_000,
    maxAttempts: 3,
    backoffMs: 60_000,
    payloadVersion: 1,
    about: "Measures on a form's examples how far its language model can be believed beside its head.",
  },
  'train-head': {
    queue: 'batched',
    priority: 7,
    timeLimitMs: 600_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: "Trains a form's classifier on its examples and reviews.",
  },
  'train-tagger': {
    queue: 'batched',
    priority: 7,
    timeLimitMs: 600_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: "Trains the tagger that finds a form's fields, on its examples and reviews.",
  },
  'embed-responses': {
    queue: 'batched',
    // Behind everything that a response waits for.
    priority: 9,
    timeLimitMs: 600_000,
    maxAttempts: 4,
    backoffMs: 60_000,
    payloadVersion: 1,
    about: 'Makes the vectors that responses of a form lack for the search by meaning.',
  },
  'fan-out-event': {
    queue: 'default',
    priority: 3,
    timeLimitMs: 30_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: 'Makes one delivery of an event for each endpoint that wants it.',
  },
  'deliver-webhook': {
    queue: 'default',
    priority: 4,
    timeLimitMs: 75_000,
    // The delivery's own schedule decides how often; see domain/webhook/schedule.ts.
    maxAttempts: 4,
    backoffMs: 5_000,
    payloadVersion: 1,
    about: 'Sends one webhook delivery and keeps the attempt.',
  },
  'fan-out-email': {
    queue: 'default',
    priority: 3,
    timeLimitMs: 30_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: 'Makes one message of a response, or of a digest, for each address that the form names.',
  },
  'send-email': {
    queue: 'default',
    priority: 4,
    // Above four times the longest FORMSTEAD_SMTP_TIMEOUT: once for waiting, three times for the message.
    timeLimitMs: 260_000,
    // Pauses and what counts as an attempt: domain/mail/outcome.ts.
    maxAttempts: 4,
    backoffMs: 60_000,
    payloadVersion: 1,
    about: 'Sends one message to one address.',
  },
  'mail-summary': {
    queue: 'default',
    priority: 6,
    timeLimitMs: 60_000,
    maxAttempts: 4,
    backoffMs: 60_000,
    payloadVersion: 1,
    about: 'Makes the summary of yesterday for each address that the settings name.',
  },
  'run-export': {
    queue: 'default',
    priority: 5,
    timeLimitMs: 1_800_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: 'Writes one export file.',
  },
  'daily-export': {
    queue: 'default',
    priority: 6,
    timeLimitMs: 60_000,
    maxAttempts: 4,
    backoffMs: 60_000,
    payloadVersion: 1,
    about: 'Asks for an update of the exported files of every form.',
  },
  'update-dataset': {
    queue: 'default',
    // Behind the exports that somebody asked for.
    priority: 7,
    // Five million responses of a first update at 10,000 a second; one that is stopped goes on with the next attempt where it was.
    timeLimitMs: 3_600_000,
    maxAttempts: 6,
    backoffMs: 30_000,
    payloadVersion: 1,
    about: 'Brings the exported files of a form up to date with its responses.',
  },
  'seal-audit': {
    queue: 'default',
    priority: 6,
    timeLimitMs: 30_000,
    maxAttempts: 4,
    backoffMs: 10_000,
    payloadVersion: 1,
    about: 'Numbers and chains the audit entries that have come in, and signs the head.',
  },
  prune: {
    queue: 'default',
    priority: 8,
    timeLimitMs: 300_000,
    maxAttempts: 4,
    backoffMs: 60_000,
    payloadVersion: 1,
    about:
      'Removes finished tasks, ended sessions, old deliveries, expired idempotency keys, old counts of refused responses, and files that no question reads any more or that dead processes left half-written.',
  },
} as const satisfies Record<string, TaskPolicy>;

export type TaskKind = keyof typeof taskKinds;

export type TaskPayloads = {
  'understand-response': { response_id: string };
  'classify-response': { response_id: string };
  'extract-fields': { response_id: string };
  'draft-reply': { response_id: string };
  'fit-model': { form_id: string; model_sha256: string };
  'train-head': { form_id: string };
  'train-tagger': { form_id: string };
  'embed-responses': { form_id: string };
  'fan-out-event': { event_id: string };
  'deliver-webhook': { delivery_id: string };
  'fan-out-email': { about: Notice | Digest };
  /** `recipient` stands for the address (`recipientKey`), which is looked up when it is sent: who was taken off the list gets nothing more. */
  'send-email': { about: MailAbout; recipient: string };
  'mail-summary': { tick: number };
  'run-export': { export_id: string };
  'daily-export': { tick: number };
  /** `rebuild`: every partition is written again. */
  'update-dataset': { form_id: string; rebuild?: true /** Name of a file that cannot be read. */; damaged?: string };
  'seal-audit': { tick: number };
  prune: { tick: number };
};

export type TaskWish<K extends TaskKind> = {
  /** Deterministic, so that wishing twice makes one task. */
  id: string;
  payload: TaskPayloads[K];
  now: number;
  /** Not before; `now` when absent. */
  runAt?: number;
  root?: string;
  queue?: QueueName;
  priority?: number;
  maxAttempts?: number;
};

export function newTask<K extends TaskKind>(kind: K, wish: TaskWish<K>): NewTask {
  const policy: TaskPolicy = taskKinds[kind];
  return {
    id: wish.id,
    kind,
    queue: wish.queue ?? policy.queue,
    priority: wish.priority ?? policy.priority,
    payload: wish.payload,
    payloadVersion: policy.payloadVersion,
    root: wish.root,
    runAt: wish.runAt ?? wish.now,
    maxAttempts: wish.maxAttempts ?? policy.maxAttempts,
    timeLimitMs: policy.timeLimitMs,
    createdAt: wish.now,
  };
}

/** Kinds that understand a response; their payloads name it alike. */
const understandingKinds: ReadonlySet<string> = new Set([
  'understand-response',
  'classify-response',
  'extract-fields',
  'draft-reply',
] satisfies TaskKind[]);

export function isUnderstandingTask(kind: string): boolean {
  return understandingKinds.has(kind);
}

export function isTaskKind(kind: string): kind is TaskKind {
  return Object.hasOwn(taskKinds, kind);
}
