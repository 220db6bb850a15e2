/**
 * Mailer: hands one message to the SMTP server of the installation, and says what came of it.
 *
 * It speaks TLS and checks the certificate unless the settings say otherwise, keeps a bounded number of connections, and no try takes longer than its limit.
 * A message that was interrupted may have been taken all the same: the next try carries the same Message-ID, by which mailboxes know it again.
 */
import type { MailMessage } from '#domain/mail/message.ts';
import type { MailOutcome } from '#domain/mail/outcome.ts';

export type { MailMessage } from '#domain/mail/message.ts';
export type { MailOutcome } from '#domain/mail/outcome.ts';

export interface Mailer {
  /** False: no server is set, and every `send` says so. */
  readonly configured: boolean;
  /** Milliseconds after which a `send` has ended, whatever the server does. */
  readonly limitMs: number;
  /** Whatever the server does becomes an outcome; never rejects for it. `signal` stops the try; its outcome is `cancelled`, though the server may have taken it. */
  send(message: MailMessage, signal: AbortSignal): Promise<MailOutcome>;
  /** Connects and signs in, and sends nothing: `unreachable` says why it cannot, `sent` that it can. */
  check(): Promise<MailOutcome>;
  /** Ends the connections; what is being sent is interrupted. */
  close(): Promise<void>;
}
