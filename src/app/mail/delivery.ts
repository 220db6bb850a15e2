import type { MailAbout } from '#domain/mail/about.ts';
import { recipientKey } from '#domain/mail/address.ts';
import { mailOf, type Sender } from '#domain/mail/message.ts';
import { notifyOf } from '#domain/mail/notify.ts';
import { breakerEventOf, type MailOutcome, nextMailStep } from '#domain/mail/outcome.ts';
import type { Task, TaskError } from '#domain/task.ts';
import type { BreakerState } from '#domain/webhook/breaker.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { Mailer } from '#ports/mailer.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Storage } from '#ports/storage.ts';
import type { Cause } from '../understanding.ts';
import { createBreakers } from '../webhooks/breakers.ts';
import type { MailContent, NoContent } from './content.ts';

type Deps = {
  storage: Pick<Storage, 'commit' | 'get'>;
  content: MailContent;
  mailer: Pick<Mailer, 'send' | 'limitMs'>;
  sender: Sender;
  clock: Clock;
  ids: Pick<Ids, 'chance'>;
  metrics: Pick<Metrics, 'count' | 'observe'>;
  summaryTo: readonly string[];
};

/** What came of one run of a message's task; the job turns it into the task's fate. */
export type MailDelivered =
  | { end: 'sent' | 'recipient-removed' | NoContent | 'lease-lost' }
  | { end: 'retry'; at: number; error: TaskError }
  | { end: 'dead'; error: TaskError }
  /** Not the message's fault: the breaker is open, the server away or busy, or we were asked to stop. `tried`: the mailer was asked. */
  | { end: 'later'; until: number; tried: boolean; error?: TaskError };

/** There is one server, so there is one breaker. */
const breakerId = 'smtp';

/** Kept with a task that waits: what the try before it was told would be forgotten else. */
const leftAlone: TaskError = {
  code: 'mail-server-away',
  detail: 'The SMTP server has failed several times in a row and is left alone for up to ten minutes.',
};

export function createMailDelivery(deps: Deps) {
  const { storage, clock, ids, mailer, metrics } = deps;
  const breakers = createBreakers({ storage, clock, timeoutMs: mailer.limitMs });

  /**
   * Makes one try at a message: find the recipient, write it, send it. Never throws for what the server does. A process that is killed between the server's
   * answer and the end of its task sends the message again, under the same Message-ID.
   */
  async function deliver(run: {
    cause: Cause;
    task: Pick<Task, 'attempts' | 'createdAt'>;
    about: MailAbout;
    recipient: string;
    signal: AbortSignal;
  }): Promise<MailDelivered> {
    const address = await addressOf(run.about, run.recipient);
    if (typeof address === 'object') return address;
    const content = await deps.content.contentOf(run.about, run.signal);
    if (typeof content === 'string') return { end: content };
    const message = mailOf(run.about, address, deps.sender, run.task.createdAt, content);

    const turn = await breakers.takeTurn(run.cause, breakerId);
    if (turn.turn === 'lease-lost') return { end: 'lease-lost' };
    if (turn.turn === 'later') return { end: 'later', until: turn.until, tried: false, error: leftAlone };
    const startedAt = performance.now();
    const outcome = await mailer.send(message, run.signal);
    metrics.count('formstead_mail_attempts_total', { outcome: outcome.kind });
    metrics.observe('formstead_mail_attempt_seconds', {}, (performance.now() - startedAt) / 1000);
    await breakers.tell(run.cause, breakerId, breakerEventOf(outcome));
    return next(outcome, run.task);
  }

  function next(outcome: MailOutcome, task: Pick<Task, 'attempts' | 'createdAt'>): MailDelivered {
    const step = nextMailStep(outcome, {
      attempt: Math.max(1, task.attempts),
      since: task.createdAt,
      now: clock.now(),
      chance: ids.chance(),
    });
    switch (step.step) {
      case 'retry':
        return { end: 'retry', at: step.at, error: step.error! };
      case 'wait':
        return { end: 'later', until: step.at, tried: true, error: step.error };
      case 'dead':
        return { end: 'dead', error: step.error };
      default:
        return { end: 'sent' };
    }
  }

  /** The form itself, not the catalogue's copy: who has just been taken off the list gets nothing. */
  async function addressOf(
    about: MailAbout,
    recipient: string,
  ): Promise<string | { end: 'gone' | 'recipient-removed' }> {
    if ('day' in about)
      return deps.summaryTo.find((one) => recipientKey(one) === recipient) ?? { end: 'recipient-removed' };
    const formId = 'form_id' in about ? about.form_id : (await storage.get('response', about.response_id))?.doc.formId;
    const form = formId === undefined ? undefined : await storage.get('form', formId);
    if (!form) return { end: 'gone' };
    return notifyOf(form.doc.settings).recipients.get(recipient) ?? { end: 'recipient-removed' };
  }

  /** What the breaker has learnt of the server: the same in every process. */
  const breaker = async (): Promise<BreakerState['phase']> =>
    (await storage.get('breaker', breakerId))?.doc.state.phase ?? 'closed';

  return { deliver, breaker };
}
export type MailDelivery = ReturnType<typeof createMailDelivery>;
