import { AppError, type Issue } from '../errors.ts';
import type { ExportColumn } from '../export-rows.ts';
import type { CompiledQuestion } from '../form/compiled.ts';

/** What a query is asked with, beside the form and the range of submission that each takes. */
export type ParamSpec = {
  name: string;
  about: string;
  required?: true;
} & (
  | { type: 'integer'; least: number; most: number; default?: number }
  | { type: 'choice'; values: readonly string[]; default?: string }
  | { type: 'text'; maxLength: number }
);

export type ParamValue = string | number;
export type ParamValues = Readonly<Record<string, ParamValue | undefined>>;

/**
 * The table `responses` as a query sees it: the columns of the form's dataset, and what the newest version asks. `versions`: those in which the question's answers are in that
 * column, so not those that asked it for answers of another type. `texts`: answers that are texts, the free text of "other" among them, by the name under which they are sent.
 */
export type QueryTable = {
  columns: readonly ExportColumn[];
  questions: readonly (Pick<CompiledQuestion, 'name' | 'type'> & {
    column: ExportColumn;
    versions: readonly number[];
  })[];
  texts: readonly { name: string; column: ExportColumn }[];
};

/** `params`: bound by name. Instants as ISO text. */
export type QuerySql = { sql: string; params: Record<string, string | number | null> };

/** A question that many ask. Its SQL is written by us; what comes from outside is bound, and columns are named from the form's own list. */
export type CommonQuery = {
  /** As in the path. */
  name: string;
  about: string;
  params: readonly ParamSpec[];
  /** What a row tells, by column. */
  columns: Record<string, string>;
  /** The column that says how many responses a row speaks of: rows of fewer than the installation's least group are left out. */
  counted?: string;
  /**
   * By column, where it speaks of some of the row's responses only: of how many, as SQL over the row. Of one is `1`; a share of them also speaks of the others, by
   * subtraction. With a least group the value is null unless each of these numbers is 0 or large enough.
   */
  parts?: Readonly<Record<string, readonly string[]>>;
  /** Its SQL asks `responses_so_far` instead of `responses`: those before the range too. */
  looksBack?: true;
  /** It shows what people wrote: for those who may read responses. */
  reveals?: true;
  /**
   * With a least group above 1 it may give more columns than `columns`, for `parts` to use. `leastGroup`: for what is to be counted of the groups alone that are shown. Errors: `value-refused`
   * (with the parameter's pointer) for a question that the form does not have or that cannot be counted so.
   */
  build(table: QueryTable, params: ParamValues, leastGroup: number): QuerySql;
};

/**
 * Parameters as a query takes them, from texts (a query string) or JSON values. Errors: `value-refused` with an issue for each that is missing, unknown or of the wrong kind.
 */
export function readParams(query: Pick<CommonQuery, 'params'>, given: Readonly<Record<string, unknown>>): ParamValues {
  const issues: Issue[] = [];
  const values: Record<string, ParamValue | undefined> = {};
  const known = new Set(query.params.map(({ name }) => name));
  for (const name of Object.keys(given))
    if (!known.has(name))
      issues.push(issueOf(name, 'unknown-parameter', `is no parameter; there are ${[...known].join(', ') || 'none'}`));
  for (const spec of query.params) {
    const value = Object.hasOwn(given, spec.name) ? given[spec.name] : undefined;
    if (value === undefined) {
      if (spec.required) issues.push(issueOf(spec.name, 'missing', 'is needed'));
      values[spec.name] = 'default' in spec ? spec.default : undefined;
      continue;
    }
    const read = readOne(spec, value);
    if ('problem' in read) issues.push(issueOf(spec.name, 'wrong-type', read.problem));
    else values[spec.name] = read.value;
  }
  if (issues.length > 0) throw new AppError('value-refused', { detail: 'Some parameters cannot be used.', issues });
  return values;
}

function readOne(spec: ParamSpec, given: unknown): { value: ParamValue } | { problem: string } {
  switch (spec.type) {
    case 'integer': {
      const value = typeof given === 'string' && /^(?:0|-?[1-9]\d{0,14})$/.test(given) ? Number(given) : given;
      const fits = typeof value === 'number' && Number.isInteger(value) && spec.least <= value && value <= spec.most;
      return fits ? { value } : { problem: `must be a whole number from ${spec.least} to ${spec.most}` };
    }
    case 'choice':
      return typeof given === 'string' && spec.values.includes(given)
        ? { value: given }
        : { problem: `must be one of ${spec.values.join(', ')}` };
    case 'text':
      return typeof given === 'string' && given.length > 0 && given.length <= spec.maxLength
        ? { value: given }
        : { problem: `must be a text of 1 to ${spec.maxLength} characters` };
  }
}

export const issueOf = (name: string, code: string, detail: string): Issue => ({ pointer: `/${name}`, code, detail });

/** A name as SQL; those of columns are `[a-z0-9_]+`. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The column of a question's answers. Errors: `value-refused`. */
export function columnOf(
  table: QueryTable,
  question: string,
  types: readonly string[],
  questionTypes?: readonly string[],
): ExportColumn {
  const refuse = (detail: string): never => {
    throw new AppError('value-refused', { detail, issues: [issueOf('question', 'unknown-question', detail)] });
  };
  const found = table.questions.find(({ name }) => name === question);
  if (!found)
    return refuse(`The form has no question ${JSON.stringify(question.slice(0, 100))} whose answers are exported.`);
  if (!types.includes(found.column.type))
    return refuse(
      `The answers of ${JSON.stringify(question)} are ${found.column.type}; this query takes ${types.join(', ')}.`,
    );
  if (questionTypes && !questionTypes.includes(found.type))
    return refuse(`${JSON.stringify(question)} is a ${found.type}; this query takes ${questionTypes.join(', ')}.`);
  return found.column;
}
