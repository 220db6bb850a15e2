import type { Issue } from './errors.ts';
import type { CompiledForm } from './form/compiled.ts';

/** What is wrong with an answer, as it is counted: the codes of a 422 `answers-invalid`. */
const issueCodes = [
  'required',
  'wrong-type',
  'unknown-answer',
  'not-a-choice',
  'duplicate-choice',
  'too-few',
  'too-many',
  'too-short',
  'too-long',
  'pattern',
  'bad-format',
  'invalid-character',
  'too-small',
  'too-large',
  'wrong-step',
  'not-a-number',
  'expression',
] as const;
export const failureCodes = [...issueCodes, 'other'] as const;
export type FailureCode = (typeof failureCodes)[number];

/** `question`: a name of the published form, that of a free text of “other” included; null: of something that the form does not have. */
export type Failure = { question: string | null; code: FailureCode };
/** `count`: refused responses that had it, however often each. */
export type FailureCount = Failure & { count: number };

/**
 * The responses of one day that a form has refused since their answers did not fit: counted, and not kept. What was wrong stands here in names of the form's own and
 * codes of ours; nothing of what somebody sent does.
 */
export type Refusals = {
  /** `refusalsId(formId, day)` */
  id: string;
  formId: string;
  /** `YYYY-MM-DD` in the installation's time zone. */
  day: string;
  refused: number;
  questions: FailureCount[];
  /** The newest tally of each process that is counted in (of the newest 50): one that is written again after a lost answer counts once. */
  applied: Pick<Tally, 'by' | 'number'>[];
};

/** What one process, `by`, has counted of a form and a day and not written yet. It writes one after the other, in the order of their numbers. */
export type Tally = {
  by: string;
  number: number;
  formId: string;
  day: string;
  refused: number;
  questions: Map<string, FailureCount>;
};

const mostApplied = 50;

/** Counts reach back so many days; older ones are removed. */
export const refusalDays = 400;

export const refusalsId = (formId: string, day: string): string => `${formId}:${day}`;

/** The start of the day in UTC, epoch ms: the same in every process, whatever it counted first. */
export const refusalsAt = ({ day }: Pick<Refusals, 'day'>): number => Date.parse(`${day}T00:00:00Z`);

const codes: ReadonlySet<string> = new Set(issueCodes);
const prefix = '/answers/';

/** What went wrong with one response, each failure once. Any name and any code may come; only those of the form and of the list go out. */
export function failuresOf({ questions }: Pick<CompiledForm, 'questions'>, issues: readonly Issue[]): Failure[] {
  const names = new Set<string | undefined>();
  for (const { name, commentName } of questions) names.add(name).add(commentName);
  const found = new Map<string, Failure>();
  for (const issue of issues) {
    const [name] = issue.pointer.startsWith(prefix) ? issue.pointer.slice(prefix.length).split('/', 1) : [];
    const failure = {
      question: name !== undefined && names.has(name) ? name : null,
      code: codes.has(issue.code) ? (issue.code as FailureCode) : 'other',
    } as const;
    found.set(keyOf(failure), failure);
  }
  return [...found.values()];
}

/** Names of questions have no slash (names.ts), so no two failures have one key. */
const keyOf = ({ question, code }: Failure): string => `${code}/${question ?? ''}`;

/** Counts `more` in: into the map itself. */
export function countIn(into: Map<string, FailureCount>, more: Iterable<Failure & { count?: number }>): void {
  for (const { question, code, count = 1 } of more) {
    const key = keyOf({ question, code });
    const known = into.get(key);
    if (known) known.count += count;
    else into.set(key, { question, code, count });
  }
}

/** The document with a tally in it; undefined when it was in it already. */
export function withTally(before: Refusals | undefined, tally: Tally): Refusals | undefined {
  const { by, number } = tally;
  const applied = before?.applied ?? [];
  if (applied.some((one) => one.by === by && one.number === number)) return undefined;
  const questions = new Map<string, FailureCount>();
  countIn(questions, before?.questions ?? []);
  countIn(questions, tally.questions.values());
  return {
    id: refusalsId(tally.formId, tally.day),
    formId: tally.formId,
    day: tally.day,
    refused: (before?.refused ?? 0) + tally.refused,
    questions: [...questions.values()],
    applied: [...applied.filter((one) => one.by !== by), { by, number }].slice(-mostApplied),
  };
}

/** What the days come to, the most frequent failures first. */
export function totalOf(days: readonly Pick<Refusals, 'refused' | 'questions'>[]): {
  refused: number;
  byQuestion: FailureCount[];
} {
  const all = new Map<string, FailureCount>();
  for (const { questions } of days) countIn(all, questions);
  const name = ({ question, code }: Failure) => `${question ?? ''}/${code}`;
  const byQuestion = [...all.values()].sort((a, b) => b.count - a.count || (name(a) < name(b) ? -1 : 1));
  return { refused: days.reduce((sum, { refused }) => sum + refused, 0), byQuestion };
}
