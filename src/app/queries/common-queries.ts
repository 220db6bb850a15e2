import { AppError } from '#domain/errors.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Json } from '#domain/json.ts';
import { commonQueries, queryByName } from '#domain/queries/catalogue.ts';
import { sqlOf, withoutSmallGroups } from '#domain/queries/least-group.ts';
import { type CommonQuery, type QuerySql, readParams } from '#domain/queries/query.ts';
import { ranged } from '#domain/queries/range.ts';
import type { AnalyticsEngine, AnswerColumn, AnswerFile, QueryLimits } from '#ports/analytics-engine.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { AnswerCache } from './answer-cache.ts';
import { countedAs } from './outcomes.ts';
import { asAppError } from './query-problems.ts';
import type { FormTables } from './tables.ts';

type Deps = {
  tables: FormTables;
  engine: Pick<AnalyticsEngine, 'query' | 'wake'>;
  answers: AnswerCache;
  clock: Clock;
  metrics: Pick<Metrics, 'observe' | 'count'>;
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
type Told = Omit<QueryAnswer, 'rows'>;
type Into = Parameters<AnalyticsEngine['query']>[2];

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
    const etag = `W/"${sha256Hex(`${await deps.answers.epoch()} ${key}`).slice(0, 32)}"`;
    return { query, built, form, key, etag, range };
  }
  type Prepared = Awaited<ReturnType<typeof prepare>>;

  /** Whoever asks the same waits for the same answer, so it is not stopped when one of them goes. Errors: those of the engine as `query-…`, of the store. */
  async function answer(prepared: Prepared): Promise<{ answer: QueryAnswer; cached: boolean }> {
    const { value, cached } = await deps.answers.answer(prepared.key, () => compute(prepared));
    return { answer: value, cached };
  }

  async function compute(prepared: Prepared): Promise<QueryAnswer> {
    const rows: Json[][] = [];
    const told = await ask(prepared, limits, (chunk) => void rows.push(...chunk.rows));
    return { ...told, rows };
  }

  /** Into a new file. Errors: as `answer`. */
  async function toFile(prepared: Prepared, file: AnswerFile, signal: AbortSignal): Promise<Told> {
    return countedAs(deps.metrics, () => ask(prepared, { ...limits, signal }, file));
  }

  /** What every format tells, and the rows that may be shown to whom they go. */
  async function ask({ query, built, form, range }: Prepared, within: QueryLimits, into: Into): Promise<Told> {
    const startedAt = performance.now();
    const asOf = deps.clock.now();
    engine.wake();
    const source = await form.source(definedOf(range));
    const { shown, leftOut } = withoutSmallGroups(query, built, deps.leastGroup);
    const run = (question: QuerySql, to: Into) => {
      const timeMs = within.timeMs - (performance.now() - startedAt);
      const tables = [{ ...source, name: 'all_responses' }];
      return engine.query({ ...question, tables }, { ...within, timeMs }, to);
    };
    try {
      let suppressed = 0;
      if (leftOut)
        await run(leftOut, ({ rows }) => {
          suppressed = Number(rows[0]![0]);
        });
      const { columns, truncated } = await run(shown, into);
      deps.metrics.observe('formstead_analytics_query_seconds', {}, (performance.now() - startedAt) / 1000);
      return { columns, truncated, suppressed, asOf };
    } catch (err) {
      await form.mend(err);
      throw asAppError(err);
    }
  }

  return { list: () => commonQueries, find, prepare, answer, toFile };
}
export type CommonQueries = ReturnType<typeof createCommonQueries>;

function definedOf({ from, to }: { from?: number | undefined; to?: number | undefined }) {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}
