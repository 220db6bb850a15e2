import type { CountTable } from '#domain/count-table.ts';
import { quoted } from '#domain/queries/query.ts';
import type { AnalyticsEngine, Answered, AnswerFile, QueryLimits } from '#ports/analytics-engine.ts';
import { asAppError } from './query-problems.ts';

type Deps = { engine: Pick<AnalyticsEngine, 'query'>; limits: Pick<QueryLimits, 'timeMs' | 'rows'> };

/** What the store has counted as a file of the kinds that queries have, written by the same engine: a CSV is quoted alike, a Parquet file typed. */
export function createCountFiles({ engine, limits }: Deps) {
  /** Into a new file, in the order of its rows. Errors: as of common queries. */
  async function toFile({ columns, rows }: CountTable, file: AnswerFile, signal: AbortSignal): Promise<Answered> {
    const names = Object.keys(columns).map(quoted).join(', ');
    // Names and types are our own; the rows are bound. Without their type DuckDB would not know those of the columns before it has them.
    const sql = `SELECT ${names} FROM (SELECT unnest(from_json($rows::VARCHAR, '${JSON.stringify([columns])}'), recursive := true))`;
    const params = { rows: JSON.stringify(rows) };
    try {
      return await engine.query({ sql, params, tables: [] }, { ...limits, signal }, file);
    } catch (err) {
      throw asAppError(err);
    }
  }

  return { toFile };
}
export type CountFiles = ReturnType<typeof createCountFiles>;
