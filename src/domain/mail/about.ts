import { derivedUuid } from '../derived-id.ts';
import { stepTaskId } from '../task.ts';

/*
 * E-mail: terminology
 * - notice: what is told of one response, one message to each recipient
 * - digest: what is told of a form's responses of one window, one message to each recipient
 * - summary: what is told of a day, over all forms, to those whom the settings name
 */

/** What a message tells of; the payload of its task. `from` inclusive, `to` exclusive, epoch ms; `day` is `YYYY-MM-DD` in the installation's time zone. */
export type MailAbout = Notice | Digest | Summary;
export type Notice = { response_id: string };
/** `again`: counts the digests of the window that were made before this one; absent for the first. */
export type Digest = { form_id: string; from: number; to: number; again?: number };
export type Summary = { day: string };

/** The task that makes one message of each recipient. A second wish for the same is the same task. */
export function fanOutMailId(about: Notice | Digest): string {
  return 'form_id' in about
    ? stepTaskId(about.form_id, `digest-${spanOf(about)}`)
    : stepTaskId(about.response_id, 'email');
}

/** The task that sends one message. `recipient` is a `recipientKey`. */
export function sendMailId(about: MailAbout, recipient: string): string {
  if ('day' in about) return `tsk_${derivedUuid(Date.parse(about.day), 'mail-summary')}:email-${recipient}`;
  return 'form_id' in about
    ? `${fanOutMailId(about)}-${recipient}`
    : stepTaskId(about.response_id, `email-${recipient}`);
}

/** The Message-ID of every try at a message, by which a mailbox can know it again; `domain` is the sender's. */
export function messageIdOf(about: MailAbout, recipient: string, domain: string): string {
  return `<${localPart(about)}.${recipient}@${domain}>`;
}

function localPart(about: MailAbout): string {
  if ('day' in about) return `summary.${about.day}`;
  return 'form_id' in about ? `${about.form_id}.${spanOf(about)}` : about.response_id;
}

function spanOf({ from, to, again }: Digest): string {
  return again === undefined ? `${from}-${to}` : `${from}-${to}-again-${again}`;
}
