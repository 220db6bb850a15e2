import type { FormDefinition, FormElement } from '#domain/form/definition.ts';

/** Pseudo-random choices that a seed repeats exactly (mulberry32). */
export type Random = {
  fraction(): number;
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
};

export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const int = (below: number) => Math.floor(fraction() * below);
  return { fraction, int, chance: (probability) => fraction() < probability, pick: (list) => list[int(list.length)]! };
}

const words = [
  'red',
  'Red ',
  'blue',
  'a',
  'A',
  'b',
  'yes',
  'no',
  '0',
  '1',
  '2',
  '10',
  '3.5',
  '3,5',
  '05',
  'true',
  'False',
  'ab',
  'undefined',
  'x y',
];
const numbers = [0, 1, 2, 3, 10, -1, 3.5, 0.1, 0.2, 100];
export const answerChoices = ['a', 'b', 'red', 'blue', 'yes', 1, 2, 10, '3.5'] as const;

/** A random expression over the given names, in any of the spellings SurveyJS knows. */
export function generateExpression(random: Random, names: readonly string[], depth = 0): string {
  const kind = random.fraction();
  if (depth < 3 && kind < 0.3) {
    const sign = random.pick(['and', 'or', '&&', '||', ' AND ', 'Or']);
    return `${group(random, names, depth)} ${sign} ${group(random, names, depth)}`;
  }
  if (depth < 3 && kind < 0.37)
    return `${random.pick(['!', 'negate ', '! '])}(${generateExpression(random, names, depth + 1)})`;
  if (kind < 0.5) return `{${random.pick(names)}} ${random.pick(['empty', 'notempty', 'Empty'])}`;
  if (kind < 0.56) return `{${random.pick(names)}}`;
  return comparison(random, names);
}

function group(random: Random, names: readonly string[], depth: number): string {
  const inner = generateExpression(random, names, depth + 1);
  return random.chance(0.6) ? `(${inner})` : inner;
}

const comparisons = [
  '=',
  '==',
  '<>',
  '!=',
  '>',
  '<',
  '>=',
  '<=',
  '=>',
  '=<',
  'equal',
  'notequal',
  'greater',
  'less',
  'greaterorequal',
  'lessorequal',
];
const setOperators = ['contains', 'notcontains', 'anyof', 'allof', 'noneof', 'contain', '*='];

function comparison(random: Random, names: readonly string[]): string {
  if (random.chance(0.35)) return `${operand(random, names)} ${random.pick(setOperators)} ${operand(random, names)}`;
  return `${arithmetic(random, names)} ${random.pick(comparisons)} ${arithmetic(random, names)}`;
}

function arithmetic(random: Random, names: readonly string[]): string {
  if (random.chance(0.75)) return operand(random, names);
  const joined = `${operand(random, names)} ${random.pick(['+', '-', '*', '/', '%', '^'])} ${operand(random, names)}`;
  return random.chance(0.5) ? `(${joined})` : joined;
}

function operand(random: Random, names: readonly string[]): string {
  const kind = random.fraction();
  if (kind < 0.55) return `{${random.pick(names)}}`;
  if (kind < 0.7) return String(random.pick(numbers));
  if (kind < 0.85) return `'${random.pick(words)}'`;
  if (kind < 0.9) return random.pick(['true', 'false', 'null', 'yes', "''", 'undefined', '"red"']);
  return `[${Array.from({ length: random.int(4) }, () => (random.chance(0.5) ? `'${random.pick(words)}'` : random.pick(numbers))).join(', ')}]`;
}

/** A random answer for an expression to read: of the kind a question of that type has, or none, or a blank one. */
export function generateValue(random: Random, type: 'text' | 'comment' | 'boolean' | 'checkbox' | 'dropdown'): unknown {
  if (random.chance(0.15)) return undefined;
  if (type === 'boolean') return random.chance(0.5);
  if (type === 'checkbox') return answerChoices.filter(() => random.chance(0.3));
  if (type === 'dropdown') return random.pick(answerChoices);
  if (random.chance(0.05)) return random.pick(['', null]);
  if (random.chance(0.03)) return '  ';
  return random.chance(0.6) ? random.pick(words) : random.pick(numbers);
}

/** A random form of 2 to 8 questions, with panels, pages, conditions and validators of all supported kinds. */
export function generateForm(random: Random): FormDefinition {
  const names = Array.from({ length: 2 + random.int(7) }, (_, index) => `q${index + 1}`);
  const questions = names.map((name) => withConditions(random, generateQuestion(random, name, names), names));
  if (random.chance(0.4)) return { elements: nested(random, questions, names) };
  const cut = 1 + random.int(questions.length);
  const pages = [questions.slice(0, cut), questions.slice(cut)].filter((page) => page.length > 0);
  return {
    pages: pages.map((page, index) =>
      withConditions(random, { name: `page${index + 1}`, elements: nested(random, page, names) }, names, 0.2),
    ),
  };
}

function nested(random: Random, elements: FormElement[], names: readonly string[]): FormElement[] {
  if (elements.length < 2 || random.chance(0.5)) return elements;
  const from = random.int(elements.length - 1);
  const to = from + 1 + random.int(elements.length - from);
  const panel = withConditions(
    random,
    {
      type: 'panel' as const,
      name: `panel-${elements[from]!.name}`,
      elements: nested(random, elements.slice(from, to), names),
    },
    names,
    0.5,
  );
  return [...elements.slice(0, from), panel, ...elements.slice(to)];
}

function withConditions<T extends { [property: string]: unknown }>(
  random: Random,
  element: T,
  names: readonly string[],
  probability = 0.3,
): T {
  const result: { [property: string]: unknown } = { ...element };
  if (random.chance(probability)) result.visibleIf = generateExpression(random, names);
  if (random.chance(0.05)) result.visible = random.chance(0.5);
  if (random.chance(0.04)) result.readOnly = true;
  if (!('elements' in element)) {
    if (random.chance(0.3)) result.isRequired = true;
    if (random.chance(0.15)) result.requiredIf = generateExpression(random, names);
  }
  return result as T;
}

function generateQuestion(random: Random, name: string, names: readonly string[]): FormElement {
  const validators = random.chance(0.12) ? [{ type: 'expression', expression: generateExpression(random, names) }] : [];
  const question = baseQuestion(random, name);
  const all = [...((question.validators as unknown[]) ?? []), ...validators];
  return all.length > 0 ? { ...question, validators: all } : question;
}

function baseQuestion(random: Random, name: string): FormElement {
  switch (random.int(10)) {
    case 0:
    case 1:
      return textQuestion(random, name);
    case 2:
      return numberQuestion(random, name);
    case 3:
      return dateQuestion(random, name);
    case 4:
      return { type: 'comment', name, ...some(random, { validators: [{ type: 'text', minLength: 3, maxLength: 8 }] }) };
    case 5:
      return { type: 'boolean', name, ...some(random, { valueTrue: 'yes', valueFalse: 'no' }) };
    case 6:
      return ratingQuestion(random, name);
    case 7:
      return checkboxQuestion(random, name);
    default:
      return {
        type: random.pick(['dropdown', 'radiogroup'] as const),
        name,
        choices: someChoices(random),
        ...specials(random),
      };
  }
}

function textQuestion(random: Random, name: string): FormElement {
  const inputType = random.pick(['text', 'text', 'text', 'email', 'tel', 'url', 'color', 'password'] as const);
  const validators = random.pick([
    [],
    [{ type: 'regex', regex: '^[a-z]+$', caseInsensitive: random.chance(0.5) }],
    [{ type: 'numeric', minValue: 2, maxValue: 9 }],
    [{ type: 'text', minLength: 2, maxLength: 5 }],
    [{ type: 'email' }, { type: 'text', maxLength: 40, notificationType: 'warning' }],
  ]);
  return {
    type: 'text',
    name,
    ...(inputType === 'text' ? {} : { inputType }),
    ...(validators.length > 0 ? { validators } : {}),
  };
}

function numberQuestion(random: Random, name: string): FormElement {
  const inputType = random.pick(['number', 'number', 'range'] as const);
  return {
    type: 'text',
    name,
    inputType,
    ...some(random, { min: 1 }),
    ...some(random, { max: 10 }),
    ...some(random, { step: random.pick([1, 0.5, 0.1]) }),
    ...some(random, { validators: [{ type: 'numeric', minValue: 2 }] }),
  };
}

const dateSamples: Record<string, readonly [string, string, string, string]> = {
  date: ['2020-02-01', '2020-06-15', '2020-12-31', '2024-02-29'],
  'datetime-local': ['2020-02-01T10:00', '2020-06-15T08:30', '2020-12-31T23:59', '2020-06-15T08:30:15'],
  time: ['08:00', '12:30', '18:45', '23:59'],
  month: ['2020-01', '2020-06', '2020-12', '2021-01'],
  week: ['2020-W01', '2020-W26', '2020-W53', '2021-W02'],
};

function dateQuestion(random: Random, name: string): FormElement {
  const inputType = random.pick(Object.keys(dateSamples)) as 'date';
  const [least, , most] = dateSamples[inputType]!;
  return { type: 'text', name, inputType, ...some(random, { min: least }), ...some(random, { max: most }) };
}

function ratingQuestion(random: Random, name: string): FormElement {
  const scale = random.pick([
    {},
    { rateMax: 10 },
    { rateMin: 0, rateMax: 1, rateStep: 0.1 },
    { rateValues: ['bad', 'good', { value: 3, text: 'best' }] },
    { rateCount: 7 },
  ]);
  return { type: 'rating', name, ...scale };
}

function checkboxQuestion(random: Random, name: string): FormElement {
  return {
    type: 'checkbox',
    name,
    choices: someChoices(random),
    ...specials(random),
    ...some(random, { minSelectedChoices: 2 }, 0.25),
    ...some(random, { maxSelectedChoices: 3 }, 0.25),
    ...some(random, { validators: [{ type: 'answercount', minCount: 2, maxCount: 3 }] }, 0.25),
  };
}

function someChoices(random: Random): unknown[] {
  const listed = answerChoices
    .filter(() => random.chance(0.6))
    .map((value) =>
      random.chance(0.3) ? { value, text: { default: `Choice ${value}`, de: `Wahl ${value}` } } : value,
    );
  return listed.length > 0 ? listed : ['a', 'b'];
}

function specials(random: Random): object {
  return {
    ...some(random, { showOtherItem: true }, 0.25),
    ...some(random, { showNoneItem: true }, 0.2),
    ...some(random, { showDontKnowItem: true }, 0.1),
  };
}

function some(random: Random, part: object, probability = 0.4): object {
  return random.chance(probability) ? part : {};
}

/** Every question of a definition, whatever page or panel it stands in. */
export function questionsOf(definition: FormDefinition): FormElement[] {
  const open: FormElement[] = definition.elements ?? (definition.pages ?? []).flatMap((page) => page.elements ?? []);
  return open.flatMap((element) =>
    element.type === 'panel' ? questionsOf({ elements: element.elements ?? [] }) : [element],
  );
}

export type AnswerKind = 'valid' | 'missing' | 'mutated' | 'wrong' | 'crowded';

/** Answers to a form. `valid` and `crowded` fill in what fits (crowded: every question, hidden ones too), `missing` leaves much out or blank,
 *  `mutated` breaks one answer, `wrong` breaks many. */
export function generateAnswers(random: Random, definition: FormDefinition, kind: AnswerKind): Record<string, unknown> {
  const answers: Record<string, unknown> = {};
  const questions = questionsOf(definition);
  const broken = random.int(questions.length);
  const share = { valid: 0.85, missing: 0.4, mutated: 0.85, wrong: 0.9, crowded: 1 }[kind];
  questions.forEach((question, index) => {
    if (!random.chance(share)) return;
    const breakIt = (kind === 'mutated' && index === broken) || (kind === 'wrong' && random.chance(0.5));
    const value = breakIt
      ? misfit(random)
      : kind === 'missing' && random.chance(0.3)
        ? random.pick(['', '  ', null, []])
        : fitting(random, question);
    answers[question.name!] = value;
    const other = value === 'other' || (Array.isArray(value) && value.includes('other'));
    if (question.showOtherItem && random.chance(other ? 0.8 : 0.2))
      answers[`${question.name}-Comment`] = random.pick(['something else', 'red']);
  });
  if (kind === 'wrong' && random.chance(0.2)) answers.nobody = 'asked';
  return answers;
}

/** An answer the control of the question can send; its validators may still refuse it. */
function fitting(random: Random, question: FormElement): unknown {
  switch (question.type) {
    case 'boolean':
      return random.chance(0.5) ? (question.valueTrue ?? true) : (question.valueFalse ?? false);
    case 'comment':
      return random.pick(['hi', 'hello', 'a long comment\nof two lines', 'red', '7']);
    case 'rating':
      return ratingAnswer(random, question);
    case 'checkbox':
      return offered(random, question).filter(() => random.chance(0.5));
    case 'text':
      return textAnswer(random, (question.inputType ?? 'text') as string);
    default:
      return random.pick(offered(random, question));
  }
}

function offered(random: Random, question: FormElement): unknown[] {
  const listed = (question.choices as unknown[]).map((choice) =>
    typeof choice === 'object' ? (choice as { value: unknown }).value : choice,
  );
  const special = [
    question.showOtherItem && 'other',
    question.showNoneItem && 'none',
    question.showDontKnowItem && 'dontknow',
  ].filter(Boolean);
  return random.chance(0.5) ? listed : [...listed, ...special];
}

function ratingAnswer(random: Random, question: FormElement): unknown {
  if (question.rateValues) return random.pick(['bad', 'good', 3]);
  if (question.rateStep) return random.pick([0, 0.1, 0.3, 0.7, 1]);
  return 1 + random.int(5);
}

function textAnswer(random: Random, inputType: string): unknown {
  if (inputType === 'number' || inputType === 'range') return random.pick([0, 1, 2, 3.5, 7, 9.9, 10, 11, 0.3, -4]);
  if (Object.hasOwn(dateSamples, inputType)) return random.pick(dateSamples[inputType]!);
  const samples: Record<string, readonly string[]> = {
    email: ['a@b.de', 'ünï@exämple.org', '"q q"@x.io', 'a@b', 'a b@c.de', 'nobody'],
    url: ['https://example.org/', 'mailto:a@b.de'],
    color: ['#ff0000', '#00AAff'],
  };
  return random.pick(samples[inputType] ?? [...words, 'a@b.de', 'hello', 'ABC']);
}

/** An answer that no control of most questions can send. */
function misfit(random: Random): unknown {
  return random.pick([
    5,
    'nope',
    true,
    'true',
    { $gt: '' },
    ['a', 'a'],
    ['nope'],
    [[1]],
    'x'.repeat(10_001),
    'a\u0000b',
    '\ud800',
    '#zzz',
    99,
    [],
  ]);
}
