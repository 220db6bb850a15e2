import { below, type Findings, isOneOf, report } from './checks.ts';
import type { InputType } from './definition.ts';
import { numberValidators, textValidators } from './element-tables.ts';
import { areValidators } from './validator-table.ts';

/** Hours and minutes, with seconds where the control has them. */
const time = '(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,3})?)?';

type InputRule = {
  /** What the answer is in JSON. */
  value: 'number' | 'string';
  /** A `format` of the JSON Schema. */
  format?: string;
  /** A `pattern` of the JSON Schema. */
  pattern?: string;
  /** How `min` and `max` are written, where the input type has them. */
  bounds?: { pattern: RegExp; example: string };
};

const datePattern = /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$/;
const timePattern = new RegExp(`^${time}$`);
const dateTimePattern = new RegExp(`^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T${time}$`);
const monthPattern = /^[0-9]{4}-(?:0[1-9]|1[0-2])$/;
const weekPattern = /^[0-9]{4}-W(?:0[1-9]|[1-4][0-9]|5[0-3])$/;

/** The shape of the answers by inputType: what the HTML control of that type sends. */
export const inputRules: Record<InputType, InputRule> = {
  text: { value: 'string' },
  password: { value: 'string' },
  tel: { value: 'string' },
  email: { value: 'string', format: 'email' },
  url: { value: 'string', format: 'iri' },
  color: { value: 'string', pattern: '^#[0-9a-fA-F]{6}$' },
  number: { value: 'number' },
  range: { value: 'number' },
  date: { value: 'string', format: 'date', bounds: { pattern: datePattern, example: '2026-01-31' } },
  'datetime-local': {
    value: 'string',
    format: 'local-date-time',
    pattern: dateTimePattern.source,
    bounds: { pattern: dateTimePattern, example: '2026-01-31T09:00' },
  },
  time: { value: 'string', pattern: timePattern.source, bounds: { pattern: timePattern, example: '09:00' } },
  month: { value: 'string', pattern: monthPattern.source, bounds: { pattern: monthPattern, example: '2026-01' } },
  week: { value: 'string', pattern: weekPattern.source, bounds: { pattern: weekPattern, example: '2026-W05' } },
};

/** Checks what depends on the inputType of a text question: `min`, `max`, `step`, lengths, validators. */
export function checkInput(element: Record<string, unknown>, pointer: string, findings: Findings): void {
  const inputType = (element.inputType ?? 'text') as InputType;
  const rule =
    typeof inputType === 'string' && Object.hasOwn(inputRules, inputType) ? inputRules[inputType] : undefined;
  if (!rule) {
    isOneOf(...Object.keys(inputRules))(inputType, below(pointer, 'inputType'), findings);
    return;
  }
  for (const bound of ['min', 'max'] as const)
    checkBound(element[bound], rule, inputType, below(pointer, bound), findings);
  checkOrder(element.min, element.max, below(pointer, 'max'), findings);
  checkStep(element.step, rule, below(pointer, 'step'), findings);
  if (rule.value === 'number') {
    for (const property of ['minLength', 'maxLength'] as const) {
      const value = element[property];
      if (value !== undefined)
        report(
          findings,
          below(pointer, property),
          'unsupported-property',
          `Use min and max: a ${inputType} has no length.`,
        );
    }
  }
  if (element.validators !== undefined) {
    areValidators(rule.value === 'number' ? numberValidators : textValidators)(
      element.validators,
      below(pointer, 'validators'),
      findings,
    );
  }
}

function checkBound(value: unknown, rule: InputRule, inputType: string, at: string, findings: Findings): void {
  if (value === undefined) return;
  if (rule.value === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) report(findings, at, 'wrong-type', 'Write a number.');
  } else if (!rule.bounds) {
    report(
      findings,
      at,
      'unsupported-property',
      `Remove it: an input of type ${inputType} has no smallest and largest value.`,
    );
  } else if (typeof value !== 'string' || !rule.bounds.pattern.test(value)) {
    report(findings, at, 'wrong-type', `Write it as “${rule.bounds.example}”; expressions are not supported here.`);
  }
}

function checkOrder(min: unknown, max: unknown, at: string, findings: Findings): void {
  if (min === undefined || max === undefined || typeof min !== typeof max) return;
  if ((min as string) > (max as string)) report(findings, at, 'contradiction', 'Make max at least as large as min.');
}

function checkStep(value: unknown, rule: InputRule, at: string, findings: Findings): void {
  if (value === undefined || value === 'any') return;
  if (typeof value !== 'number' || !(value >= 1e-6) || !Number.isFinite(value)) {
    report(findings, at, 'wrong-type', 'Write a positive number of at least 0.000001, or "any".');
  } else if (rule.value !== 'number' && !rule.bounds) {
    report(findings, at, 'unsupported-property', 'Remove it: only numbers, dates and times have a step.');
  }
}
