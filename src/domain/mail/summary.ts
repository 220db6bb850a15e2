import type { Html } from '../html.ts';
import { alternative, type Bar, barChart, barsAsText, columnChart } from './chart.ts';
import { type Content, heading, paragraph, table, titled } from './message.ts';
import { rowsAsText } from './notice.ts';
import { apart, isolated } from './text.ts';

/** Days of the chart, the one that is told of as the last. */
export const summaryDays = 14;
/** Forms and labels that are named; the rest is counted. */
const named = 10;
/** Characters of a label beside its bar. */
const longestLabel = 24;

export type SummaryInput = {
  /** `YYYY-MM-DD` in the installation's time zone. */
  day: string;
  timeZone: string;
  /** Of all forms, one entry for each of the days, oldest first. */
  perDay: readonly { day: string; count: number }[];
  /** Forms with responses on the day. */
  forms: readonly {
    id: string;
    title: string;
    total: number;
    byLabel: readonly { label: string | null; count: number }[];
    unlabelled: number;
    wantsLabels: boolean;
  }[];
};

/** The day's counts over all forms, with two small charts. A day on which nothing came is told of too: silence would look like a fault. */
export function summaryContent({ day, timeZone, perDay, forms }: SummaryInput): Content {
  const total = forms.reduce((sum, form) => sum + form.total, 0);
  const days = perDay.map((one) => ({ name: one.day.slice(5), count: one.count }));
  const labels = labelBars(forms);
  const rows = formRows(forms);
  const unlabelled = forms.reduce((sum, form) => sum + (form.wantsLabels ? form.unlabelled : 0), 0);
  const said = total === 0 ? 'nothing came' : `${total} ${total === 1 ? 'response' : 'responses'}`;
  const daysLabel = `Responses per day, ${summaryDays} days to ${day}`;
  const labelsLabel = `Labels of ${day}`;
  const text = [`${day}: ${said}`, daysLabel, barsAsText(days)];
  const body: Html[] = [
    heading(`${day}: ${said}`),
    heading(daysLabel),
    columnChart(daysLabel, days),
    // For mailboxes that leave SVG out: most of those on the web do.
    paragraph(alternative(days)),
  ];
  if (labels.length > 0) {
    text.push(labelsLabel, barsAsText(labels));
    body.push(heading(labelsLabel), barChart(labelsLabel, labels), paragraph(alternative(labels)));
  }
  if (rows.length > 0) {
    text.push('FORMS', rowsAsText(rows));
    body.push(heading('Forms'), table(rows));
  }
  if (unlabelled > 0) {
    const review = `${unlabelled} without a sure label: a person should look.`;
    text.push(review);
    body.push(paragraph(review));
  }
  return {
    subject: `Formstead ${day}: ${said}`,
    text,
    body,
    why: `Formstead sends this because FORMSTEAD_MAIL_SUMMARY_TO names your address. Days are those of ${timeZone}.`,
    list: 'summary',
  };
}

/** A label of several forms is one; `none of the labels` is each form's own. */
function labelBars(forms: SummaryInput['forms']): Bar[] {
  const sums = new Map<string, Bar>();
  for (const { id, title, byLabel } of forms) {
    for (const { label, count } of byLabel) {
      const key = label === null ? `none ${id}` : `label ${label}`;
      const before = sums.get(key)?.count ?? 0;
      sums.set(key, { name: label ?? `none (${title})`, count: before + count });
    }
  }
  const { first, others } = largest([...sums.values()]);
  const names = apart(
    first.map(({ name }) => name),
    longestLabel,
  );
  return [...first.map(({ count }, nth) => ({ name: isolated(names[nth]!), count })), ...others];
}

/** Forms of the same title are told apart by their id. */
function formRows(forms: SummaryInput['forms']): [string, string][] {
  const { first, others } = largest(forms.map(({ id, title, total }) => ({ id, name: titled(title), count: total })));
  const isShared = (name: string) => first.filter((one) => one.name === name).length > 1;
  const rows = first.map(({ id, name, count }) => ({ name: isShared(name) ? `${name} (${id})` : name, count }));
  return [...rows, ...others].map(({ name, count }) => [name, String(count)]);
}

/** The largest first; what is behind the first ten as one. */
function largest<B extends Bar>(bars: readonly B[]): { first: B[]; others: Bar[] } {
  const sorted = bars.toSorted((a, b) => b.count - a.count);
  const rest = sorted.slice(named);
  const count = rest.reduce((sum, bar) => sum + bar.count, 0);
  return { first: sorted.slice(0, named), others: rest.length === 0 ? [] : [{ name: `${rest.length} others`, count }] };
}
