import type { ErrorObject } from 'ajv';
import type { Issue } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';

/** Ajv's errors as issues: one for each thing to mend, with the author's own words where the form has them. */
export function toIssues(errors: readonly ErrorObject[], compiled: CompiledForm): Issue[] {
  const issues = errors.filter((error) => error.keyword !== 'allOf').map((error) => toIssue(error, compiled));
  const mistyped = new Set(issues.filter((issue) => issue.code === 'wrong-type').map((issue) => issue.pointer));
  // A wrong type fails the other keywords as well: that is one mistake, not several.
  return issues.filter((issue) => issue.code === 'wrong-type' || !mistyped.has(issue.pointer));
}

function toIssue(error: ErrorObject, compiled: CompiledForm): Issue {
  const place = `/answers${error.instancePath}`;
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') {
    const name = String(params.missingProperty);
    const text = compiled.questions.find((one) => one.name === name)?.requiredText;
    return { pointer: `${place}/${name}`, code: 'required', detail: text ?? 'Answer this question.' };
  }
  if (error.keyword === 'additionalProperties') {
    const name = String(params.additionalProperty).replaceAll('~', '~0').replaceAll('/', '~1');
    return {
      pointer: `${place}/${name}`,
      code: 'unknown-answer',
      detail: 'Remove this answer: the form has no question of this name.',
    };
  }
  const question = compiled.questions.find((one) => error.instancePath === `/${one.name}`);
  const key = error.keyword === 'pattern' ? `pattern:${params.pattern}` : error.keyword;
  const { code, detail } = ourWords(error, params);
  return { pointer: place, code, detail: question?.errorTexts?.[key] ?? detail };
}

function ourWords(error: ErrorObject, params: Record<string, unknown>): { code: string; detail: string } {
  if (error.keyword === 'pattern')
    return { code: 'pattern', detail: 'Write the answer in the form that is asked for.' };
  if (error.keyword === 'format') {
    return {
      code: 'bad-format',
      detail: formatDetails[String(params.format)] ?? `Write it in the format ${params.format}.`,
    };
  }
  return limitIssue(error.keyword, params) ?? { code: error.keyword, detail: error.message ?? 'Change this answer.' };
}

const formatDetails: Record<string, string> = {
  email: 'Write an e-mail address such as ada@example.org.',
  iri: 'Write a complete address such as https://example.org/.',
  date: 'Write a date of the calendar such as 2026-01-31.',
  'local-date-time': 'Write a date of the calendar and a time such as 2026-01-31T09:00.',
};

function limitIssue(keyword: string, params: Record<string, unknown>): { code: string; detail: string } | undefined {
  switch (keyword) {
    case 'type':
      return { code: 'wrong-type', detail: `Send ${typeNames(params.type)}.` };
    case 'enum':
      return { code: 'not-a-choice', detail: 'Choose one of the values that the question offers.' };
    case 'uniqueItems':
      return { code: 'duplicate-choice', detail: 'Choose each value only once.' };
    case 'minLength':
      return { code: 'too-short', detail: `Write at least ${params.limit} characters.` };
    case 'maxLength':
      return { code: 'too-long', detail: `Write at most ${params.limit} characters.` };
    case 'minimum':
      return { code: 'too-small', detail: `Choose a number of at least ${params.limit}.` };
    case 'maximum':
      return { code: 'too-large', detail: `Choose a number of at most ${params.limit}.` };
    case 'multipleOf':
      return { code: 'wrong-step', detail: `Choose a multiple of ${params.multipleOf}.` };
    case 'minItems':
      return { code: 'too-few', detail: `Choose at least ${params.limit} values.` };
    case 'maxItems':
      return { code: 'too-many', detail: `Choose at most ${params.limit} values.` };
    default:
      return undefined;
  }
}

const names: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list of values',
  object: 'an object',
};

function typeNames(type: unknown): string {
  return (Array.isArray(type) ? type : [type]).map((one) => names[String(one)] ?? String(one)).join(' or ');
}
