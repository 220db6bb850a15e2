import { dayIn } from '#domain/day.ts';
import { previousDay } from '#domain/day-bounds.ts';
import { type Digest, type MailAbout, type Notice, sendMailId } from '#domain/mail/about.ts';
import { recipientKey } from '#domain/mail/address.ts';
import { notifyOf } from '#domain/mail/notify.ts';
import { type NewTask, rootTaskId } from '#domain/task.ts';
import { newTask } from '#domain/task-kinds.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { Cause } from '../understanding.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  clock: Clock;
  offer: (tasks: NewTask[]) => void;
  timeZone: string;
  /** Who gets the daily summary. */
  summaryTo: readonly string[];
};

export type MailFannedOut = { end: 'fanned-out'; messages: number } | { end: 'gone' | 'lease-lost' };

/** One task for each recipient, in one commit, under derived ids: a second run changes nothing. */
export function createMailFanOut({ storage, clock, offer, timeZone, summaryTo }: Deps) {
  /** To those whom the form names now. */
  async function fanOut(cause: Cause, about: Notice | Digest): Promise<MailFannedOut> {
    const formId = 'form_id' in about ? about.form_id : (await storage.get('response', about.response_id))?.doc.formId;
    const form = formId === undefined ? undefined : await storage.get('form', formId);
    if (!form) return { end: 'gone' };
    const { recipients } = notifyOf(form.doc.settings);
    return wish(cause, about, [...recipients.keys()]);
  }

  /** The summary of the day before `tick`'s. Without any form there is none: the first start makes up a tick of before the installation. */
  async function summarize(cause: Cause, tick: number): Promise<MailFannedOut> {
    if ((await storage.list('form', { limit: 1 })).items.length === 0) return { end: 'fanned-out', messages: 0 };
    const day = previousDay(dayIn(timeZone, tick));
    return wish(cause, { day }, summaryTo.map(recipientKey));
  }

  async function wish(cause: Cause, about: MailAbout, recipients: readonly string[]): Promise<MailFannedOut> {
    const now = clock.now();
    const root = 'response_id' in about ? rootTaskId(about.response_id) : undefined;
    const tasks = recipients.map((recipient) =>
      newTask('send-email', { id: sendMailId(about, recipient), payload: { about, recipient }, now, root }),
    );
    const { outcome } = await storage.commit({ change: { op: 'none' }, tasks, cause });
    if (outcome !== 'committed') return { end: 'lease-lost' };
    offer(tasks);
    return { end: 'fanned-out', messages: tasks.length };
  }

  return { fanOut, summarize };
}
export type MailFanOut = ReturnType<typeof createMailFanOut>;
