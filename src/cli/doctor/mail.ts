import { lookAtMail } from '#compose.ts';
import type { Config } from '#config.ts';
import type { Finding } from './finding.ts';

/** Whether the SMTP server lets this machine in; nothing is sent. In the stack it is the workers of the queue `default` that must reach it. */
export async function mailFindings(config: Config): Promise<Finding[]> {
  const seen = await lookAtMail(config);
  if (seen === undefined) return [{ level: 'ok', what: 'no e-mail is sent: FORMSTEAD_SMTP_URL is not set' }];
  const { host, port, outcome } = seen;
  const server = `the SMTP server ${host}:${port}`;
  if (outcome.kind === 'sent') return [{ level: 'ok', what: `${server} lets us in` }];
  const why = 'detail' in outcome ? outcome.detail : outcome.kind;
  return [
    {
      level: 'warning',
      what: `${server} does not: ${why}`,
      cure: 'Messages wait for it; after three days those that try in vain are given up. See docs/reference/mail.md, "Nothing arrives".',
    },
  ];
}
