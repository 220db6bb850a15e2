import type { MailOutcome } from '#domain/mail/outcome.ts';

/** What nodemailer throws: its codes, and those of SMTP (RFC 5321) and of sockets. */
export type SmtpError = Error & { code?: string; responseCode?: number; response?: string; command?: string };

/** Of these the session is at fault, not the message: the service closes, asks for TLS or a login, or refuses the one we have. */
const sessionReplies: ReadonlySet<number> = new Set([421, 454, 530, 534, 535, 538]);
const messageCodes: ReadonlySet<string> = new Set(['EENVELOPE', 'EMESSAGE']);
/** The one refusal of MAIL FROM that is about the message: it is too long. */
const tooLong = 552;
const longestDetail = 300;

/**
 * What an error says of the message and of the server. `begun`: the connection was there and signed in, and the message was being handed over.
 * Replies decide by their number, never by their text.
 */
export function outcomeOf(err: SmtpError, begun: boolean): MailOutcome {
  const status = err.responseCode;
  const detail = detailOf(err);
  if (isOfSession(err)) return { kind: 'unreachable', status, detail };
  if (!messageCodes.has(err.code ?? '')) return { kind: begun ? 'interrupted' : 'unreachable', status, detail };
  // Without a reply nodemailer itself refuses what it was given, such as an address that the server lacks the extension for.
  const forGood = status === undefined || (status >= 500 && status !== 503);
  return { kind: forGood ? 'refused' : 'deferred', status, detail };
}

/** A sender that is refused is refused with every message: it is the settings that are wrong, and no message must be given up for them. */
function isOfSession({ responseCode: status, command }: SmtpError): boolean {
  if (status === undefined) return false;
  return sessionReplies.has(status) || (command === 'MAIL FROM' && status >= 500 && status !== tooLong);
}

/** One line for a person: the server's own words where there are any, which nodemailer's message repeats. */
function detailOf({ code, message, response }: SmtpError): string {
  const text = (response ?? message).replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return (response === undefined && code !== undefined ? `${code}: ${text}` : text).slice(0, longestDetail);
}
