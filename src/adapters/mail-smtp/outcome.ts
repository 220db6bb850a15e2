import type { MailOutcome } from '#domain/mail/outcome.ts';

/** What nodemailer throws: its codes, and those of SMTP (RFC 5321) and of sockets. */
export type SmtpError = Error & { code?: string; responseCode?: number; response?: string; command?: string };

/** Of these the session is at fault, not the message: the service closes, asks for TLS or a login, or refuses the one we have. */
const sessionReplies: ReadonlySet<number> = new Set([421, 454, 530, 534, 535, 538]);
const messageCodes: ReadonlySet<string> = new Set(['EENVELOPE', 'EMESSAGE']);
const longestDetail = 300;

/**
 * What an error says of the message and of the server. `begun`: the connection was there and signed in, and the message was being handed over.
 * Replies decide by their number, never by their text.
 */
export function outcomeOf(err: SmtpError, begun: boolean): MailOutcome {
  const status = err.responseCode;
  const detail = detailOf(err);
  if (messageCodes.has(err.code ?? '') && (status === undefined || !sessionReplies.has(status))) {
    // Without a reply nodemailer itself refuses what it was given, such as an address that the server lacks the extension for.
    if (status === undefined) return { kind: 'refused', detail };
    return { kind: status >= 500 && status !== 503 ? 'refused' : 'deferred', status, detail };
  }
  return {
    kind: begun && !(status !== undefined && sessionReplies.has(status)) ? 'interrupted' : 'unreachable',
    status,
    detail,
  };
}

/** One line for a person: the server's own words where there are any, which nodemailer's message repeats. */
function detailOf({ code, message, response }: SmtpError): string {
  const text = (response ?? message).replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return (response === undefined && code !== undefined ? `${code}: ${text}` : text).slice(0, longestDetail);
}
