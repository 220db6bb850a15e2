import { canonicalJson } from './canonical-json.ts';
import type { Json } from './json.ts';
import type { PersonalSpan } from './personal.ts';
import { payloadSha256, type Receipt } from './receipt.ts';

/** `accepted`: kept, not yet understood. `completed`: every step that the form asks for is done. */
export type ResponseStatus = 'accepted' | 'completed';

export type Tier = 'rules' | 'head' | 'tagger' | 'embedding' | 'llm' | 'template' | 'review';

export type Provenance = {
  tier: Tier;
  /** Name and version of what answered, e.g. `ngram-head/1`, and the sha256 of its bytes where it has any. */
  model: string;
  modelSha256?: string;
  /** sha256 of the text it was given. */
  inputSha256: string;
  milliseconds: number;
  at: number;
  /** The model whose embedding of the text was taken in, and the sha256 of its file. */
  embeddingModel?: string;
  embeddingSha256?: string;
  /** Of a language model: the prompt and its version, the grammar that its answer was held to, and what it read and wrote. */
  prompt?: string;
  grammarSha256?: string;
  seed?: number;
  tokens?: { prompt: number; reused: number; answer: number };
  /** Milliseconds from the question on: until a place of the model was free, and until the first token of the answer. */
  times?: { queue: number; firstToken: number };
  /** The same question had been asked before: nobody waited, and `tokens` are those of the first time. */
  cached?: boolean;
};

/** What a form may ask for, each understood by a cascade of its own. */
export const parts = ['classify', 'extract', 'respond'] as const;
export type Part = (typeof parts)[number];

/** What a tier made of a part, in the order in which they were asked; the last one is where it ended, and says why the next was not asked. */
export type TrailEntry = { part: Part; tier: Tier; outcome: string };

export type ClassifyResult = {
  label: string | null;
  confidence: number;
  tier: Tier;
  /** True when a person should look. */
  needsReview: boolean;
  alternatives: { label: string; confidence: number }[];
  provenance: Provenance;
};

export type ExtractedField = {
  value: string;
  source: string;
  start: number;
  end: number /** the question it was found in */;
  question: string;
  tier: Tier;
  /** Of a tier that is not sure. */
  confidence?: number;
  /** Nobody has measured how often this tier is right on this form: a person should look. */
  needsReview?: true;
};

export type ExtractResult = {
  fields: Record<string, ExtractedField>;
  /** Of the rules. */
  provenance: Provenance;
  /** Of the tagger and of the language model, where one was asked. `dropped`: values that did not stand up to our checks. */
  tagger?: Provenance & { dropped: number };
  llm?: Provenance & { dropped: number };
};

export type RespondResult = { text: string; tier: Tier; draft: true; provenance: Provenance };

export type Understanding = {
  language?: string;
  classify?: ClassifyResult;
  extract?: ExtractResult;
  respond?: RespondResult;
  /** Where the texts say who somebody is; absent where nobody has looked. Never the words themselves. */
  personal?: (PersonalSpan & { question: string })[];
  /** The nearest earlier response of the form, where it says the same (`nearDuplicateFrom`). */
  nearDuplicateOf?: { id: string; similarity: number };
  /** Why a part is missing, e.g. `{ classify: 'no-trained-head' }`. */
  skipped?: Record<string, string>;
  trail?: TrailEntry[];
  /** Milliseconds that a language model has spent on it, waiting included. */
  modelMs?: number;
};

/** A person's correction; kept beside the machine's result, never over it. */
export type Review = { label?: string | null; fields?: Record<string, string>; reply?: string; by: string; at: number };

export type Response = {
  id: string;
  formId: string;
  formVersion: number;
  status: ResponseStatus;
  answers: Record<string, Json>;
  metadata: Record<string, string> | undefined;
  submittedAt: number;
  /** Submission day `YYYY-MM-DD` in the installation's time zone: what analytics and exports partition by. */
  day: string;
  /** sha256 of the canonical body as sent, where it came with an idempotency key: tells a repeat from another body under the same key. */
  bodySha256: string | undefined;
  /** Hash of form and Idempotency-Key; undefined without one. Unique. */
  idempotency: string | undefined;
  salt: string;
  payloadSha256: string;
  /** Answers to hidden questions that were left out. */
  hiddenDropped: number;
  /** The root task's id is `rootTaskId(id)`; this is what it must run. */
  steps: string[];
  understanding: Understanding | undefined;
  /** Parts that a language model still works on, and the task that left them to it; absent when there are none. */
  open?: { by: string; parts: Part[] };
  review: Review | undefined;
  /** When somebody cancelled its understanding, or gave it up: the task that tells is pruned one day. */
  stoppedAt?: number;
  /** How it is told of by e-mail, as its form said when it was accepted; absent when that named nobody, and in what an older release has kept. */
  notify?: 'each' | 'digest';
  /** Ids of the tasks whose effect this document already holds (the newest 20). */
  applied: string[];
};

/** A response as the store returns it: with the receipt that its commit gave it. */
export type KeptResponse = Response & { receipt: Receipt };

/** The label that counts: the person's if there is one, else the machine's unless it abstained. */
export function effectiveLabel(response: Pick<Response, 'review' | 'understanding'>): string | null | undefined {
  if (response.review && response.review.label !== undefined) return response.review.label;
  const found = response.understanding?.classify;
  return found === undefined || found.needsReview ? undefined : found.label;
}

/** The `applied` list after one more task; bounded, since only recent tasks can still repeat. */
export function withApplied(applied: string[], taskId: string): string[] {
  return applied.includes(taskId) ? applied : [...applied, taskId].slice(-20);
}

/** What a receipt covers, as canonical JSON: the answers as kept and everything that was acknowledged with them. */
export function receiptPayload(
  response: Pick<Response, 'formId' | 'formVersion' | 'answers' | 'metadata' | 'submittedAt'>,
): string {
  return canonicalJson({
    form_id: response.formId,
    form_version: response.formVersion,
    answers: response.answers,
    metadata: response.metadata,
    submitted_at: response.submittedAt,
  });
}

export type NewResponse = {
  id: string;
  formId: string;
  formVersion: number;
  answers: Record<string, Json>;
  metadata: Record<string, string> | undefined;
  now: number;
  day: string;
  bodySha256: string | undefined;
  idempotency: string | undefined;
  /** Hex. */
  salt: string;
  hiddenDropped: number;
  /** Names of the steps that understanding it takes; none: it is complete as it is. */
  steps: string[];
  notify?: Response['notify'];
};

export function newResponse(input: NewResponse): Response {
  const { now, ...given } = input;
  const payload = receiptPayload({ ...given, submittedAt: now });
  return {
    ...given,
    status: input.steps.length === 0 ? 'completed' : 'accepted',
    submittedAt: now,
    payloadSha256: payloadSha256(input.salt, payload),
    understanding: undefined,
    review: undefined,
    applied: [],
  };
}
