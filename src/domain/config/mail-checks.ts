import type { Check } from './checks.ts';
import { isLoopback } from './network.ts';

/** Host and port of the SMTP server. `secure`: TLS from the start. 465 and 587 are the ports of submission (RFC 8314). */
export function smtpServer(smtpUrl: string): { host: string; port: number; secure: boolean } {
  const { protocol, hostname, port } = new URL(smtpUrl);
  const secure = protocol === 'smtps:';
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? (secure ? 465 : 587) : Number(port), secure };
}

/** Whether messages go to the server without TLS: on this machine nobody listens in between. */
export function isPlain(settings: { smtpUrl: string; smtpPlain: boolean; smtpCaFile: string | undefined }): boolean {
  const { host, secure } = smtpServer(settings.smtpUrl);
  return !secure && settings.smtpCaFile === undefined && (settings.smtpPlain || isLoopback(host));
}

const withoutServer = {
  smtpUser: 'FORMSTEAD_SMTP_USER',
  smtpPassword: 'FORMSTEAD_SMTP_PASSWORD',
  smtpCaFile: 'FORMSTEAD_SMTP_CA_FILE',
  mailFrom: 'FORMSTEAD_MAIL_FROM',
  mailSummaryTo: 'FORMSTEAD_MAIL_SUMMARY_TO',
} as const;

export const mailChecks: readonly Check[] = [
  {
    reads: ['smtpUrl'],
    level: 'mistake',
    find: ({ smtpUrl }) => {
      const {
        username = '',
        password = '',
        pathname = '',
        search = '',
      } = smtpUrl === undefined ? {} : new URL(smtpUrl);
      if (username !== '' || password !== '')
        return {
          name: 'FORMSTEAD_SMTP_URL',
          problem: 'holds a user or a password',
          cure: 'Put them into FORMSTEAD_SMTP_USER and FORMSTEAD_SMTP_PASSWORD (or FORMSTEAD_SMTP_PASSWORD_FILE).',
        };
      return pathname.length > 1 || search !== ''
        ? {
            name: 'FORMSTEAD_SMTP_URL',
            problem: 'has something behind host and port',
            cure: 'Write smtps://host, or smtp://host:port.',
          }
        : undefined;
    },
  },
  {
    reads: ['smtpUrl', 'mailFrom'],
    level: 'mistake',
    find: ({ smtpUrl, mailFrom }) =>
      smtpUrl !== undefined && mailFrom === undefined
        ? {
            name: 'FORMSTEAD_MAIL_FROM',
            problem: 'is not set, and FORMSTEAD_SMTP_URL is',
            cure: 'Set it to the address that messages come from; the server must let FORMSTEAD_SMTP_USER send as it.',
          }
        : undefined,
  },
  {
    reads: ['smtpUrl', 'smtpUser', 'smtpPassword', 'smtpCaFile', 'mailFrom', 'mailSummaryTo'],
    level: 'mistake',
    find: (settings) => {
      if (settings.smtpUrl !== undefined) return undefined;
      const set = Object.entries(withoutServer).find(([key]) => {
        const value = settings[key as keyof typeof withoutServer];
        return value !== undefined && value.length > 0;
      });
      return (
        set && {
          name: set[1],
          problem: 'is set without FORMSTEAD_SMTP_URL, so nothing would be sent',
          cure: 'Set FORMSTEAD_SMTP_URL too, such as smtps://mail.example.org, or unset it.',
        }
      );
    },
  },
  {
    reads: ['smtpUser', 'smtpPassword'],
    level: 'mistake',
    find: ({ smtpUser, smtpPassword }) => {
      if ((smtpUser === undefined) === (smtpPassword === undefined)) return undefined;
      const names = ['FORMSTEAD_SMTP_USER', 'FORMSTEAD_SMTP_PASSWORD'] as const;
      const [name, other] = smtpUser === undefined ? [names[1], names[0]] : names;
      return {
        name,
        problem: `is set without ${other}`,
        cure: `Set ${other} too, or unset both: then nobody signs in to the SMTP server.`,
      };
    },
  },
  {
    reads: ['smtpUrl', 'smtpPlain', 'smtpCaFile'],
    level: 'warning',
    find: ({ smtpUrl, smtpPlain, smtpCaFile }) =>
      smtpUrl !== undefined && isPlain({ smtpUrl, smtpPlain, smtpCaFile }) && !isLoopback(smtpServer(smtpUrl).host)
        ? {
            name: 'FORMSTEAD_SMTP_PLAIN',
            problem: 'is on: whoever is between this machine and the SMTP server reads every message, and the password',
            cure: 'Unset it; smtps:, or smtp: with STARTTLS, needs no more than a certificate on the server.',
          }
        : undefined,
  },
];
