import { formAnswersFromFields, validateAnswers } from '#domain/answers.ts';
import { canonicalJson, TooDeepError } from '#domain/canonical-json.ts';
import { announce, type Consequences, eventId, join, nothing, understand } from '#domain/consequences.ts';
import { dayIn } from '#domain/day.ts';
import { AppError, type Issue } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';
import type { Form, FormVersion } from '#domain/form/form.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Json } from '#domain/json.ts';
import type { Receipt } from '#domain/receipt.ts';
import { newResponse, type Response } from '#domain/response.ts';
import { responseView } from '#domain/response-view.ts';
import { type NewTask, rootTaskId } from '#domain/task.ts';
import type { EventType } from '#domain/webhook/model.ts';
import type { Clock } from '#ports/clock.ts';
import type { DiskSpace } from '#ports/disk-space.ts';
import type { Ids } from '#ports/ids.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { FormCatalog, ReadyVersion } from './form-catalog.ts';
import type { MailNotices } from './mail/notices.ts';

export type Submission = {
  /** Id or slug. */
  form: string;
  body:
    | { answers?: unknown; form_version?: number; metadata?: Record<string, string> }
    | { fields: [string, string][] };
  idempotencyKey?: string;
};

export type Acceptance = {
  response_id: string;
  task_id: string;
  form_version: number;
  status: 'accepted';
  receipt: Receipt;
};

export type Submitted = { body: Acceptance; replayed: boolean };

export type WantsEvent = (type: EventType, formId?: string) => Promise<boolean>;

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'getByKey'>;
  catalog: FormCatalog;
  clock: Clock;
  ids: Ids;
  keyRing: Pick<KeyRing, 'hmac' | 'keyIds'>;
  disk: DiskSpace;
  wantsEvent: WantsEvent;
  mail: Pick<MailNotices, 'wayOf' | 'accepted'>;
  /** Tells the queue of new tasks early; losing it costs half a second, never a task. */
  offer: (tasks: NewTask[]) => void;
  /** Told of answers that did not fit; costs the request nothing. */
  refused: (formId: string, compiled: CompiledForm, issues: readonly Issue[]) => void;
  timeZone: string;
  diskReserveBytes: number;
};

/** The field of an HTML form that people do not see: a machine that fills everything fills it too. */
export const honeypotField = '_website';
const versionField = '_form_version';

export function createResponses(deps: Deps) {
  const { storage, clock, ids } = deps;

  /**
   * Keeps one response. Resolves only after the durable commit.
   * Errors: `form-not-found`, `form-not-published`, `version-not-found`, `form-closed`, `form-archived`, `answers-invalid`, `idempotency-key-reused`,
   * `honeypot-filled`, `body-too-deep`, `disk-nearly-full`, `storage-unavailable`.
   */
  async function submit(input: Submission): Promise<Submitted> {
    const form = await deps.catalog.form(input.form);
    const repeat = input.idempotencyKey === undefined ? undefined : repeatOf(form.id, input.idempotencyKey, input.body);
    // Before the form's state and the answers: a retry of what was accepted gets its answer even after the form has closed.
    const earlier = repeat && (await earlierOf(repeat));
    if (earlier) return replay(earlier.doc, repeat);

    const ready = await openVersion(form, input);
    const checked = validateAnswers(ready.version.compiled, ready.prepared, answersOf(input, ready));
    if ('issues' in checked) {
      deps.refused(form.id, ready.version.compiled, checked.issues);
      throw new AppError('answers-invalid', { issues: checked.issues });
    }
    await refuseWhenDiskIsFull();

    const now = clock.now();
    const response = newResponse({
      id: ids.next('rsp'),
      formId: form.id,
      formVersion: ready.version.version,
      answers: checked.answers as Record<string, Json>,
      metadata: 'fields' in input.body ? undefined : input.body.metadata,
      now,
      day: dayIn(deps.timeZone, now),
      bodySha256: repeat?.bodySha256,
      idempotency: repeat?.idempotency,
      salt: Buffer.from(ids.randomBytes(16)).toString('hex'),
      hiddenDropped: checked.hiddenDropped,
      steps: ready.version.intelligence ? ['understand'] : [],
      notify: deps.mail.wayOf(form),
    });
    const follow = await consequences(form, response, ready.version);
    const result = await storage.commit({ change: { op: 'insert', kind: 'response', doc: response }, ...follow });
    if (result.outcome === 'committed') {
      deps.offer(follow.tasks);
      return { body: acceptance(response, result.receipt!), replayed: false };
    }
    // The same key came in twice at once and the other one was written first.
    const other = result.outcome === 'exists' ? await storage.get('response', result.id) : undefined;
    if (!other)
      throw new AppError('storage-unavailable', {
        detail: 'The response could not be kept; send it again.',
        retryAfterSeconds: 1,
      });
    return replay(other.doc, repeat!);
  }

  async function earlierOf({ idempotency, formerly }: Repeat): Promise<Stored<'response'> | undefined> {
    for (const key of [idempotency, ...formerly]) {
      const found = await storage.getByKey('response', key);
      if (found) return found;
    }
    return undefined;
  }

  function replay(response: Response & { receipt: Receipt }, repeat: Repeat): Submitted {
    if (response.bodySha256 === repeat.bodySha256)
      return { body: acceptance(response, response.receipt), replayed: true };
    throw new AppError('idempotency-key-reused', {
      detail:
        'This Idempotency-Key came with another body before. Use a new key for a new response; repeat the very same body to retry.',
    });
  }

  async function openVersion(form: Form, input: Submission): Promise<ReadyVersion> {
    if (form.status === 'archived')
      throw new AppError('form-archived', { detail: 'The form has been archived and takes no more responses.' });
    const ready = await deps.catalog.version(form, requestedVersion(input));
    if (form.status === 'closed')
      throw new AppError('form-closed', { detail: 'The form takes no responses until it is reopened.' });
    return ready;
  }

  async function refuseWhenDiskIsFull(): Promise<void> {
    const { freeBytes } = await deps.disk.read().catch((cause: unknown) => {
      throw new AppError('storage-unavailable', {
        detail: 'The disk does not answer; nothing was kept.',
        retryAfterSeconds: 60,
        cause,
      });
    });
    if (freeBytes >= deps.diskReserveBytes) return;
    throw new AppError('disk-nearly-full', { detail: 'Nothing was kept. Try again later.', retryAfterSeconds: 60 });
  }

  async function consequences(form: Form, response: Response, version: FormVersion): Promise<Consequences> {
    const wanted = await deps.wantsEvent('response.accepted', response.formId);
    return join(
      version.intelligence ? understand(response.id, response.submittedAt) : nothing,
      await deps.mail.accepted(form, response, version.intelligence === undefined),
      wanted
        ? announce({
            id: eventId(response.id, 'accepted'),
            type: 'response.accepted',
            at: response.submittedAt,
            data: responseView(response),
            formId: response.formId,
            responseId: response.id,
          })
        : nothing,
    );
  }

  function repeatOf(formId: string, key: string, body: Submission['body']): Repeat {
    const hash = (keyId: string) =>
      Buffer.from(deps.keyRing.hmac('idempotency-keys', `${formId}\n${key}`, keyId)).toString('hex');
    const [current, ...former] = deps.keyRing.keyIds('idempotency-keys');
    return { idempotency: hash(current), formerly: former.map(hash), bodySha256: sha256Hex(canonical(body)) };
  }

  return { submit };
}
export type Responses = ReturnType<typeof createResponses>;

/** What tells whether a submission came before. `formerly`: its key as earlier secret keys hash it; a retry may come after the secret was rotated. */
type Repeat = { idempotency: string; formerly: string[]; bodySha256: string };

function acceptance(response: Response, receipt: Receipt): Acceptance {
  return {
    response_id: response.id,
    task_id: rootTaskId(response.id),
    form_version: response.formVersion,
    status: 'accepted',
    receipt,
  };
}

function canonical(body: unknown): string {
  try {
    return canonicalJson(body);
  } catch (err) {
    if (err instanceof TooDeepError)
      throw new AppError('body-too-deep', { detail: 'Answers are values and lists of values; send them flat.' });
    throw err;
  }
}

function requestedVersion({ body }: Submission): number | undefined {
  if (!('fields' in body)) return body.form_version;
  const text = body.fields.find(([name]) => name === versionField)?.[1];
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new AppError('malformed-body', { detail: `${versionField} must be the number of a published version.` });
}

function answersOf({ body }: Submission, ready: ReadyVersion): unknown {
  if (!('fields' in body)) return body.answers ?? {};
  const filled = body.fields.some(([name, value]) => name === honeypotField && value !== '');
  if (filled)
    throw new AppError('honeypot-filled', { detail: `Leave the field ${honeypotField} empty: people do not see it.` });
  const own = body.fields.filter(([name]) => name !== honeypotField && name !== versionField);
  return formAnswersFromFields(ready.version.compiled, own);
}
