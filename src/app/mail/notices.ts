import { type Consequences, nothing, tellByDigest, tellByMail } from '#domain/consequences.ts';
import type { Form } from '#domain/form/form.ts';
import { type Digest, fanOutMailId } from '#domain/mail/about.ts';
import { digestDue, digestWindow } from '#domain/mail/digest-window.ts';
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
  storage: Pick<Storage, 'get' | 'tasks'>;
  catalog: Pick<FormCatalog, 'form'>;
  clock: Clock;
  timeZone: string;
};

/** Which e-mail belongs to a commit that changes a response. */
export function createMailNotices({ configured, storage, catalog, clock, timeZone }: Deps) {
  /**
   * How responses of the form are told of just now. It is kept with each one that is accepted: were it asked for again once the response is understood, a change
   * of the form in between would leave it to neither way, or to both.
   */
  function wayOf({ settings }: Form): Response['notify'] {
    const { send, recipients } = notifyOf(settings);
    return configured && recipients.size > 0 ? send : undefined;
  }

  /** `isWhole`: nothing of it is to be understood, so this is all there is to tell. */
  async function accepted(form: Form, response: Response, isWhole: boolean): Promise<Consequences> {
    if (response.notify === 'digest') return digested(form, response.submittedAt);
    return response.notify === 'each' && isWhole
      ? tellByMail({ response_id: response.id }, response.submittedAt)
      : nothing;
  }

  /** A digest that was made before its window was over, by a clock that was ahead, is made once more for those who came after it. */
  async function digested({ id, settings }: Form, at: number): Promise<Consequences> {
    const window: Digest = { form_id: id, ...digestWindow(notifyOf(settings), timeZone, at) };
    let made: Task | undefined;
    for (let again = 0; ; again += 1) {
      const about = again === 0 ? window : { ...window, again };
      const task = await storage.tasks.get(fanOutMailId(about));
      if (task?.status !== 'succeeded') return tellByDigest(about, at, digestDue(about, made?.finishedAt));
      made = task;
    }
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
    const way = response.notify ?? wayOf(await catalog.form(response.formId));
    return way === 'each' ? tellByMail({ response_id: response.id }, clock.now()) : nothing;
  }

  return { wayOf, accepted, understood, givenUp, died };
}
export type MailNotices = ReturnType<typeof createMailNotices>;
