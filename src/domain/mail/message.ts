import { type Html, html } from '../html.ts';
import { type MailAbout, messageIdOf } from './about.ts';
import { domainOf, recipientKey } from './address.ts';
import { isolated, oneLine } from './text.ts';

/** One message to one recipient. Every header is one line of ASCII but for the subject, which the mailer encodes. */
export type MailMessage = {
  /** In angle brackets. */
  messageId: string;
  to: string;
  subject: string;
  text: string;
  html: string;
  /** Beside those that follow from the other fields. */
  headers: Readonly<Record<string, string>>;
  /** Epoch ms: when what it tells of was to be told; the same at every try. */
  date: number;
};

/** Who sends, and how times and links are written. `publicUrl` has no slash at its end. */
export type Sender = { from: string; timeZone: string; publicUrl: string | undefined };

export type Content = {
  subject: string;
  /** Paragraphs of the text part; each may have several lines. */
  text: readonly string[];
  /** The same for those who see HTML. */
  body: readonly Html[];
  /** Why the recipient gets it. */
  why: string;
  /** `List-Id` without the domain. */
  list: string;
};

/** A message out of its content: headers, the frame of the HTML part, the end of both parts. Nothing in it is fetched from anywhere. */
export function mailOf(about: MailAbout, to: string, sender: Sender, date: number, content: Content): MailMessage {
  const domain = domainOf(sender.from);
  return {
    messageId: messageIdOf(about, recipientKey(to), domain),
    to,
    subject: content.subject,
    date,
    headers: {
      // RFC 3834: no holiday notice answers it. The second one says the same to Exchange.
      'Auto-Submitted': 'auto-generated',
      'X-Auto-Response-Suppress': 'All',
      'List-Id': `<${content.list.replace(/[^A-Za-z0-9]+/g, '-')}.formstead.${domain}>`,
    },
    text: `${[...content.text, `-- \n${content.why}`].join('\n\n')}\n`,
    html: html`<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${content.subject}</title></head>
<body style="margin:0;padding:16px;font:15px/1.5 sans-serif;color:#1a1a1a;background:#ffffff"><div style="max-width:640px">
${content.body.map((part) => html`${part}\n`)}<p style="margin-top:24px;font-size:12px;color:#666666">${content.why}</p>
</div></body></html>
`.markup,
  };
}

/** A title of somebody else within a subject or a sentence of ours. */
export function titled(title: string): string {
  return isolated(oneLine(title)) || 'a form';
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** `2026-01-15 12:00` on the clocks of the zone. */
export function clockTime(timeZone: string, at: number): string {
  let clock = clocks.get(timeZone);
  if (!clock) {
    // Swedish writes times as ISO 8601 does.
    clock = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
    clocks.set(timeZone, clock);
  }
  return clock.format(at);
}

/** A table of names and values. Names and values may be strangers' texts. */
export function table(rows: readonly (readonly [name: string, value: string])[]): Html {
  const cells = rows.map(
    ([
      name,
      value,
    ]) => html`<tr><th dir="auto" style="${cell};text-align:start;font-weight:normal;color:#555555">${name}</th>
<td dir="auto" style="${cell};white-space:pre-wrap">${value}</td></tr>\n`,
  );
  return html`<table style="border-collapse:collapse;width:100%">${cells}</table>`;
}
const cell = 'padding:4px 12px 4px 0;vertical-align:top;border-bottom:1px solid #eeeeee';

export function heading(text: string): Html {
  return html`<h2 dir="auto" style="font-size:16px;margin:20px 0 6px">${text}</h2>`;
}

export function paragraph(text: string): Html {
  return html`<p dir="auto" style="margin:0 0 10px;white-space:pre-wrap">${text}</p>`;
}

/** Where the response is read; nothing without a public URL. */
export function responseLink({ publicUrl }: Pick<Sender, 'publicUrl'>, id: string): string | undefined {
  return publicUrl && `${publicUrl}/api/v1/responses/${id}`;
}

export function linkTo(url: string, text: string): Html {
  return html`<p style="margin:12px 0"><a href="${url}">${text}</a></p>`;
}
