import type { FormCatalog } from '#app/form-catalog.ts';
import { createMailContent } from '#app/mail/content.ts';
import { createMailDelivery } from '#app/mail/delivery.ts';
import { createMailFanOut } from '#app/mail/fan-out.ts';
import { createMailNotices } from '#app/mail/notices.ts';
import type { Config } from '#config.ts';
import { isPlain, smtpServer } from '#domain/config/mail-checks.ts';
import type { NewTask } from '#domain/task.ts';
import type { Mailer } from '#ports/mailer.ts';
import type { Adapters } from './adapters.ts';

/** The mailer of the settings; one that sends nothing where they name no server. Connects to nobody yet. */
export async function openMailer(config: Config): Promise<Mailer> {
  const { smtpUrl, mailFrom } = config;
  // The checks of the settings see to it that one is not set without the other.
  if (smtpUrl === undefined || mailFrom === undefined)
    return (await import('#adapters/mail-smtp/no-mailer.ts')).noMailer;
  const { createSmtpMailer } = await import('#adapters/mail-smtp/smtp-mailer.ts');
  const { host, port, secure } = smtpServer(smtpUrl);
  const { smtpPlain, smtpCaFile, smtpUser, smtpPassword } = config;
  return createSmtpMailer({
    host,
    port,
    security: secure ? 'tls' : isPlain({ smtpUrl, smtpPlain, smtpCaFile }) ? 'none' : 'starttls',
    caFile: smtpCaFile,
    login:
      smtpUser !== undefined && smtpPassword !== undefined ? { user: smtpUser, password: smtpPassword } : undefined,
    from: mailFrom,
    timeoutMs: config.smtpTimeoutMs,
    connections: config.smtpConnections,
  });
}

/** The use cases of e-mail. */
export function createMail(
  { storage, clock, ids, metrics, mailer }: Pick<Adapters, 'storage' | 'clock' | 'ids' | 'metrics' | 'mailer'>,
  config: Config,
  { catalog, offer }: { catalog: FormCatalog; offer: (tasks: NewTask[]) => void },
) {
  const { timeZone, mailSummaryTo: summaryTo } = config;
  const sender = { from: config.mailFrom ?? '', timeZone, publicUrl: config.publicUrl };
  const content = createMailContent({ storage, catalog, sender });
  return {
    mailNotices: createMailNotices({ configured: mailer.configured, storage, catalog, clock, timeZone }),
    mailFanOut: createMailFanOut({ storage, clock, offer, timeZone, summaryTo }),
    mailDelivery: createMailDelivery({ storage, content, mailer, sender, clock, ids, metrics, summaryTo }),
  };
}

/** Whether the mail server lets us in, looked at once; undefined where none is set. Errors: none. */
export async function lookAtMail(config: Config) {
  if (config.smtpUrl === undefined) return undefined;
  const mailer = await openMailer(config);
  try {
    return { ...smtpServer(config.smtpUrl), outcome: await mailer.check() };
  } finally {
    await mailer.close();
  }
}
