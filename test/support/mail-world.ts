import type { TestContext } from 'node:test';
import { createFormCatalog } from '#app/form-catalog.ts';
import { createMailContent } from '#app/mail/content.ts';
import { createMailDelivery } from '#app/mail/delivery.ts';
import { createMailFanOut } from '#app/mail/fan-out.ts';
import { createMailNotices } from '#app/mail/notices.ts';
import type { Consequences } from '#domain/consequences.ts';
import { dayIn } from '#domain/day.ts';
import { compileForm, contentSha256 } from '#domain/form/compile.ts';
import { parseDefinition } from '#domain/form/definition.ts';
import { type FormSettings, versionId } from '#domain/form/form.ts';
import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { type KeptResponse, newResponse } from '#domain/response.ts';
import { isFinished, type NewTask, type Task } from '#domain/task.ts';
import { fanOutEmail } from '#jobs/handlers/fan-out-email.ts';
import { mailSummary } from '#jobs/handlers/mail-summary.ts';
import { sendEmail } from '#jobs/handlers/send-email.ts';
import type { Handlers } from '#jobs/registry.ts';
import type { MailMessage, MailOutcome } from '#ports/mailer.ts';
import type { Storage } from '#ports/storage.ts';
import { createAjvValidator } from '../../src/adapters/validator-ajv/ajv-validator.ts';
import { aForm } from '../contract/storage/documents.ts';
import { openTaskWorld, until } from './task-world.ts';

const parsed = parseDefinition({
  elements: [
    { type: 'comment', name: 'message', title: 'Your message' },
    { type: 'text', name: 'pin', title: 'PIN', inputType: 'password' },
  ],
});
if ('issues' in parsed) throw new Error(JSON.stringify(parsed.issues));
const { definition } = parsed;
const sender = { from: 'forms@forms.example.org', timeZone: 'Europe/Vienna', publicUrl: undefined };

/** Forms, responses and a worker for e-mail on a store of its own. `answer` is the SMTP server; `seen` may change what the worker sees of the store. */
export async function openMailWorld(
  t: TestContext,
  answer: (message: MailMessage) => MailOutcome | Promise<MailOutcome> = () => ({ kind: 'sent' }),
  summaryTo: string[] = [],
  seen: (storage: Storage) => Storage = (storage) => storage,
) {
  const world = await openTaskWorld(t);
  const { storage, clock, ids, metrics } = world;
  const { timeZone } = sender;
  const catalog = createFormCatalog({ storage, validator: createAjvValidator(), clock });
  const offer = (_tasks: NewTask[]) => {};
  const notices = createMailNotices({ configured: true, storage, catalog, clock, timeZone });
  const content = createMailContent({ storage, catalog, sender });
  const fanOut = createMailFanOut({ storage, clock, offer, timeZone, summaryTo });
  /** Every try, in the order in which they were made. */
  const tried: MailMessage[] = [];
  const mailer = {
    limitMs: 1_000,
    send: async (message: MailMessage) => {
      tried.push(message);
      return answer(message);
    },
  };
  const delivery = createMailDelivery({ storage, content, mailer, sender, clock, ids, metrics, summaryTo });
  const handlers = new Proxy({} as Handlers, {
    get: (_, kind) => {
      if (kind === 'fan-out-email') return fanOutEmail(fanOut);
      if (kind === 'send-email') return sendEmail(delivery);
      if (kind === 'mail-summary') return mailSummary(fanOut);
      return async () => {
        throw new Error(`no ${String(kind)} in this world`);
      };
    },
  });
  const unexpected = async () => ({ dead: { code: 'unexpected', detail: '' } });
  world.startWorker(unexpected, {
    runner: { handlers, afterDeath: notices.died },
    reconciler: { afterDeath: notices.died },
    storage: seen(storage),
  });
  const tasks = async () => (await storage.tasks.list({ limit: 1000 })).items;

  return {
    ...world,
    notices,
    delivery,
    tried,
    tasks,
    async form(settings: FormSettings, intelligence?: IntelligenceSpec, title = 'Contact'): Promise<string> {
      const form = aForm({
        title,
        settings,
        intelligence,
        status: 'open',
        version: 1,
        definition,
        createdAt: clock.now(),
      });
      const compiled = compileForm(definition);
      const version = {
        id: versionId(form.id, 1),
        formId: form.id,
        version: 1,
        title,
        definition,
        intelligence,
        compiled,
      };
      const doc = { ...version, contentSha256: contentSha256(definition), publishedAt: clock.now() };
      await storage.commit({
        change: { op: 'insert', kind: 'form', doc: form },
        also: [{ kind: 'form-version', doc }],
      });
      return form.id;
    },
    async settings(formId: string, settings: FormSettings): Promise<void> {
      const stored = (await storage.get('form', formId))!;
      const change = { op: 'update', kind: 'form', doc: { ...stored.doc, settings }, expect: stored.revision } as const;
      await storage.commit({ change });
      catalog.forget(formId, formId);
    },
    /** A response as the intake keeps it, with what follows for e-mail. */
    async accepted(formId: string, message: string, over: Partial<KeptResponse> = {}): Promise<KeptResponse> {
      const form = await catalog.form(formId);
      const now = clock.now();
      const made = newResponse({
        id: ids.next('rsp'),
        formId,
        formVersion: 1,
        answers: { message, pin: 'hush' },
        metadata: undefined,
        now,
        day: dayIn(timeZone, now),
        bodySha256: undefined,
        idempotency: undefined,
        salt: 'a'.repeat(32),
        hiddenDropped: 0,
        steps: form.intelligence ? ['understand'] : [],
        notify: notices.wayOf(form),
      });
      const doc = { ...made, ...over };
      const follow = await notices.accepted(form, doc, form.intelligence === undefined);
      await storage.commit({ change: { op: 'insert', kind: 'response', doc }, ...follow });
      return (await storage.get('response', doc.id))!.doc;
    },
    follow: (follow: Consequences) => storage.commit({ change: { op: 'none' }, ...follow }),
    /** Until all that is due has been worked off. */
    settled: () =>
      until(
        async () =>
          world.idle() &&
          (await tasks()).every(
            ({ status, runAt }: Task) => isFinished(status) || (status !== 'running' && runAt > clock.now()),
          ),
      ),
  };
}
export type MailWorld = Awaited<ReturnType<typeof openMailWorld>>;
