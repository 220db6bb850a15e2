import { readFile } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { createTransport, type Transporter } from 'nodemailer';
import type { Mailer, MailMessage, MailOutcome } from '#ports/mailer.ts';
import { outcomeOf, type SmtpError } from './outcome.ts';
import { createPlaces } from './places.ts';

export type SmtpOptions = {
  host: string;
  port: number;
  /** `tls` from the start; `starttls`, or no message; `none`: neither asks for it nor takes it. */
  security: 'tls' | 'starttls' | 'none';
  /** A PEM file; undefined: the authorities that Node knows. */
  caFile: string | undefined;
  login: { user: string; password: string } | undefined;
  /** The address that messages come from. */
  from: string;
  /** For connecting, and for each answer; also for waiting until a connection is free. */
  timeoutMs: number;
  /** At once. */
  connections: number;
};

const messagesPerConnection = 100;
/** Below what servers wait for at the least (RFC 5321: 5 minutes), so that none closes a connection just when we use it. */
const idleMs = 30_000;
const senderName = 'Formstead';

/**
 * Mailer on nodemailer's pool. Nothing is connected before the first message, and the file of the authority is read then: one that cannot be read is
 * `unreachable`. How often to try is the task's to decide. Nodemailer itself tries again once, on another connection, where not a byte of the message was sent:
 * the server has closed a connection just when it was to be used. The pool gets no more messages than it has connections: its own queue would be part of a
 * message's time, and nobody could tell a server that is slow with others from one that hangs.
 */
export function createSmtpMailer(options: SmtpOptions): Mailer {
  const waitMs = options.timeoutMs;
  const tryMs = 3 * options.timeoutMs;
  const places = createPlaces(options.connections);
  let pool: Promise<Transporter> | undefined;
  let closed = false;
  /** Signals of the messages that the pool has begun to hand over: nodemailer copies all else that it is given. */
  const begun = new WeakSet<AbortSignal>();

  async function open(): Promise<Transporter> {
    const ca = options.caFile === undefined ? undefined : await readFile(options.caFile);
    const transport = createTransport({
      pool: true,
      host: options.host,
      port: options.port,
      secure: options.security === 'tls',
      requireTLS: options.security === 'starttls',
      ignoreTLS: options.security === 'none',
      tls: { ca, minVersion: 'TLSv1.2' },
      // A server that asks for no login is not the one that the settings mean.
      ...(options.login && { auth: { user: options.login.user, pass: options.login.password }, forceAuth: true }),
      maxConnections: options.connections,
      maxMessages: messagesPerConnection,
      maxRequeues: 1,
      idleTimeout: idleMs,
      dnsTimeout: options.timeoutMs,
      connectionTimeout: options.timeoutMs,
      greetingTimeout: options.timeoutMs,
      socketTimeout: options.timeoutMs,
      maxResponseSize: 65_536,
      // A message is what we give, never a file or an address to fetch.
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    // The pool makes a message's stream when it has a connection that is signed in: from then on the server may have taken it.
    transport.use('stream', (mail, done) => {
      mail.message.transform(() => {
        begun.add(mail.data.signal as AbortSignal);
        return new PassThrough();
      });
      done();
    });
    return transport;
  }

  /** A failed opening is not kept: the file may be there next time. */
  function opened(): Promise<Transporter> {
    pool ??= open().catch((err: unknown) => {
      pool = undefined;
      throw err;
    });
    return pool;
  }

  async function send(message: MailMessage, signal: AbortSignal): Promise<MailOutcome> {
    const isOurs = await places.take(AbortSignal.any([signal, AbortSignal.timeout(waitMs)]));
    if (!isOurs && (signal.aborted || closed)) return { kind: 'cancelled' };
    if (!isOurs) return { kind: 'busy', detail: `no connection was free for ${waitMs} ms` };
    try {
      return await hand(message, signal);
    } finally {
      places.leave();
    }
  }

  async function hand(message: MailMessage, signal: AbortSignal): Promise<MailOutcome> {
    if (closed || signal.aborted) return { kind: 'cancelled' };
    const limit = AbortSignal.timeout(tryMs);
    const either = AbortSignal.any([signal, limit]);
    try {
      await (await opened()).sendMail({ ...mailData(message, options.from), signal: either });
      return { kind: 'sent' };
    } catch (err) {
      if (signal.aborted || closed) return { kind: 'cancelled' };
      if (!limit.aborted) return outcomeOf(err as SmtpError, begun.has(either));
      return { kind: begun.has(either) ? 'interrupted' : 'unreachable', detail: `over ${tryMs} ms` };
    }
  }

  async function check(): Promise<MailOutcome> {
    try {
      await (await opened()).verify();
      return { kind: 'sent' };
    } catch (err) {
      return outcomeOf(err as SmtpError, false);
    }
  }

  async function close(): Promise<void> {
    closed = true;
    const transport = await pool?.catch(() => undefined);
    transport?.close({ force: true });
  }

  return { configured: true, limitMs: waitMs + tryMs, send, check, close };
}

function mailData(message: MailMessage, from: string) {
  return {
    from: { name: senderName, address: from },
    to: { name: '', address: message.to },
    envelope: { from, to: [message.to] },
    messageId: message.messageId,
    date: new Date(message.date),
    subject: message.subject,
    text: message.text,
    html: message.html,
    headers: { ...message.headers },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
