import {
  below,
  type Check,
  checkProperties,
  type Findings,
  isBoolean,
  isCondition,
  isInteger,
  isNumber,
  isOneOf,
  isRecord,
  isText,
  type PropertyTable,
  refused,
  report,
} from './checks.ts';
import { patternProblem } from './pattern.ts';

const shared: PropertyTable = { type: () => {}, text: isText, notificationType: isOneOf('error', 'warning', 'info') };
const length = isInteger(0, 100_000);

const isPattern: Check = (value, pointer, findings) => {
  const problem = typeof value === 'string' ? patternProblem(value) : 'Write the regular expression as a text.';
  if (problem) report(findings, pointer, 'bad-pattern', problem);
};

/** The properties of each kind of validator. */
const tables: Record<string, PropertyTable> = {
  numeric: { ...shared, minValue: isNumber, maxValue: isNumber },
  text: {
    ...shared,
    minLength: length,
    maxLength: length,
    allowDigits: (value, pointer, findings) => {
      if (value !== true)
        refused('Use a regex validator such as "^[^0-9]*$" instead of allowDigits.')(value, pointer, findings);
    },
  },
  email: shared,
  regex: { ...shared, regex: isPattern, caseInsensitive: isBoolean },
  answercount: { ...shared, minCount: isInteger(0, 1000), maxCount: isInteger(0, 1000) },
  expression: { ...shared, expression: isCondition },
};

const needed: Record<string, string> = { regex: 'regex', expression: 'expression' };

/** A check for the `validators` of a question that can have those of the given kinds. */
export function areValidators(kinds: readonly string[]): Check {
  return (value, pointer, findings) => {
    if (!Array.isArray(value)) {
      report(findings, pointer, 'wrong-type', 'Write a list of validators.');
      return;
    }
    value.forEach((validator, index) => {
      checkValidator(validator, below(pointer, index), kinds, findings);
    });
  };
}

function checkValidator(validator: unknown, pointer: string, kinds: readonly string[], findings: Findings): void {
  if (!isRecord(validator) || typeof validator.type !== 'string') {
    report(findings, pointer, 'wrong-type', `Write a validator such as { "type": "${kinds[0]}" }.`);
    return;
  }
  const kind = validator.type;
  if (!kinds.includes(kind)) {
    report(
      findings,
      below(pointer, 'type'),
      'unsupported-validator',
      `Use one of the validators this question can have: ${kinds.join(', ')}.`,
    );
    return;
  }
  checkProperties(validator, pointer, tables[kind]!, `the validator ${kind}`, findings);
  const property = needed[kind];
  if (property && validator[property] === undefined) {
    report(findings, below(pointer, property), 'missing', `Add the “${property}” that the validator ${kind} needs.`);
  }
}
