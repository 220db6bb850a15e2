import type { CompiledQuestion } from '../form/compiled.ts';
import type { Html } from '../html.ts';
import type { Json } from '../json.ts';
import type { Response } from '../response.ts';
import {
  type Content,
  clockTime,
  heading,
  linkTo,
  paragraph,
  responseLink,
  type Sender,
  table,
  titled,
} from './message.ts';
import { isolated, lines, oneLine } from './text.ts';

/** Characters of one answer, as people count them. */
const longestAnswer = 2_000;
/** UTF-16 code units of all answers together: what a mail server measures. */
const longestAnswers = 20_000;
const longestDraft = 4_000;

export type NoticeInput = {
  response: Response;
  form: { id: string; title: string; wantsReading: boolean };
  questions: readonly Pick<CompiledQuestion, 'name' | 'title' | 'commentName'>[];
  /** Names of the answers that are left out. */
  withheld: ReadonlySet<string>;
};

/** What was read in a response, in words. `look`: a person should. */
export type Verdict = { label: string | undefined; words: string; look: boolean };

/** The label that counts, who said it, and whether a person should look. */
export function verdictOf({ review, understanding }: Response, wantsReading: boolean): Verdict {
  const named = (label: string | null) => (label === null ? 'none of the labels' : isolated(oneLine(label)));
  const unsure = Object.values(understanding?.extract?.fields ?? {}).some(({ needsReview }) => needsReview === true);
  if (review?.label !== undefined)
    return { label: named(review.label), words: `${named(review.label)}, said by a person`, look: false };
  const found = understanding?.classify;
  if (found) {
    const percent = `${Math.round(found.confidence * 100)} %`;
    return found.needsReview
      ? { label: undefined, words: `unsure: perhaps ${named(found.label)} (${percent})`, look: true }
      : { label: named(found.label), words: `${named(found.label)} (${percent})`, look: unsure };
  }
  if (understanding) return { label: undefined, words: '', look: unsure };
  return wantsReading
    ? { label: undefined, words: 'not read: its task failed or was cancelled', look: true }
    : { label: undefined, words: '', look: false };
}

/** One response: what was understood, the fields, the answers, the draft of a reply. */
export function noticeContent({ response, form, questions, withheld }: NoticeInput, sender: Sender): Content {
  const title = titled(form.title);
  const verdict = verdictOf(response, form.wantsReading);
  const facts: [string, string][] = [
    ['Sent', `${clockTime(sender.timeZone, response.submittedAt)} (${sender.timeZone})`],
  ];
  if (verdict.words !== '') facts.push(['Label', verdict.words]);
  if (verdict.look) facts.push(['Review', 'please look']);
  const unread = unreadParts(response);
  if (unread !== undefined) facts.push(['Not read', unread]);
  const link = responseLink(sender, response.id);
  const fields = fieldsOf(response);
  const answers = answersOf(response.answers, questions, withheld);
  const draft = response.understanding?.respond;
  const sections: [title: string, rows: [string, string][]][] = [
    ['Found in it', fields],
    ['Answers', answers],
  ];
  const text = [`New response: ${title}`, rowsAsText(facts)];
  const body: Html[] = [heading(`New response: ${title}`), table(facts)];
  for (const [name, rows] of sections) {
    if (rows.length === 0) continue;
    text.push(name.toUpperCase(), rowsAsText(rows));
    body.push(heading(name), table(rows));
  }
  if (draft) {
    const said = draft.tier === 'template' ? 'Draft of a reply (a template)' : 'Draft of a reply (by the machine)';
    text.push(`${said.toUpperCase()}. Nothing was sent to the person.`, lines(draft.text, longestDraft));
    body.push(heading(said), paragraph('Nothing was sent to the person.'), paragraph(lines(draft.text, longestDraft)));
  }
  text.push(link === undefined ? `Response ${response.id}` : link);
  body.push(link === undefined ? paragraph(`Response ${response.id}`) : linkTo(link, 'Open the response'));
  return {
    subject: subjectOf(title, verdict),
    text,
    body,
    why: 'Formstead sends this because an administrator put your address into notify_emails of the form.',
    list: form.id,
  };
}

function subjectOf(title: string, { label, look }: Verdict): string {
  if (look) return `${title}: please look at a response`;
  return label === undefined ? `${title}: new response` : `${title}: ${label}`;
}

function unreadParts({ understanding }: Response): string | undefined {
  const skipped = Object.entries(understanding?.skipped ?? {});
  return skipped.length === 0 ? undefined : skipped.map(([part, why]) => `${part} (${why})`).join(', ');
}

function fieldsOf({ understanding, review }: Response): [string, string][] {
  const found = Object.entries(understanding?.extract?.fields ?? {}).map(([name, field]): [string, string] => [
    oneLine(name),
    `${oneLine(field.value, 300)}${field.needsReview ? ' (unsure)' : ''}`,
  ]);
  const corrected = Object.entries(review?.fields ?? {}).map(([name, value]): [string, string] => [
    oneLine(name),
    `${oneLine(value, 300)} (said by a person)`,
  ]);
  return [...new Map([...found, ...corrected])];
}

/** In the order of the form. What does not fit any more is counted. */
function answersOf(
  answers: Record<string, Json>,
  questions: NoticeInput['questions'],
  withheld: ReadonlySet<string>,
): [string, string][] {
  const titles = new Map<string, string>();
  for (const { name, title, commentName } of questions) {
    titles.set(name, title);
    if (commentName !== undefined) titles.set(commentName, `${title} (other)`);
  }
  const names = [...new Set([...titles.keys(), ...Object.keys(answers)])];
  const given = names.filter((name) => answers[name] !== undefined && !withheld.has(name));
  const rows: [string, string][] = [];
  let left = longestAnswers;
  for (const name of given) {
    if (left <= 0) break;
    const value = lines(textOf(answers[name]!), longestAnswer, left);
    left -= value.length;
    rows.push([oneLine(titles.get(name) ?? name, 200), value]);
  }
  const missing = given.length - rows.length;
  if (missing > 0) rows.push(['…', `${missing} more answers are not in this message`]);
  const hidden = names.filter((name) => answers[name] !== undefined && withheld.has(name)).length;
  if (hidden > 0) rows.push(['…', `${hidden} ${hidden === 1 ? 'answer is' : 'answers are'} not sent by e-mail`]);
  return rows;
}

function textOf(value: Json): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : JSON.stringify(value);
}

/** `name: value`; a value of several lines below its name, indented. */
export function rowsAsText(rows: readonly (readonly [string, string])[]): string {
  return rows
    .map(([name, value]) =>
      value.includes('\n') ? `${name}:\n  ${value.replaceAll('\n', '\n  ')}` : `${name}: ${value}`,
    )
    .join('\n');
}
