import type { Issue } from '#domain/errors.ts';
import { toNumber } from './comparison.ts';
import type { CompiledQuestion, Rule } from './compiled.ts';
import { isContent } from './evaluate.ts';

/** The rules of a visible question that its answer breaks. Expression rules are asked even where the answer is missing, as in SurveyJS;
 *  the others only look at texts. */
export function brokenRules(question: CompiledQuestion, answer: unknown, read: (name: string) => unknown): Issue[] {
  const issues: Issue[] = [];
  for (const rule of question.rules) {
    const broken = brokenRule(rule, answer, read);
    if (broken) issues.push({ pointer: `/answers/${question.name}`, ...broken });
  }
  return issues;
}

type Broken = { code: string; detail: string };

function brokenRule(rule: Rule, answer: unknown, read: (name: string) => unknown): Broken | undefined {
  if (rule.kind === 'expression') {
    if (isContent(rule.expression, read)) return undefined;
    return { code: 'expression', detail: rule.text ?? 'Change the answer: it breaks a rule of the form.' };
  }
  if (typeof answer !== 'string') return undefined;
  return rule.kind === 'numeric' ? brokenNumeric(rule, answer) : brokenOrder(rule, answer);
}

function brokenNumeric(rule: Rule & { kind: 'numeric' }, answer: string): Broken | undefined {
  const number = toNumber(answer);
  if (Number.isNaN(number)) return { code: 'not-a-number', detail: rule.text ?? 'Write a number.' };
  if (rule.min !== undefined && number < rule.min)
    return { code: 'too-small', detail: rule.text ?? `Write a number of at least ${rule.min}.` };
  if (rule.max !== undefined && number > rule.max)
    return { code: 'too-large', detail: rule.text ?? `Write a number of at most ${rule.max}.` };
  return undefined;
}

function brokenOrder(rule: Rule & { kind: 'order' }, answer: string): Broken | undefined {
  const value = comparable(answer);
  if (rule.min !== undefined && value < comparable(rule.min)) {
    return { code: 'too-small', detail: rule.minText?.replace('{0}', rule.min) ?? `Write ${rule.min} or later.` };
  }
  if (rule.max !== undefined && value > comparable(rule.max)) {
    return { code: 'too-large', detail: rule.maxText?.replace('{0}', rule.max) ?? `Write ${rule.max} or earlier.` };
  }
  return undefined;
}

// A date and time without seconds is one with 00 seconds.
function comparable(value: string): string {
  return value.length === 16 && value.includes('T') ? `${value}:00` : value;
}
