import type { Json } from './json.ts';
import { type Digest, fanOutMailId, type Notice } from './mail/about.ts';
import type { Part } from './response.ts';
import { type NewTask, rootTaskId, stepTaskId } from './task.ts';
import { newTask } from './task-kinds.ts';
import type { EventType, WebhookEvent } from './webhook/model.ts';
import { eventBody } from './webhook/model.ts';

/**
 * What happens next, in one place. A use case that changes something asks here which tasks and events belong to the same commit.
 *
 * | happened            | tasks                                       | event               |
 * | ------------------- | ------------------------------------------- | ------------------- |
 * | response accepted   | understand-response, if the form wants it   | response.accepted   |
 * |                     | fan-out-email: the digest, or the notice    |                     |
 * |                     | where nothing is to be understood           |                     |
 * | cheap tiers asked   | classify-response, extract-fields and       |                     |
 * |                     | draft-reply for what is left to a model     |                     |
 * | response understood | fan-out-email: the notice, the first time   | response.understood |
 * | it will not be      | fan-out-email: the notice                   |                     |
 * | response reviewed   | train-head, if it says a label              | response.reviewed   |
 * |                     | train-tagger, if it says fields             |                     |
 * | response understood | train-head, where another embedding model   |                     |
 * |                     | is in use; train-head and train-tagger,     |                     |
 * |                     | where their file is lost or damaged;        |                     |
 * |                     | fit-model, where nothing is known of the    |                     |
 * |                     | language model on this form                 |                     |
 * | form published      | train-head, if it classifies                |                     |
 * |                     | train-tagger, if it extracts                |                     |
 * | search lacks vectors| embed-responses                             |                     |
 * | examples uploaded   | train-head, train-tagger: what they say     |                     |
 * | export asked for    | run-export                                  |                     |
 * | export finished     |                                             | export.ready        |
 * | task out of tries   |                                             | task.failed         |
 *
 * An event is kept only where an endpoint asked for it, disabled or not, with a fan-out-event task beside it. E-mail is for forms that name addresses.
 */
export type Consequences = { tasks: NewTask[]; also: { kind: 'event'; doc: WebhookEvent }[] };

export const nothing: Consequences = { tasks: [], also: [] };

export function join(...parts: Consequences[]): Consequences {
  const some = parts.filter((part) => part !== nothing);
  if (some.length === 1) return some[0]!;
  return { tasks: some.flatMap((part) => part.tasks), also: some.flatMap((part) => part.also) };
}

/** The event and its fan-out. `subject` is the id the event's id is derived from, `name` tells apart what happens to it more than once. */
export function announce(event: {
  id: string;
  type: EventType;
  at: number;
  data: { [key: string]: Json };
  formId?: string;
  responseId?: string;
}): Consequences {
  const doc: WebhookEvent = {
    id: event.id,
    type: event.type,
    formId: event.formId,
    responseId: event.responseId,
    at: event.at,
    body: eventBody(event.type, event.at, event.data),
  };
  const task = newTask('fan-out-event', {
    id: fanOutTaskId(event.id),
    payload: { event_id: event.id },
    now: event.at,
    root: event.responseId === undefined ? undefined : rootTaskId(event.responseId),
  });
  return { tasks: [task], also: [{ kind: 'event', doc }] };
}

/** The task that passes an event on. Until it has ended, the event must stay. */
export function fanOutTaskId(eventId: string): string {
  return stepTaskId(eventId, 'fan-out');
}

/** The event that tells of a dead letter. `at` (epoch ms) tells apart the deaths of a task that was requeued. */
export function failureEventId(taskId: string, at: number): string {
  return eventId(taskId, `failed-${at}`);
}

/** Whether an id is one of `failureEventId`. */
export function isFailureEventId(id: string): boolean {
  return /_failed-\d+$/.test(id);
}

/** Deterministic id of an event about `subjectId`: the same commit again makes the same event. */
export function eventId(subjectId: string, name: string): string {
  // The id travels as webhook-id, which takes letters, digits, _ and - only. The id of a scheduled task holds a time, with colons and a full stop.
  return `evt_${subjectId.slice(4)}_${name}`.replace(/[^A-Za-z0-9_-]/g, '_');
}

/** A response that somebody is to be told of. Wished for again, it is the same task. */
export function tellByMail(about: Notice, now: number): Consequences {
  const root = rootTaskId(about.response_id);
  return { tasks: [newTask('fan-out-email', { id: fanOutMailId(about), payload: { about }, now, root })], also: [] };
}

/** The digest that a response will be in: every response of the window wishes for it, and it is one task, which waits until `runAt`. */
export function tellByDigest(about: Digest, now: number, runAt: number): Consequences {
  const wish = { id: fanOutMailId(about), payload: { about }, now, runAt };
  return { tasks: [newTask('fan-out-email', wish)], also: [] };
}

/** `again` tells a second reading apart from the one that followed the acceptance. */
export function understand(responseId: string, now: number, again?: string): Consequences {
  const task = newTask('understand-response', {
    id: stepTaskId(responseId, again === undefined ? 'understand' : `understand-${again}`),
    payload: { response_id: responseId },
    now,
    root: rootTaskId(responseId),
  });
  return { tasks: [task], also: [] };
}

const kindOfPart = { classify: 'classify-response', extract: 'extract-fields', respond: 'draft-reply' } as const;

/** What is left to a language model after the task `taskId` has asked the cheaper tiers: a step for each part. */
export function askModel(taskId: string, responseId: string, open: readonly Part[], now: number): Consequences {
  const tasks = open.map((part) =>
    newTask(kindOfPart[part], {
      id: `${taskId}.${part}`,
      payload: { response_id: responseId },
      now,
      root: rootTaskId(responseId),
    }),
  );
  return { tasks, also: [] };
}

/** One measurement for a form's head and a model; asked for by every response that would need it. */
export function fitModel(formId: string, modelSha256: string, headSha256: string, now: number): Consequences {
  const id = stepTaskId(formId, `fit-${modelSha256.slice(0, 12)}-${headSha256.slice(0, 12)}`);
  const payload = { form_id: formId, model_sha256: modelSha256 };
  return { tasks: [newTask('fit-model', { id, payload, now })], also: [] };
}

/** What the ids of all tasks that make vectors of a form's responses begin with. */
export function embedTaskPrefix(formId: string): string {
  return stepTaskId(formId, 'embed-');
}

/** `window` names the time in which asking twice is asking once. */
export function embedResponses(formId: string, modelSha256: string, window: string, now: number): NewTask {
  const id = `${embedTaskPrefix(formId)}${modelSha256.slice(0, 12)}-${window}`;
  return newTask('embed-responses', { id, payload: { form_id: formId }, now });
}

/** Reviews come in bursts: all of the same ten seconds share one training. */
const trainingWindowMs = 10_000;

/** What there is to learn: labels for the head, fields for the tagger. */
export type Subject = 'head' | 'tagger';

function training(subject: Subject, formId: string, name: string, now: number, runAt = now): NewTask {
  const [kind, id] =
    subject === 'head'
      ? (['train-head', `train-${name}`] as const)
      : (['train-tagger', `train-tagger-${name}`] as const);
  return newTask(kind, { id: stepTaskId(formId, id), payload: { form_id: formId }, now, runAt });
}

export function trainSoon(formId: string, now: number, subjects: readonly Subject[] = ['head']): Consequences {
  const window = Math.floor(now / trainingWindowMs);
  const runAt = (window + 1) * trainingWindowMs;
  return { tasks: subjects.map((subject) => training(subject, formId, String(window), now, runAt)), also: [] };
}

/** Another embedding model has come into use: a head learns anew with it, once. */
export function learnWithEmbeddings(
  formId: string,
  modelSha256: string,
  headSha256: string,
  now: number,
): Consequences {
  const id = stepTaskId(formId, `train-${modelSha256.slice(0, 12)}-${headSha256.slice(0, 12)}`);
  return { tasks: [newTask('train-head', { id, payload: { form_id: formId }, now })], also: [] };
}

/**
 * The file of a head or tagger is lost or damaged: it is made anew from its examples, asked for by every response that would need it. Once for each training
 * that made one, not for its bytes: the same examples give the same bytes, which may be lost again.
 */
export function learnAnew(
  subject: Subject,
  lost: { id: string; sha256: string; trainedAt: number },
  now: number,
): Consequences {
  const name = `anew-${lost.sha256.slice(0, 12)}-${lost.trainedAt}`;
  return { tasks: [training(subject, lost.id, name, now)], also: [] };
}

/** A published version whose labels come with examples, or that asks for other fields than before, has something to learn from at once. */
export function published(
  formId: string,
  version: number,
  now: number,
  subjects: readonly Subject[] = ['head'],
): Consequences {
  return { tasks: subjects.map((subject) => training(subject, formId, `v${version}`, now)), also: [] };
}

/** `batchId`: the first document of the upload. */
export function examplesUploaded(
  formId: string,
  batchId: string,
  now: number,
  subjects: readonly Subject[],
): NewTask[] {
  const wish = { payload: { form_id: formId }, now };
  return subjects.map((subject) =>
    subject === 'head'
      ? newTask('train-head', { id: `tsk_${batchId.slice(4)}`, ...wish })
      : newTask('train-tagger', { id: stepTaskId(batchId, 'tagger'), ...wish }),
  );
}
