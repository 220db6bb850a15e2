import { duration, email, emails, flag, integer, path, secret, text, timeOfDay, url } from '../setting.ts';

export const mail = {
  smtpUrl: url({
    env: 'FORMSTEAD_SMTP_URL',
    protocols: ['smtp:', 'smtps:'],
    about:
      'The SMTP server that takes our messages: `smtps://mail.example.org` speaks TLS from the start (port 465), `smtp://mail.example.org` turns to it by STARTTLS (port 587), or nothing is sent. Every process needs it, the API too; unset, there is no e-mail.',
  }),
  smtpUser: text({ env: 'FORMSTEAD_SMTP_USER', about: 'The user that signs in there.' }),
  smtpPassword: secret({
    env: 'FORMSTEAD_SMTP_PASSWORD',
    min: 1,
    max: 1024,
    cure: 'Write the password of FORMSTEAD_SMTP_USER.',
    about: 'The password of that user.',
  }),
  smtpCaFile: path({
    env: 'FORMSTEAD_SMTP_CA_FILE',
    about: 'Certificate of the authority that signed the server’s, PEM, for TLS with an authority of your own.',
  }),
  smtpPlain: flag({
    env: 'FORMSTEAD_SMTP_PLAIN',
    default: 'off',
    about:
      'Leave it. `on` sends messages and the password without TLS over `smtp:`. To a server on this machine that is done anyway, unless `FORMSTEAD_SMTP_CA_FILE` is set.',
  }),
  smtpTimeoutMs: duration({
    env: 'FORMSTEAD_SMTP_TIMEOUT',
    default: '30s',
    min: '100ms',
    max: '60s',
    about:
      'How long the server may take to connect and for each answer, and how long a message waits for a free connection; then it may take three times as long in all.',
  }),
  smtpConnections: integer({
    env: 'FORMSTEAD_SMTP_CONNECTIONS',
    default: '2',
    min: 1,
    max: 20,
    about: 'Connections of one process to the server at most. One carries up to 100 messages.',
  }),
  mailFrom: email({
    env: 'FORMSTEAD_MAIL_FROM',
    about: 'The address that messages come from, and whose domain is in their ids. Needed with `FORMSTEAD_SMTP_URL`.',
  }),
  mailSummaryTo: emails({
    env: 'FORMSTEAD_MAIL_SUMMARY_TO',
    max: 20,
    about: 'Who gets the daily summary of all forms.',
  }),
  mailSummaryAt: timeOfDay({
    env: 'FORMSTEAD_MAIL_SUMMARY_AT',
    default: '07:00',
    about: 'When the summary of the day before is sent.',
  }),
  publicUrl: url({
    env: 'FORMSTEAD_PUBLIC_URL',
    protocols: ['https:', 'http:'],
    about:
      'Where people reach this installation, such as `https://forms.example.org`: links in messages begin with it. Unset, there are none.',
  }),
};
