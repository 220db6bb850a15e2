import { type Consequences, nothing, tellByDigest, tellByMail } from '#domain/consequences.ts';
import type { Form } from '#domain/form/form.ts';
import { digestWindow } from '#domain/mail/digest-window.ts';
import { notifyOf } from '#domain/mail/notify.ts';
import type { KeptResponse, Response } from '#domain/response.ts';
import { stepTaskId, type Task } from '#domain/task.ts';
import { isUnderstandingTask, type TaskPayloads } from '#domain/task-kinds.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { FormCatalog } from '../form-catalog.ts';

type Deps = {
  /** False: no SMTP server is set, and nothing follows from anything. */
  configured: boolean;
  storage: Pick<Storage, 'get'>;
  catalog: Pick<FormCatalog, 'form'>;
  clock: Clock;
  timeZone: string;
};

/** Which e-mail belongs to a commit that changes a response. */
export function createMailNotices({ configured, storage, catalog, clock, timeZone }: Deps) {
  /** `isWhole`: nothing of it is to be understood, so this is all there is to tell. */
  function accepted(form: Form, response: Response, isWhole: boolean): Consequences {
    const { recipients, ...wish } = notifyOf(form.settings);
    if (!configured || recipients.size === 0) return nothing;
    if (wish.send === 'each') return isWhole ? tellByMail({ response_id: response.id }, response.submittedAt) : nothing;
    const window = digestWindow(wish, timeZone, response.submittedAt);
    return tellByDigest({ form_id: form.id, ...window }, response.submittedAt);
  }

  /** After the reading that the task `taskId` began. A response that is read again is not told of again. */
  async function understood(response: KeptResponse, taskId: string): Promise<Consequences> {
    const first = stepTaskId(response.id, 'understand');
    return taskId === first || taskId.startsWith(`${first}.`) ? toldOf(response) : nothing;
  }

  /** Nobody will understand it: somebody cancelled its task or gave it up. Those who wait for it learn of it all the same. */
  const givenUp = (response: KeptResponse): Promise<Consequences> => toldOf(response);

  /** The same for a task that ran out of tries. */
  async function died(task: Task): Promise<Consequences> {
    if (!configured || !isUnderstandingTask(task.kind)) return nothing;
    const { response_id: id } = task.payload as TaskPayloads['understand-response'];
    const stored = await storage.get('response', id);
    return stored?.doc.status === 'accepted' ? toldOf(stored.doc) : nothing;
  }

  async function toldOf(response: Response): Promise<Consequences> {
    if (!configured) return nothing;
    const { send, recipients } = notifyOf((await catalog.form(response.formId)).settings);
    return send === 'each' && recipients.size > 0 ? tellByMail({ response_id: response.id }, clock.now()) : nothing;
  }

  return { accepted, understood, givenUp, died };
}
export type MailNotices = ReturnType<typeof createMailNotices>;
