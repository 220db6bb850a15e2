import { isYounger } from '#domain/age.ts';
import { datasetArea } from '#domain/dataset/dataset.ts';
import { isWorthUpdating } from '#domain/dataset/plan.ts';
import { AppError } from '#domain/errors.ts';
import { type ExportColumn, planForm, type RowPlan } from '#domain/export-rows.ts';
import { type Form, type FormVersion, versionId } from '#domain/form/form.ts';
import { withheldNames } from '#domain/form/withheld.ts';
import { personalColumns } from '#domain/queries/personal-columns.ts';
import type { QueryTable } from '#domain/queries/query.ts';
import { QueryError } from '#domain/query-error.ts';
import type { TableSource } from '#ports/analytics-engine.ts';
import type { BlobStore } from '#ports/blob-store.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import { type Datasets, onceMs } from '../exports/datasets.ts';
import { allVersionsOf, formOf } from '../form-versions.ts';
import type { FreshRows } from './fresh-rows.ts';

type Deps = {
  storage: Pick<Storage, 'get' | 'list' | 'changes'>;
  blobs: Pick<BlobStore, 'pathOf'>;
  freshRows: FreshRows;
  clock: Clock;
  /** How old the state may be that an answer is of, unless somebody wants it of this instant. A second at least: else every question under a steady intake would be a new one. */
  staleMs: number;
  /** Called when so many changes of a form are in no file yet that its files should be brought up to date, and when one of them cannot be read. */
  requestUpdate: Datasets['requestOnce'];
};

/** A form as queries see it. `state`: with the same text the table holds the same rows. */
export type FormTable = {
  form: Form;
  table: QueryTable;
  state: string;
  /** Columns of the table that are null for whoever may not see who sent a response. */
  personal: readonly string[];
  /** Where its rows are: not looked for before they are needed, since most answers are in the cache. */
  source(range: { from?: number; to?: number }): Promise<TableSource>;
  /** After an error of a question: if a file is damaged, it is asked for again. Errors: those of `requestUpdate`. */
  mend(err: unknown): Promise<void>;
};

type Plan = {
  plan: RowPlan;
  withheld: ReadonlySet<string>;
  personal: readonly string[];
  /** By column of an answer, the versions that have it. */
  askedBy: ReadonlyMap<string, readonly number[]>;
};

/** The newest number is asked for once in this time. */
const newestMs = 1_000;
/** Days are those of the installation's time zone, and a range is of instants. */
const dayMs = 86_400_000;

/** Tables of forms: their exported files, and what has changed since, so that a count equals the store at every moment. */
export function createFormTables(deps: Deps) {
  const { storage, clock } = deps;
  let newest: { number: Promise<number>; at: number } | undefined;
  const plans = new Map<string, Plan>();
  /** By form, when an update was asked for, and what its files were complete to. */
  const updateAsked = new Map<string, { completeTo: number; at: number }>();

  /** `fresh`: with everything that was acknowledged before the call; else it may be a second behind. Errors: `form-not-found`, `form-not-published`. */
  async function of(formId: string, { fresh = false } = {}): Promise<FormTable> {
    // Before the versions are read: what has a number up to there was sent to one that is known then.
    const newestSeen = await newestNumber(fresh);
    const form = await formOf(storage, formId);
    if (form.version === 0)
      throw new AppError('form-not-published', { detail: `The form ${formId} was never published.` });
    const { plan, withheld, personal, askedBy } = await planOf(form);
    const dataset = (await storage.get('dataset', formId))?.doc;
    const completeTo = dataset?.completeTo ?? 0;
    // Files that were written meanwhile hold more than was asked for.
    const to = Math.max(newestSeen, completeTo);
    const pathOf = (name: string) => deps.blobs.pathOf(`${datasetArea(formId)}/${name}`);
    const source = async ({ from, to: end }: { from?: number; to?: number }): Promise<TableSource> => {
      const { changes, ...fresh } = await deps.freshRows.upTo({ formId, plan, withheld, completeTo }, to);
      if (isWorthUpdating(dataset?.partitions ?? [], changes)) askForUpdate(formId, completeTo);
      const files = (dataset?.partitions ?? [])
        .filter((partition) => from === undefined || Date.parse(partition.to) + 2 * dayMs > from)
        .filter((partition) => end === undefined || Date.parse(partition.from) - dayMs < end)
        .map(({ parquet, rows }) => ({ path: pathOf(parquet.name), rows }));
      return { name: 'responses', columns: plan.columns, files, ...(fresh.paths.length > 0 && { fresh }) };
    };
    const mend = async (err: unknown): Promise<void> => {
      if (!(err instanceof QueryError) || err.fault !== 'data-damaged') return;
      const damaged = dataset?.partitions.find(({ parquet }) => pathOf(parquet.name) === err.file);
      if (damaged) await deps.requestUpdate(formId, { damaged: damaged.parquet.name });
      else deps.freshRows.forget(formId);
    };
    const version = (await storage.get('form-version', versionId(form.id, form.version)))!.doc;
    return {
      form,
      table: tableOf(plan.columns, version, askedBy),
      personal,
      state: JSON.stringify([form.id, form.version, dataset?.version ?? 0, to]),
      source,
      mend,
    };
  }

  /** A question only reads: it neither waits for this nor fails with it, and the next one asks again for what could not be asked for, as while the store takes no writes. */
  function askForUpdate(formId: string, completeTo: number): void {
    const [last, now] = [updateAsked.get(formId), clock.now()];
    // As `requestUpdate` itself: one that ran out of tries is asked for again.
    if (last?.completeTo === completeTo && isYounger(last.at, now, onceMs)) return;
    const asked = { completeTo, at: now };
    updateAsked.set(formId, asked);
    deps.requestUpdate(formId, { completeTo }).catch(() => {
      if (updateAsked.get(formId) === asked) updateAsked.delete(formId);
    });
  }

  async function newestNumber(fresh: boolean): Promise<number> {
    const now = clock.now();
    if (!fresh && newest && isYounger(newest.at, now, Math.max(newestMs, deps.staleMs))) return newest.number;
    const asked = { number: storage.changes.newest(), at: now };
    newest = asked;
    asked.number.catch(() => {
      if (newest === asked) newest = undefined;
    });
    return asked.number;
  }

  async function planOf(form: Form): Promise<Plan> {
    const known = plans.get(form.id);
    if (known !== undefined && known.plan.version >= form.version) return known;
    const versions = await allVersionsOf(storage, form.id);
    const plan = planForm(versions);
    const names = new Set(plan.columns.map(({ name }) => name));
    const made = {
      plan,
      withheld: withheldNames(versions),
      personal: personalColumns(versions).filter((name) => names.has(name)),
      askedBy: versionsByColumn(versions),
    };
    if (plans.size >= 200) plans.clear();
    plans.set(form.id, made);
    return made;
  }

  return { of };
}
export type FormTables = ReturnType<typeof createFormTables>;

/** `columns`: those that a question may see. `askedBy`: by column of an answer, the versions that have it. */
export function tableOf(
  columns: readonly ExportColumn[],
  { compiled }: Pick<FormVersion, 'compiled'>,
  askedBy: Plan['askedBy'],
): QueryTable {
  const byId = new Map(columns.map((column) => [column.name, column]));
  const answers = compiled.columns.flatMap(({ name, id }) => {
    const column = byId.get(id);
    return column ? [{ name, column }] : [];
  });
  const questions = compiled.questions.flatMap(({ name, type }) => {
    const own = answers.find((answer) => answer.name === name);
    return own ? [{ name, type, column: own.column, versions: askedBy.get(own.column.name) ?? [] }] : [];
  });
  return { columns, questions, texts: answers.filter(({ column }) => column.type === 'string') };
}

export function versionsByColumn(versions: readonly Pick<FormVersion, 'version' | 'compiled'>[]): Plan['askedBy'] {
  const found = new Map<string, number[]>();
  for (const { version, compiled } of versions)
    for (const { id } of compiled.columns) found.set(id, [...(found.get(id) ?? []), version]);
  return found;
}
