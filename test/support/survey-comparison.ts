import assert from 'node:assert/strict';
import { ExpressionRunner, Model } from 'survey-core';
import { createAjvValidator } from '../../src/adapters/validator-ajv/ajv-validator.ts';
import { validateAnswers } from '../../src/domain/answers.ts';
import { type CompiledForm, compileForm } from '../../src/domain/form/compile.ts';
import { type FormDefinition, type FormElement, parseDefinition } from '../../src/domain/form/definition.ts';
import { type evaluate, holds } from '../../src/domain/form/evaluate.ts';
import { type Expression, namesIn, parseExpression, withBlanks } from '../../src/domain/form/expression.ts';
import {
  type AnswerKind,
  answerChoices,
  createRandom,
  generateAnswers,
  generateExpression,
  generateForm,
  generateValue,
  questionsOf,
} from './form-generator.ts';

export type Answers = Record<string, unknown>;
/** Names of the questions with errors, and the answers that stay (blank ones left out) when there are none. */
export type Verdict = { failing: Set<string>; kept?: Answers };
/** The two sides see the same form and answers; `plant` may falsify our compiled form, to show that the comparison notices. */
export type Plant = (compiled: CompiledForm) => CompiledForm;

export const kinds: AnswerKind[] = ['valid', 'crowded', 'missing', 'mutated', 'wrong'];
const validators = createAjvValidator({ cacheSize: 1 });

export function ourVerdict(compiled: CompiledForm, key: string, answers: Answers): Verdict {
  const checked = validateAnswers(compiled, validators.prepare(compiled, key), answers);
  if ('answers' in checked) return { failing: new Set(), kept: checked.answers };
  return { failing: new Set(checked.issues.map((issue) => issue.pointer.split('/')[2]!.replace(/-Comment$/, ''))) };
}

/** undefined where survey-core itself throws: it does for some answers of a wrong kind, and where a condition adds an empty text to a decimal
 *  number. A fresh model each time: one that is used again keeps old results of conditions. */
export function theirVerdict(
  definition: FormDefinition,
  answers: Answers,
): (Verdict & { readOnly: Set<string> }) | undefined {
  try {
    const survey = new Model(definition);
    const readOnly = new Set(
      survey
        .getAllQuestions()
        .filter((question) => question.isReadOnly)
        .map((question) => question.name),
    );
    survey.data = structuredClone(answers);
    survey.validate(true);
    const failing = survey
      .getAllQuestions()
      .filter((question) => question.errors.some((error) => (error.notificationType ?? 'error') === 'error'));
    if (failing.length > 0) return { readOnly, failing: new Set(failing.map((question) => question.name)) };
    survey.doComplete();
    return { readOnly, failing: new Set(), kept: survey.data };
  } catch {
    return undefined;
  }
}

/** Divergence 7 of docs/reference/forms.md: SurveyJS keeps blank answers, we do not. */
export function withoutBlanks(answers: Answers): Answers {
  return Object.fromEntries(Object.entries(answers).filter(([, value]) => !isBlank(value)));
}

/** Divergence 7 again: a text of nothing but white space is a wrong address to SurveyJS; to us it is no answer. */
function isBlankAddress(definition: FormDefinition, name: string, value: unknown): boolean {
  if (typeof value !== 'string' || value === '' || value.trim() !== '') return false;
  const question = questionsOf(definition).find((one) => one.name === name);
  return (
    question?.inputType === 'email' ||
    ((question?.validators ?? []) as { type: string }[]).some((one) => one.type === 'email')
  );
}

/** An empty list is blank for a checkbox only, white space for a text only: elsewhere they are values of the wrong kind. */
function isBlank(value: unknown, question?: FormElement): boolean {
  const textual = question === undefined || question.type === 'text' || question.type === 'comment';
  if (typeof value === 'string') return value === '' || (textual && value.trim() === '');
  if (Array.isArray(value)) return value.length === 0 && (question === undefined || question.type === 'checkbox');
  return value === null || value === undefined;
}

/**
 * The intended divergences that make us refuse an answer which SurveyJS takes, by their number in docs/reference/forms.md.
 * Written from the definition alone, without the code under test.
 */
export const refusals: {
  number: number;
  applies(question: FormElement, value: unknown): boolean;
  example: [FormElement, unknown];
}[] = [
  {
    number: 2,
    applies: (question, value) =>
      !isBlank(value, question) && kindOf(value) !== wantedKind(question) && !offers(question, value),
    example: [{ type: 'text', name: 'q', inputType: 'number' }, '5'],
  },
  {
    number: 3,
    applies: (question, value) =>
      valuesOf(question) !== undefined &&
      [value].flat().some((one) => !isBlank(one, question) && !offers(question, one)),
    example: [{ type: 'dropdown', name: 'q', choices: ['a'] }, 'b'],
  },
  {
    number: 4,
    applies: (_question, value) => Array.isArray(value) && new Set(value).size < value.length,
    example: [{ type: 'checkbox', name: 'q', choices: ['a', 'b'] }, ['a', 'a']],
  },
  {
    number: 5,
    applies: (question, value) => breaksControl(question, value),
    example: [{ type: 'text', name: 'q', inputType: 'color' }, 'red'],
  },
  {
    number: 6,
    applies: (_question, value) =>
      [value].flat().some((one) => typeof one === 'string' && (one.includes('\u0000') || !one.isWellFormed())),
    example: [{ type: 'comment', name: 'q' }, 'a\u0000b'],
  },
];

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : typeof value;
}

function wantedKind(question: FormElement): string {
  if (question.type === 'checkbox') return 'list';
  if (question.type === 'boolean') return 'boolean';
  return question.inputType === 'number' || question.inputType === 'range' || question.type === 'rating'
    ? 'number'
    : 'string';
}

function valuesOf(question: FormElement): unknown[] | undefined {
  const plain = (list: unknown) =>
    (list as unknown[]).map((one) => (typeof one === 'object' ? (one as { value: unknown }).value : one));
  switch (question.type) {
    case 'boolean':
      return [question.valueTrue ?? true, question.valueFalse ?? false];
    case 'rating':
      if (question.rateValues) return plain(question.rateValues);
      if (question.rateStep) return [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
      return Array.from({ length: Number(question.rateMax ?? question.rateCount ?? 5) }, (_, index) => index + 1);
    case 'text':
    case 'comment':
      return undefined;
    default:
      return [
        ...plain(question.choices),
        ...(question.showOtherItem ? ['other'] : []),
        ...(question.showNoneItem ? ['none'] : []),
        ...(question.showDontKnowItem ? ['dontknow'] : []),
      ];
  }
}

function offers(question: FormElement, value: unknown): boolean {
  return valuesOf(question)?.includes(value) ?? false;
}

const controlPatterns: Record<string, RegExp> = {
  color: /^#[0-9a-f]{6}$/i,
  url: /^[a-z]+:/i,
  date: /^\d{4}-\d\d-\d\d$/,
  'datetime-local': /^\d{4}-\d\d-\d\dT\d\d:\d\d/,
  time: /^\d\d:\d\d/,
  month: /^\d{4}-\d\d$/,
  week: /^\d{4}-W\d\d$/,
};

/** What the renderer's control makes impossible and the model therefore does not check. */
function breaksControl(question: FormElement, value: unknown): boolean {
  if (Array.isArray(value))
    return Number(question.maxSelectedChoices ?? 0) > 0 && value.length > Number(question.maxSelectedChoices);
  if (typeof value !== 'string' || isBlank(value) || (question.type !== 'text' && question.type !== 'comment'))
    return false;
  if (value.length > (question.type === 'comment' ? 100_000 : 10_000)) return true;
  const pattern = controlPatterns[question.inputType as string];
  return pattern !== undefined && !pattern.test(value);
}

export type Report = { compared: number; skipped: number; refused: number; crashed: number; disagreements: string[] };
type Case = { definition: FormDefinition; compiled: CompiledForm; key: string };

/** Compares both sides question by question. Answers of an intended divergence must be refused by us wherever the question is visible;
 *  what reads such an answer in a condition is left out, because SurveyJS clears or converts it first. */
function compare({ definition, compiled, key }: Case, answers: Answers, report: Report): void {
  const ours = ourVerdict(compiled, key, answers);
  const theirs = theirVerdict(definition, answers);
  if (!theirs) {
    report.crashed += 1;
    return;
  }
  if ('nobody' in answers && !ours.failing.has('nobody')) report.disagreements.push('an unknown answer was taken');
  const questions = questionsOf(definition);
  const odd = new Set(
    questions
      .filter((question) => refusals.some((one) => one.applies(question, answers[question.name!])))
      .map((one) => one.name!),
  );
  const note = (what: string) =>
    report.disagreements.push(
      `${what}\n${JSON.stringify({ definition, answers, ours: [...ours.failing], theirs: [...theirs.failing], kept: ours.kept, theirKept: theirs.kept })}`,
    );
  for (const question of compiled.questions) {
    const name = question.name;
    const reads = [...conditionsOf(compiled, name)].some((read) => odd.has(read));
    if (reads) report.skipped += 1;
    else if (odd.has(name)) {
      report.refused += 1;
      const visible = isVisible(compiled, name, answers);
      if (visible !== ours.failing.has(name))
        note(`${name}: an answer of an intended divergence was ${visible ? 'taken' : 'refused though hidden'}`);
    } else {
      report.compared += 1;
      const exempt = theirs.readOnly.has(name) || isBlankAddress(definition, name, answers[name]);
      if (ours.failing.has(name) !== theirs.failing.has(name) && !exempt)
        note(`${name}: ours ${ours.failing.has(name)}, theirs ${theirs.failing.has(name)}`);
    }
  }
  if (ours.kept && theirs.kept && odd.size === 0) {
    try {
      assert.deepEqual(ours.kept, withoutBlanks(theirs.kept));
    } catch {
      note('kept answers differ');
    }
  }
}

function isVisible(compiled: CompiledForm, name: string, answers: Answers): boolean {
  const question = compiled.questions.find((one) => one.name === name)!;
  return (
    question.visible &&
    (question.visibleIf ?? []).every((index) => holds(compiled.conditions[index]!, (read) => answers[read]))
  );
}

/** Names that decide about a question, besides its own answer. */
function conditionsOf(compiled: CompiledForm, name: string): Set<string> {
  const question = compiled.questions.find((one) => one.name === name)!;
  const all: Expression[] = [
    ...(question.visibleIf ?? []).map((index) => compiled.conditions[index]!),
    ...(question.requiredIf ? [question.requiredIf] : []),
    ...question.rules.flatMap((rule) => (rule.kind === 'expression' ? [rule.expression] : [])),
  ];
  return new Set(
    all.flatMap((expression) => [...namesIn(expression)]).filter((read) => read !== name || question.rules.length > 0),
  );
}

/** `untilFirst` stops at the first disagreement: enough to see that a planted fault is noticed. */
export function runForms(
  seed: number,
  count: number,
  plant: Plant = (compiled) => compiled,
  untilFirst = false,
): Report {
  const random = createRandom(seed);
  const report: Report = { compared: 0, skipped: 0, refused: 0, crashed: 0, disagreements: [] };
  for (let index = 0; index < count && !(untilFirst && report.disagreements.length > 0); index += 1) {
    const definition = generateForm(random);
    const parsed = parseDefinition(definition);
    assert.ok('definition' in parsed, `the generator makes valid forms: ${JSON.stringify(parsed)}`);
    const compiled = plant(compileForm(parsed.definition));
    const one: Case = { definition, compiled, key: String(index) };
    for (const kind of kinds) compare(one, generateAnswers(random, definition, kind), report);
  }
  return report;
}

export type ExpressionReport = { compared: number; refused: number; crashed: number; disagreements: string[] };

const expressionQuestions = {
  t: { type: 'text' },
  u: { type: 'comment' },
  n: { type: 'text', inputType: 'number' },
  b: { type: 'boolean' },
  c: { type: 'checkbox', choices: answerChoices },
  d: { type: 'dropdown', choices: answerChoices },
} as const;

const expressionTypes = new Map(
  Object.entries(expressionQuestions).map(([name, question]) => [name, question.type as string]),
);

export function runExpressions(
  seed: number,
  count: number,
  evaluated: typeof evaluate,
  untilFirst = false,
): ExpressionReport {
  const random = createRandom(seed);
  const names = Object.keys(expressionQuestions);
  const survey = new Model({
    elements: Object.entries(expressionQuestions).map(([name, question]) => ({ name, ...question })),
  });
  const report: ExpressionReport = { compared: 0, refused: 0, crashed: 0, disagreements: [] };
  for (let index = 0; index < count && !(untilFirst && report.disagreements.length > 0); index += 1) {
    const source = generateExpression(random, names);
    const parsed = parseExpression(source);
    if ('problem' in parsed) {
      report.refused += 1;
      continue;
    }
    const values = Object.entries(expressionQuestions).map(([name, question]) => [
      name,
      generateValue(random, question.type),
    ]);
    const answers = Object.fromEntries(values.filter(([, value]) => value !== undefined));
    survey.data = structuredClone(answers);
    let theirs: unknown;
    try {
      theirs = new ExpressionRunner(source).runContext(survey.getValueGetterContext());
    } catch {
      // survey-core throws on some sums of texts and decimal numbers.
      report.crashed += 1;
      continue;
    }
    const ours = evaluated(withBlanks(parsed.expression, expressionTypes), (name) => answers[name]);
    report.compared += 1;
    if (shown(ours) !== shown(theirs))
      report.disagreements.push(
        `${source} on ${JSON.stringify(answers)}: ours ${shown(ours)}, theirs ${shown(theirs)}`,
      );
  }
  return report;
}

// Their lists have members of their own, and null is as good as undefined.
function shown(result: unknown): string {
  return typeof result === 'number' ? String(result) : JSON.stringify(result ?? null);
}
