import type { Issue } from '#domain/errors.ts';
import { below, checkProperties, type Findings, isRecord, report } from './checks.ts';
import { specialItems } from './choice-checks.ts';
import { sizeIssues } from './definition-size.ts';
import { elementTables, formTable, pageTable } from './element-tables.ts';
import { namesIn } from './expression.ts';
import { checkInput } from './input-types.ts';
import { limits } from './limits.ts';
import type { LocalText } from './local-text.ts';
import { checkName } from './names.ts';

export type QuestionType = 'text' | 'comment' | 'dropdown' | 'radiogroup' | 'checkbox' | 'boolean' | 'rating';

export type InputType =
  | 'text'
  | 'email'
  | 'number'
  | 'date'
  | 'tel'
  | 'url'
  | 'time'
  | 'datetime-local'
  | 'month'
  | 'week'
  | 'color'
  | 'range'
  | 'password';

/** One element of a checked definition, its properties those of the tables in element-tables.ts. */
export type FormElement = {
  type: QuestionType | 'panel';
  name?: string;
  title?: LocalText;
  elements?: FormElement[];
} & { [property: string]: unknown };

export type FormPage = { name?: string; title?: LocalText; elements?: FormElement[] } & { [property: string]: unknown };

/** A definition that was checked: a strict subset of SurveyJS JSON, unchanged, so that SurveyJS renderers draw it as it is.
 *  Either `pages` or `elements` holds the questions. */
export type FormDefinition = {
  title?: LocalText;
  description?: LocalText;
  locale?: string;
  pages?: FormPage[];
  elements?: FormElement[];
} & { [property: string]: unknown };

type Walk = { findings: Findings; names: Map<string, string>; questions: Set<string>; elements: number };

/** Checks a definition and reports everything that is wrong with it at once (at most 50 issues, pointers into the definition).
 *  Never throws for a JSON value. */
export function parseDefinition(input: unknown): { definition: FormDefinition } | { issues: Issue[] } {
  if (!isRecord(input))
    return {
      issues: [
        {
          pointer: '',
          code: 'wrong-type',
          detail: 'Write the definition as a JSON object with “pages” or “elements”.',
        },
      ],
    };
  const size = sizeIssues(input);
  if (size.length > 0) return { issues: size };
  const findings: Findings = { issues: [], conditions: [] };
  const walk: Walk = { findings, names: new Map(), questions: new Set(), elements: 0 };
  checkProperties(input, '', formTable, 'a form', findings);
  checkPages(input, walk);
  if (walk.elements > limits.elements)
    report(
      findings,
      '',
      'too-many',
      `Use at most ${limits.elements} questions and panels; there are ${walk.elements}.`,
    );
  if (walk.questions.size === 0 && findings.issues.length === 0)
    report(findings, '', 'missing', 'Add at least one question.');
  checkConditions(walk);
  return findings.issues.length > 0 ? { issues: findings.issues } : { definition: input as FormDefinition };
}

function checkPages(form: Record<string, unknown>, walk: Walk): void {
  const { pages, elements } = form;
  if (pages !== undefined && elements !== undefined) {
    report(
      walk.findings,
      '/elements',
      'contradiction',
      'Move these elements into a page: a form has either “pages” or “elements”.',
    );
  }
  if (pages === undefined) {
    checkElements(elements, '/elements', 0, walk);
    return;
  }
  if (!Array.isArray(pages)) {
    report(walk.findings, '/pages', 'wrong-type', 'Write a list of pages.');
    return;
  }
  pages.forEach((page, index) => {
    const at = below('/pages', index);
    if (!isRecord(page)) {
      report(walk.findings, at, 'wrong-type', 'Write the page as an object with “elements”.');
      return;
    }
    checkProperties(page, at, pageTable, 'a page', walk.findings);
    if (page.elements !== undefined) checkElements(page.elements, below(at, 'elements'), 0, walk);
  });
}

function checkElements(elements: unknown, pointer: string, depth: number, walk: Walk): void {
  if (!Array.isArray(elements)) {
    report(walk.findings, pointer, 'wrong-type', 'Write a list of elements.');
    return;
  }
  elements.forEach((element, index) => {
    walk.elements += 1;
    checkElement(element, below(pointer, index), depth, walk);
  });
}

function checkElement(element: unknown, pointer: string, depth: number, walk: Walk): void {
  const { findings } = walk;
  const type = isRecord(element) ? element.type : undefined;
  if (!isRecord(element) || typeof type !== 'string') {
    report(
      findings,
      below(pointer, 'type'),
      'missing',
      'Say what the element is, such as { "type": "text", "name": "city" }.',
    );
    return;
  }
  if (!Object.hasOwn(elementTables, type)) {
    const known = Object.keys(elementTables).join(', ');
    report(
      findings,
      below(pointer, 'type'),
      'unsupported-element',
      `Elements of type “${type.slice(0, 64)}” are not supported: use one of ${known}.`,
    );
    return;
  }
  checkProperties(element, pointer, elementTables[type]!, `a ${type}`, findings);
  if (type === 'panel') {
    checkPanel(element, pointer, depth, walk);
    return;
  }
  const name = checkName(element.name, pointer, walk.names, findings);
  if (name !== undefined) walk.questions.add(name);
  checkTogether(type as QuestionType, element, pointer, findings);
}

function checkPanel(panel: Record<string, unknown>, pointer: string, depth: number, walk: Walk): void {
  if (depth >= limits.panelDepth) {
    report(walk.findings, pointer, 'too-deep', `Nest panels at most ${limits.panelDepth} deep.`);
    return;
  }
  if (panel.elements !== undefined) checkElements(panel.elements, below(pointer, 'elements'), depth + 1, walk);
}

/** What no property can be checked for alone. */
function checkTogether(
  type: QuestionType,
  element: Record<string, unknown>,
  pointer: string,
  findings: Findings,
): void {
  if (type === 'text') checkInput(element, pointer, findings);
  if (type === 'rating') checkRating(element, pointer, findings);
  if (type === 'boolean') checkBoolean(element, pointer, findings);
  if (type === 'dropdown' || type === 'radiogroup' || type === 'checkbox') checkChoices(element, pointer, findings);
  checkLimits(element, 'minLength', 'maxLength', pointer, findings);
  checkLimits(element, 'minSelectedChoices', 'maxSelectedChoices', pointer, findings);
}

function checkLimits(
  element: Record<string, unknown>,
  least: string,
  most: string,
  pointer: string,
  findings: Findings,
): void {
  const [low, high] = [element[least], element[most]];
  if (typeof low !== 'number' || typeof high !== 'number' || high < 1) return;
  if (low > high)
    report(findings, below(pointer, most), 'contradiction', `Make ${most} at least as large as ${least}.`);
}

function checkBoolean(element: Record<string, unknown>, pointer: string, findings: Findings): void {
  if (String(element.valueTrue ?? true) === String(element.valueFalse ?? false)) {
    report(findings, below(pointer, 'valueFalse'), 'contradiction', 'Give valueTrue and valueFalse different values.');
  }
  for (const property of ['valueTrue', 'valueFalse']) {
    const value = element[property];
    if (typeof value === 'string' && value.trim() === '')
      report(findings, below(pointer, property), 'unsupported-value', 'Write a value that is not blank.');
  }
}

function checkChoices(element: Record<string, unknown>, pointer: string, findings: Findings): void {
  const choices = Array.isArray(element.choices) ? element.choices : [];
  const special = specialItems.filter((item) => item.properties.some((property) => element[property] === true));
  if (
    choices.length === 0 &&
    special.length === 0 &&
    (element.choices === undefined || Array.isArray(element.choices))
  ) {
    report(findings, below(pointer, 'choices'), 'missing', 'Offer at least one choice.');
  }
  for (const item of special) {
    const index = choices.findIndex((choice) => (isRecord(choice) ? choice.value : choice) === item.value);
    if (index >= 0) {
      report(
        findings,
        below(below(pointer, 'choices'), index),
        'duplicate-choice',
        `Rename the choice: ${item.properties[0]} adds “${item.value}” already.`,
      );
    }
  }
}

function checkRating(element: Record<string, unknown>, pointer: string, findings: Findings): void {
  const { rateValues, rateMin = 1, rateMax, rateStep = 1, rateCount, autoGenerate } = element;
  const listed = Array.isArray(rateValues) && rateValues.length > 0;
  if (listed) {
    if (autoGenerate === true)
      report(findings, below(pointer, 'autoGenerate'), 'contradiction', 'Remove autoGenerate or rateValues.');
    if (rateCount !== undefined && rateCount !== rateValues.length) {
      report(
        findings,
        below(pointer, 'rateCount'),
        'contradiction',
        'Remove rateCount, or make it the number of rateValues.',
      );
    }
    return;
  }
  if (autoGenerate === false)
    report(findings, below(pointer, 'rateValues'), 'missing', 'Write the rateValues, or remove autoGenerate.');
  if (typeof rateMin !== 'number' || typeof rateStep !== 'number') return;
  const most = rateMax ?? (typeof rateCount === 'number' ? rateMin + rateStep * (rateCount - 1) : 5);
  if (typeof most !== 'number') return;
  const count = Math.trunc((most - rateMin) / rateStep + 1e-9) + 1;
  if (!(rateStep > 0) || !(most > rateMin) || count > limits.ratings) {
    report(
      findings,
      below(pointer, 'rateMax'),
      'contradiction',
      `Make rateMin, rateMax and rateStep give 2 to ${limits.ratings} values.`,
    );
  } else if (rateCount !== undefined && rateCount !== count) {
    report(
      findings,
      below(pointer, 'rateCount'),
      'contradiction',
      `Remove rateCount: rateMin, rateMax and rateStep give ${count} values.`,
    );
  }
}

function checkConditions(walk: Walk): void {
  for (const { pointer, expression } of walk.findings.conditions) {
    for (const name of namesIn(expression)) {
      if (walk.questions.has(name)) continue;
      const near = [...walk.questions].find((known) => known.toLowerCase() === name.trim().toLowerCase());
      const cure = near ? `write {${near}}` : 'name a question of this form';
      report(walk.findings, pointer, 'unknown-name', `There is no question “${name.slice(0, 64)}”: ${cure}.`);
    }
  }
}
