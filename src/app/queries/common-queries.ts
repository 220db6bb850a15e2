import { AppError } from '#domain/errors.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Json } from '#domain/json.ts';
import { commonQueries, queryByName } from '#domain/queries/catalogue.ts';
import { sqlOf } from '#domain/queries/least-group.ts';
import { type CommonQuery, readParams } from '#domain/queries/query.ts';
import { ranged } from '#domain/queries/range.ts';
import type { AnalyticsEngine, AnswerColumn, AnswerFile, QueryLimits } from '#ports/analytics-engine.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { AnswerCache } from './answer-cache.ts';
import { asAppError } from './query-problems.ts';
import type { FormTables } from './tables.ts';

type Deps = {
  tables: FormTables;
  engine: Pick<AnalyticsEngine, 'query'>;
  answers: AnswerCache;
  clock: Clock;
  metrics: Pick<Metrics, 'observe'>;
  timeZone: string;
  limits: { timeMs: number; rows: number };
  /** Rows that speak of fewer responses are left out. 1: none are. */
  leastGroup: number;
};

export type QueryWish = {
  name: string;
  formId: string;
  /** Of submission, epoch ms: `from` taken in, `to` left out. */
  from?: number;
  to?: number;
  /** As they came: texts, or JSON values. */
  params: Readonly<Record<string, unknown>>;
  /** With what was acknowledged up to this instant, not up to the last second. */
  fresh: boolean;
};

/** `rows`: values in the order of `columns`. `suppressed`: rows that were left out since they spoke of too few responses. `asOf`: when it was asked, epoch ms. */
export type QueryAnswer = {
  columns: readonly AnswerColumn[];
  rows: Json[][];
  truncated: boolean;
  suppressed: number;
  asOf: number;
};

/** Common queries of a form: over its exported files and what has changed since. Exact: an answer counts every response acknowledged a second before the question, or, `fresh`, before it. */
export function createCommonQueries(deps: Deps) {
  const { engine, limits } = deps;

  function find(name: string): CommonQuery {
    const query = queryByName.get(name);
    if (query) return query;
    throw new AppError('not-found', {
      detail: `There is no query ${name.slice(0, 100)}; GET /api/v1/analytics/queries lists them.`,
    });
  }

  /**
   * The question and the state of what it is asked of. `etag`: the same for the same answer. Errors: `not-found`, `form-not-found`, `form-not-published`, `value-refused`
   * for parameters, `malformed-query` for an empty range.
   */
  async function prepare({ name, formId, from, to, params, fresh }: QueryWish) {
    if (from !== undefined && to !== undefined && from >= to)
      throw new AppError('malformed-query', { detail: 'The range is empty: to must be later than from.' });
    const query = find(name);
    const values = readParams(query, params);
    const form = await deps.tables.of(formId, { fresh });
    const asked = sqlOf(query, form.table, values, deps.leastGroup);
    const built = ranged(asked, { from, to, timeZone: deps.timeZone });
    const key = `query:${sha256Hex(JSON.stringify([built, form.state, deps.leastGroup, limits.rows]))}`;
    const range = { from: query.looksBack ? undefined : from, to };
    return { query, built, form, key, etag: `W/"${key.slice(6, 38)}"`, range };
  }
  type Prepared = Awaited<ReturnType<typeof prepare>>;

  /** Whoever asks the same waits for the same answer, so it is not stopped when one of them goes. Errors: those of the engine as `query-…`, of the store. */
  async function answer(prepared: Prepared): Promise<{ answer: QueryAnswer; cached: boolean }> {
    const { value, cached } = await deps.answers.answer(prepared.key, () => compute(prepared));
    return { answer: value, cached };
  }

  async function compute({ query, built, form, range }: Prepared): Promise<QueryAnswer> {
    const startedAt = performance.now();
    const asOf = deps.clock.now();
    const rows: Json[][] = [];
    const into = (chunk: { rows: readonly Json[][] }) => void rows.push(...chunk.rows);
    const { columns, truncated } = await run({ built, form, range }, limits, into);
    deps.metrics.observe('formstead_analytics_query_seconds', {}, (performance.now() - startedAt) / 1000);
    const counted = columns.findIndex(({ name }) => name === query.counted);
    const kept = counted < 0 ? rows : rows.filter((row) => Number(row[counted]) >= deps.leastGroup);
    return { columns, rows: kept, truncated, suppressed: rows.length - kept.length, asOf };
  }

  async function run(
    { built, form, range }: Pick<Prepared, 'built' | 'form' | 'range'>,
    queryLimits: QueryLimits,
    into: Parameters<AnalyticsEngine['query']>[2],
  ) {
    const source = await form.source(definedOf(range));
    const tables = [{ ...source, name: 'all_responses' }];
    return engine.query({ ...built, tables }, queryLimits, into).catch(async (err) => {
      await form.mend(err);
      throw asAppError(err);
    });
  }

  /** Into a new file. Rows of small groups are left out here too. Errors: as `answer`. */
  async function toFile(prepared: Prepared, file: AnswerFile, signal: AbortSignal): Promise<void> {
    const { query, built, form, range } = prepared;
    const guarded =
      query.counted === undefined || deps.leastGroup <= 1
        ? built
        : { ...built, sql: `SELECT * FROM (${built.sql}) WHERE "${query.counted}" >= ${deps.leastGroup}` };
    await run({ built: guarded, form, range }, { ...limits, signal }, file);
  }

  return { list: () => commonQueries, find, prepare, answer, toFile };
}
export type CommonQueries = ReturnType<typeof createCommonQueries>;

function definedOf({ from, to }: { from?: number | undefined; to?: number | undefined }) {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
