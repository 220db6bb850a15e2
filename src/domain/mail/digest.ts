import type { Html } from '../html.ts';
import type { Response } from '../response.ts';
import type { Digest } from './about.ts';
import { type Content, clockTime, heading, linkTo, paragraph, type Sender, table, titled } from './message.ts';
import { rowsAsText, verdictOf } from './notice.ts';
import { isolated, oneLine } from './text.ts';

/** Responses that a digest lists; it counts all of them. */
export const listedInDigest = 50;

export type DigestInput = {
  form: { id: string; title: string; wantsReading: boolean };
  window: Digest;
  counts: { total: number; byLabel: readonly { label: string | null; count: number }[]; unlabelled: number };
  /** The first ones, oldest first. `excerpt`: the beginning of what was written. */
  listed: readonly { response: Response; excerpt: string }[];
};

/** What came to a form in one window. Undefined where nothing did. */
export function digestContent({ form, window, counts, listed }: DigestInput, sender: Sender): Content | undefined {
  if (counts.total === 0) return undefined;
  const title = titled(form.title);
  const number = `${counts.total} new ${counts.total === 1 ? 'response' : 'responses'}`;
  const span = `${clockTime(sender.timeZone, window.from)} to ${clockTime(sender.timeZone, window.to)} (${sender.timeZone})`;
  const labels = countsByLabel(counts, form.wantsReading);
  const rows = listed.map(({ response, excerpt }): [string, string] => {
    const { words, look } = verdictOf(response, false);
    const unread = form.wantsReading && response.understanding === undefined ? 'not read yet' : '';
    const said = [words || (look ? 'please look' : unread), oneLine(excerpt, 140)].filter((part) => part !== '');
    return [clockTime(sender.timeZone, response.submittedAt), said.join('\n') || response.id];
  });
  const more = counts.total - listed.length;
  const rest = more > 0 ? [`and ${more} more`] : [];
  const link = sender.publicUrl && `${sender.publicUrl}/api/v1/forms/${form.id}/responses`;
  const body: Html[] = [heading(`${title}: ${number}`), paragraph(span)];
  if (labels.length > 0) body.push(table(labels));
  body.push(
    heading('Responses'),
    table(rows),
    ...rest.map(paragraph),
    ...(link ? [linkTo(link, 'All responses')] : []),
  );
  return {
    subject: `${title}: ${number}`,
    text: [
      `${title}: ${number}`,
      span,
      ...(labels.length > 0 ? [rowsAsText(labels)] : []),
      'RESPONSES',
      rowsAsText(rows),
      ...rest,
      ...(link ? [link] : []),
    ],
    body,
    why: 'Formstead sends this because an administrator put your address into notify_emails of the form.',
    list: form.id,
  };
}

function countsByLabel({ byLabel, unlabelled }: DigestInput['counts'], wantsReading: boolean): [string, string][] {
  const rows = byLabel.map(({ label, count }): [string, string] => [
    label === null ? 'none of the labels' : isolated(oneLine(label)),
    String(count),
  ]);
  return wantsReading && unlabelled > 0 ? [...rows, ['without a sure label', String(unlabelled)]] : rows;
}
