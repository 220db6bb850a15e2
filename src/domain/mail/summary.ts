import type { Html } from '../html.ts';
import { alternative, barChart, barsAsText, columnChart } from './chart.ts';
import { type Content, heading, paragraph, table, titled } from './message.ts';
import { rowsAsText } from './notice.ts';
import { isolated, oneLine } from './text.ts';

/** Days of the chart, the one that is told of as the last. */
export const summaryDays = 14;
/** Forms and labels that are named; the rest is counted. */
const named = 10;

export type SummaryInput = {
  /** `YYYY-MM-DD` in the installation's time zone. */
  day: string;
  timeZone: string;
  /** Of all forms, one entry for each of the days, oldest first. */
  perDay: readonly { day: string; count: number }[];
  /** Forms with responses on the day. */
  forms: readonly {
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
  const labels = largest(
    forms.flatMap((form) =>
      form.byLabel.map(({ label, count }) => ({
        name: isolated(oneLine(label ?? `none (${oneLine(form.title, 20)})`, 24)),
        count,
      })),
    ),
  );
  const largestForms = largest(forms.map((form) => ({ name: titled(form.title), count: form.total })));
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
  const rows = largestForms.map(({ name, count }): [string, string] => [name, String(count)]);
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

/** Counts of the same name together, the largest first; what is behind the first ten as one. */
function largest(bars: readonly { name: string; count: number }[]): { name: string; count: number }[] {
  const sums = new Map<string, number>();
  for (const { name, count } of bars) sums.set(name, (sums.get(name) ?? 0) + count);
  const sorted = [...sums].map(([name, count]) => ({ name, count })).toSorted((a, b) => b.count - a.count);
  const rest = sorted.slice(named);
  if (rest.length === 0) return sorted;
  const others = { name: `${rest.length} others`, count: rest.reduce((sum, { count }) => sum + count, 0) };
  return [...sorted.slice(0, named), others];
}
