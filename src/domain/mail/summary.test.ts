import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternative, barChart, barsAsText, columnChart } from './chart.ts';
import { type SummaryInput, summaryContent } from './summary.ts';

const perDay = Array.from({ length: 14 }, (_, nth) => ({
  day: `2026-01-${String(nth + 2).padStart(2, '0')}`,
  count: nth,
}));
const form = (title: string, total: number, label: string | null): SummaryInput['forms'][number] => ({
  id: `frm_${title}`,
  title,
  total,
  byLabel: [{ label, count: total }],
  unlabelled: 0,
  wantsLabels: true,
});
const summary = (forms: SummaryInput['forms']) => summaryContent({ day: '2026-01-15', timeZone: 'UTC', perDay, forms });
const markup = ({ body }: ReturnType<typeof summaryContent>) => body.map((part) => part.markup).join('\n');

test('each chart says in words what it shows, for those who see no picture', () => {
  const content = summary([form('Contact', 3, 'billing')]);
  const html = markup(content);
  const charts = [
    ...html.matchAll(/<svg [^>]*role="img" aria-label="([^"]+)"[^>]*>\s*<title>([^<]+)<\/title><desc>([^<]+)<\/desc>/g),
  ];
  assert.deepEqual(
    charts.map(([, label]) => label),
    ['Responses per day, 14 days to 2026-01-15', 'Labels of 2026-01-15'],
  );
  assert.equal(charts[0]![3], alternative(perDay.map(({ day, count }) => ({ name: day.slice(5), count }))));
  assert.ok(html.includes(`white-space:pre-wrap">${charts[0]![3]}</p>`), 'and below it, as mailboxes leave SVG out');
  assert.ok(content.text.join('\n').includes('01-15  ############################## 13'));
});

test('a day on which nothing came is told of, without a chart of labels', () => {
  const content = summary([]);
  assert.equal(content.subject, 'Formstead 2026-01-15: nothing came');
  assert.equal(markup(content).match(/<svg /g)?.length, 1);
});

test('the largest ten forms and labels are named, the rest is counted as one', () => {
  const forms = Array.from({ length: 13 }, (_, nth) => form(`Form ${nth}`, nth + 1, `label ${nth}`));
  const text = summary(forms).text.join('\n');
  assert.ok(text.includes('Form 12: 13') && !text.includes('Form 2:') && text.includes('3 others: 6'));
  assert.equal(summary(forms).subject, 'Formstead 2026-01-15: 91 responses');
});

test('counts are added up by what they are of, however their names are cut', () => {
  const two = ['late', 'damaged'].map((end) => form(end, end.length, `complaint about delivery: ${end}`));
  const text = summary([...two, form('other', 10, 'complaint about delivery: late')]).text.join('\n');
  assert.match(text, /complaint ab…ivery: late {2}#+ 14\ncomplaint ab…ry: damaged {2}#+ 7\n/);
});

test('forms of one title are rows of their own, told apart by their ids, and so is what fits none of their labels', () => {
  const contact = (id: string, total: number) => ({ ...form('Contact', total, null), id });
  const text = summary([contact('frm_1', 5), contact('frm_2', 7), form('Other', 1, 'praise')]).text.join('\n');
  assert.match(text, /Contact \(frm_2\): 7\nContact \(frm_1\): 5\nOther: 1/);
  assert.match(text, /none \(Contact\) \(1\) {2}#+ 7\nnone \(Contact\) \(2\) {2}#+ 5/);
});

test('a label that is called like the forms without one is not counted with them', () => {
  const forms = [form('Contact', 3, null), form('Else', 2, 'none (Contact)')];
  assert.match(summary(forms).text.join('\n'), /#+ 3\n.*#+ 2\n/);
});

test('names in a chart are escaped, and no bar is longer than the chart', () => {
  const bars = [
    { name: '</text><script>', count: 1_000_000 },
    { name: 'b', count: 0 },
  ];
  for (const chart of [columnChart('<x>', bars), barChart('<x>', bars)]) {
    assert.ok(!chart.markup.includes('<script') && !chart.markup.includes('<x>'));
    for (const [, size] of chart.markup.matchAll(/<rect [^>]*?width="([\d.-]+)"/g))
      assert.ok(Number(size) >= 0 && Number(size) <= 560);
  }
  assert.equal(
    barsAsText([
      { name: 'a', count: 1000 },
      { name: 'b', count: 1 },
    ]).split('\n')[1],
    'b  # 1',
  );
});
