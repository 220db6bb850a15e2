import { isDate } from './day.ts';
import type { ColumnType } from './form/compiled.ts';
import type { FormVersion } from './form/form.ts';
import { withheldNames } from './form/withheld.ts';
import { sha256Hex } from './hash.ts';
import { isoInstant } from './instant.ts';
import type { Json } from './json.ts';
import { effectiveLabel, type KeptResponse } from './response.ts';

/** `integer`: a whole number below 2^53. `instant`: RFC 3339 in UTC. The others as in {@link ColumnType}. */
export type ExportColumnType = ColumnType | 'integer' | 'instant';

/** `name` is `[a-z0-9_]+` and unique in its table, letter case ignored. */
export type ExportColumn = { name: string; type: ExportColumnType };

/** `date` and `timestamp` as their text. */
export type Cell = string | number | boolean | string[] | null;

/** One response as a row. `misfits`: answers that did not fit the type of their column and became null. */
export type ExportRow = { cells: Cell[]; misfits: number };

/** `version`: the newest of the form that it knows. Answers of a later one have no columns in it. */
export type RowPlan = { version: number; columns: ExportColumn[]; rowOf(response: KeptResponse): ExportRow };

type Given = ExportColumn & { cell: (response: KeptResponse) => Cell };

const before: Given[] = [
  { name: 'response_id', type: 'string', cell: (r) => r.id },
  { name: 'form_id', type: 'string', cell: (r) => r.formId },
  { name: 'form_version', type: 'integer', cell: (r) => r.formVersion },
  { name: 'submitted_at', type: 'instant', cell: (r) => isoInstant(r.submittedAt) },
  { name: 'day', type: 'date', cell: (r) => r.day },
  { name: 'status', type: 'string', cell: (r) => r.status },
  { name: 'label', type: 'string', cell: (r) => textOrNull(effectiveLabel(r)) },
  { name: 'label_source', type: 'string', cell: labelSource },
  { name: 'confidence', type: 'number', cell: (r) => r.understanding?.classify?.confidence ?? null },
  { name: 'language', type: 'string', cell: (r) => r.understanding?.language ?? null },
  { name: 'needs_review', type: 'boolean', cell: needsReview },
];

const after: Given[] = [
  { name: 'draft_reply', type: 'string', cell: (r) => textOrNull(r.review?.reply ?? r.understanding?.respond?.text) },
  { name: 'metadata', type: 'string', cell: (r) => (r.metadata ? json(r.metadata) : null) },
  { name: 'receipt_chain', type: 'string', cell: (r) => r.receipt.chain },
  { name: 'receipt_seq', type: 'integer', cell: (r) => r.receipt.seq },
  { name: 'receipt_sha256', type: 'string', cell: (r) => r.receipt.sha256 },
  { name: 'machine_label', type: 'string', cell: (r) => textOrNull(r.understanding?.classify?.label) },
  { name: 'machine_tier', type: 'string', cell: (r) => r.understanding?.classify?.tier ?? null },
  { name: 'machine_model', type: 'string', cell: (r) => r.understanding?.classify?.provenance.model ?? null },
  { name: 'understood_at', type: 'instant', cell: (r) => instantOrNull(r.understanding?.classify?.provenance.at) },
  { name: 'reviewed_at', type: 'instant', cell: (r) => instantOrNull(r.review?.at) },
];

/**
 * The table of one form: what every response has, a column for each answer of any of its versions, a column `x_…` for each field to extract.
 * A column of an answer is known by its id, which holds its type: a version that adds a question adds a column, and one that changes the type of an
 * answer adds a second column beside the first. The order is that of the versions, so that a new one only adds at the end of its part. An answer that is
 * withheld has no column. `versions`: all of the form.
 */
export function planForm(versions: readonly Pick<FormVersion, 'version' | 'compiled' | 'intelligence'>[]): RowPlan {
  const answers = new Map<string, { name: string; type: ColumnType }>();
  const fields = new Map<string, string>();
  const byVersion = new Map<number, { name: string; column: string }[]>();
  const withheld = withheldNames(versions);
  for (const { version, compiled, intelligence } of [...versions].sort((a, b) => a.version - b.version)) {
    const columns = compiled.columns.filter(({ name }) => !withheld.has(name));
    for (const { id, type } of columns) if (!answers.has(id)) answers.set(id, { name: id, type });
    byVersion.set(
      version,
      columns.map(({ name, id }) => ({ name, column: id })),
    );
    for (const { name } of intelligence?.extract?.fields ?? []) fields.set(name, fieldColumn(name));
  }
  const places = new Map([...answers.keys()].map((id, index) => [id, index]));
  const types = [...answers.values()].map(({ type }) => type);

  return {
    version: Math.max(0, ...byVersion.keys()),
    columns: [
      ...before.map(columnOf),
      ...answers.values(),
      ...[...fields.values()].map((name): ExportColumn => ({ name, type: 'string' })),
      ...after.map(columnOf),
    ],
    // Called for each of millions of responses: one array, filled from the front.
    rowOf(response) {
      const cells: Cell[] = [];
      for (const { cell } of before) cells.push(cell(response));
      const first = cells.length;
      for (let i = 0; i < types.length; i++) cells.push(null);
      let misfits = 0;
      for (const { name, column } of byVersion.get(response.formVersion) ?? []) {
        const value = Object.hasOwn(response.answers, name) ? response.answers[name] : undefined;
        if (value === undefined || value === null) continue;
        const index = places.get(column)!;
        const cell = cellOf(value, types[index]!);
        if (cell === undefined) misfits += 1;
        else cells[first + index] = cell;
      }
      for (const name of fields.keys()) cells.push(textOrNull(fieldOf(response, name)));
      for (const { cell } of after) cells.push(cell(response));
      return { cells, misfits };
    },
  };
}

/** The table of the responses of all forms: what every response has, its answers and its extracted fields as JSON texts. */
export function planAllForms(): RowPlan {
  const columns: Given[] = [
    ...before,
    { name: 'answers', type: 'string', cell: (r) => json(r.answers) },
    { name: 'extracted', type: 'string', cell: extractedJson },
    ...after,
  ];
  return {
    // Its columns are the same whatever the version.
    version: Number.POSITIVE_INFINITY,
    columns: columns.map(columnOf),
    rowOf: (response) => ({ cells: columns.map(({ cell }) => cell(response)), misfits: 0 }),
  };
}

/** The value as a cell of the type, undefined when it does not fit. */
export function cellOf(value: Json, type: ColumnType): Cell | undefined {
  switch (type) {
    case 'string':
      return scalarText(value);
    case 'string[]': {
      if (!Array.isArray(value)) return undefined;
      const texts = value.map(scalarText);
      return texts.every((text) => text !== undefined) ? texts : undefined;
    }
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'date':
      return typeof value === 'string' && isDate(value) ? value : undefined;
    case 'timestamp':
      return typeof value === 'string' && isLocalTime(value) ? value : undefined;
  }
}

/** A question may offer 1 and "other" together: its column holds both as texts. */
function scalarText(value: Json): string | undefined {
  // Half a surrogate pair is no character: UTF-8, and so Parquet, has no way to say it.
  if (typeof value === 'string') return value.toWellFormed();
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function isLocalTime(text: string): boolean {
  const time = /^(\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?$/.exec(text);
  return time !== null && isDate(time[1]!);
}

/** Who said the label: `review`, a person; else the tier of the machine. Null where there is no label that counts. */
function labelSource(response: KeptResponse): string | null {
  if (response.review?.label !== undefined) return 'review';
  const found = response.understanding?.classify;
  return found === undefined || found.needsReview ? null : found.tier;
}

/** Null where nothing was to be classified. */
function needsReview(response: KeptResponse): boolean | null {
  const found = response.understanding?.classify;
  if (response.review?.label !== undefined) return false;
  return found === undefined ? null : found.needsReview;
}

/** What a person wrote, else what the machine found. */
function fieldOf(response: KeptResponse, name: string): string | undefined {
  const corrected = response.review?.fields;
  if (corrected && Object.hasOwn(corrected, name)) return corrected[name];
  const found = response.understanding?.extract?.fields;
  return found && Object.hasOwn(found, name) ? found[name]!.value : undefined;
}

function extractedJson(response: KeptResponse): string | null {
  const names = new Set([
    ...Object.keys(response.understanding?.extract?.fields ?? {}),
    ...Object.keys(response.review?.fields ?? {}),
  ]);
  if (names.size === 0) return null;
  return json(Object.fromEntries([...names].map((name) => [name, fieldOf(response, name)!])));
}

/** No id of an answer's column can be the same: those have two underscores before their type, and these never two in a row. */
export function fieldColumn(name: string): string {
  if (/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name)) return `x_${name}`;
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|_+$/g, '');
  return `x_${plain || 'field'}_${sha256Hex(name).slice(0, 8)}`;
}

const columnOf = ({ name, type }: Given): ExportColumn => ({ name, type });
const instantOrNull = (at: number | undefined): string | null => (at === undefined ? null : isoInstant(at));
const textOrNull = (text: string | null | undefined): string | null => text?.toWellFormed() ?? null;
const json = (value: Json): string => JSON.stringify(value);
