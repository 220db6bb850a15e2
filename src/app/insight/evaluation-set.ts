import { AppError, type Issue } from '#domain/errors.ts';
import { fieldValue } from '#domain/field-value.ts';
import type { FieldSpec, IntelligenceSpec } from '#domain/intelligence.ts';
import { isWords, normalised } from '../model/ground.ts';

type Reads = Parameters<typeof normalised>[0];

/** A text and what is right of it. `fields`: by name in their normal form; what is not named is not in the text. `at`: when it was written, epoch ms. */
export type EvaluationItem = {
  text: string;
  label: string | null | undefined;
  fields: Record<string, string> | undefined;
  at: number;
};

/** Told of so many wrong lines; the file is read no further then. */
const mostIssues = 20;

/**
 * The texts of an evaluation file, a JSON object a line. `now`: when a text was written whose line does not say. Errors: `value-refused`, with an issue for each
 * line that cannot be used; nothing is evaluated then.
 */
export async function readEvaluationSet(
  lines: AsyncIterable<string>,
  spec: IntelligenceSpec,
  deps: Reads & { now: number; limit: number },
): Promise<EvaluationItem[]> {
  const items: EvaluationItem[] = [];
  const issues: Issue[] = [];
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const read = await itemOf(line, spec, deps);
    if ('problem' in read) issues.push({ pointer: `line ${number}`, code: 'unusable-line', detail: read.problem });
    else items.push(read);
    if (issues.length >= mostIssues || items.length >= deps.limit) break;
  }
  if (issues.length > 0) throw new AppError('value-refused', { detail: 'The file cannot be used.', issues });
  if (items.length === 0) throw new AppError('value-refused', { detail: 'The file holds no text.' });
  return items;
}

type Problem = { problem: string };

async function itemOf(
  line: string,
  spec: IntelligenceSpec,
  deps: Reads & { now: number },
): Promise<EvaluationItem | Problem> {
  const parsed = objectOf(line);
  if (parsed === undefined) return { problem: 'It is no JSON object.' };
  const { text, label, fields, at, ...others } = parsed;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    return { problem: `There is no ${quoted(unknown)}: a line has text, label, fields and at.` };
  if (typeof text !== 'string' || text.trim() === '') return { problem: 'It has no text.' };
  if (label === undefined && fields === undefined) return { problem: 'It has neither label nor fields.' };
  const time = at === undefined ? deps.now : Date.parse(String(at));
  if (Number.isNaN(time)) return { problem: 'Write at as a time such as 2026-11-22T09:00:00Z.' };
  const wrong = label === undefined ? undefined : labelProblem(label, spec);
  if (wrong !== undefined) return { problem: wrong };
  if (fields === undefined) return { text, label: label as string | null, fields: undefined, at: time };
  const expected = await expectedFields(fields, spec, deps, time);
  return 'problem' in expected
    ? (expected as Problem)
    : { text, label: label as string | null | undefined, fields: expected.fields, at: time };
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function labelProblem(label: unknown, { classify }: IntelligenceSpec): string | undefined {
  if (!classify) return 'The form has no labels.';
  if (label === null) return classify.allow_none ? undefined : 'The form does not allow "none" (allow_none).';
  const names = classify.labels.map(({ name }) => name);
  if (typeof label === 'string' && names.includes(label)) return undefined;
  return `The form has no label ${quoted(label)}; it has ${names.slice(0, 20).join(', ')}.`;
}

async function expectedFields(
  fields: unknown,
  { extract }: IntelligenceSpec,
  deps: Reads,
  now: number,
): Promise<{ fields: Record<string, string> } | Problem> {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return { problem: 'Write fields as an object of names and values.' };
  const found: [string, string][] = [];
  for (const [name, value] of Object.entries(fields)) {
    const field = extract?.fields.find((one) => one.name === name);
    if (!field) return { problem: `The form extracts no field ${quoted(name)}.` };
    if (value === null || value === '') continue;
    const normal = typeof value === 'string' ? await normalForm(deps, field, value, now) : undefined;
    if (normal === undefined)
      return { problem: `The field ${name}: ${quoted(value)} is no ${field.type}, or not one of its values.` };
    found.push([name, normal]);
  }
  return { fields: Object.fromEntries(found) };
}

/** In the normal form of its type, whether it was given so or as it stands in the text. */
async function normalForm(deps: Reads, field: FieldSpec, value: string, now: number): Promise<string | undefined> {
  const given = fieldValue(field, value);
  if ('value' in given) return given.value || undefined;
  return field.type === 'enum' ? undefined : normalised(deps, field, value, now);
}

/** What two values of a field have in common when they say the same: names are compared without regard to case and spaces. */
export function comparable(field: FieldSpec | undefined, value: string | undefined): string | undefined {
  if (value === undefined || !field || !isWords(field)) return value;
  return value.trim().replaceAll(/\s+/gu, ' ').toLowerCase();
}

const quoted = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? 'nothing';
