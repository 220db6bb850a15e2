import type { Issue } from '#domain/errors.ts';
import { type Expression, parseExpression } from './expression.ts';
import { limits } from './limits.ts';
import { isLocalText } from './local-text.ts';

/** What a check of a definition collects on its way. */
export type Findings = {
  issues: Issue[];
  /** Every condition with the place it stands at, to be compared with the names once all are known. */
  conditions: { pointer: string; expression: Expression }[];
};

/** Checks one value at one place and reports what is wrong with it. */
export type Check = (value: unknown, pointer: string, findings: Findings) => void;

export type PropertyTable = { [property: string]: Check };

export function report(findings: Findings, pointer: string, code: string, detail: string): void {
  if (findings.issues.length < limits.issues) findings.issues.push({ pointer, code, detail });
}

/** The RFC 6901 pointer one step below. */
export function below(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkThat(holds: (value: unknown) => boolean, detail: string): Check {
  return (value, pointer, findings) => {
    if (!holds(value)) report(findings, pointer, 'wrong-type', detail);
  };
}

export const isBoolean = checkThat((value) => typeof value === 'boolean', 'Write true or false.');
export const isString = checkThat((value) => typeof value === 'string', 'Write a text.');
export const isText = checkThat(
  isLocalText,
  'Write a text, or an object of texts by language such as { "default": "…", "de": "…" }.',
);
export const isNumber = checkThat((value) => typeof value === 'number' && Number.isFinite(value), 'Write a number.');
export const isScalar = checkThat(
  (value) => ['string', 'number', 'boolean'].includes(typeof value),
  'Write a text, a number, true or false.',
);
export const isScalarOrList = checkThat(
  (value) =>
    (Array.isArray(value) ? value : [value]).every((item) => ['string', 'number', 'boolean'].includes(typeof item)),
  'Write a value or a list of values.',
);
/** CSS lengths and the like. */
export const isSize = checkThat(
  (value) => typeof value === 'string' || typeof value === 'number',
  'Write a number or a text such as "50%".',
);

export function isInteger(least: number, most: number): Check {
  return checkThat(
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    `Write a whole number from ${least} to ${most}.`,
  );
}

export function isOneOf(...values: readonly unknown[]): Check {
  return (value, pointer, findings) => {
    if (!values.includes(value))
      report(
        findings,
        pointer,
        'unsupported-value',
        `Write one of ${values.map((one) => JSON.stringify(one)).join(', ')}.`,
      );
  };
}

export const isCondition: Check = (value, pointer, findings) => {
  if (typeof value !== 'string' || value.trim() === '') {
    report(findings, pointer, 'wrong-type', 'Write an expression such as "{age} >= 18", or leave the property out.');
    return;
  }
  const parsed = parseExpression(value);
  if ('problem' in parsed) report(findings, pointer, parsed.problem.code, parsed.problem.detail);
  else findings.conditions.push({ pointer, expression: parsed.expression });
};

/** Known, but with an effect on the answers that is not supported; `instead` says what to do. */
export function refused(instead: string): Check {
  return (_value, pointer, findings) => report(findings, pointer, 'unsupported-property', instead);
}

/** Checks each property by its row of the table; what has no row is reported as unknown. */
export function checkProperties(
  value: Record<string, unknown>,
  pointer: string,
  table: PropertyTable,
  what: string,
  findings: Findings,
): void {
  for (const [property, content] of Object.entries(value)) {
    const at = below(pointer, property);
    const check = Object.hasOwn(table, property) ? table[property] : undefined;
    if (check) check(content, at, findings);
    else report(findings, at, 'unknown-property', `Remove “${property.slice(0, 64)}”: ${what} does not support it.`);
  }
}
