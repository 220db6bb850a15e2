import type { Mailer } from '#ports/mailer.ts';

/** Where no SMTP server is set: nothing is sent, and every message is told so. */
export const noMailer: Mailer = {
  configured: false,
  limitMs: 0,
  send: async () => ({ kind: 'not-configured' }),
  check: async () => ({ kind: 'not-configured' }),
  close: async () => {},
};
