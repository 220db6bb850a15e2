import type { CountTable } from '#domain/count-table.ts';
import { quoted } from '#domain/queries/query.ts';
import type { AnalyticsEngine, AnswerFile, QueryLimits } from '#ports/analytics-engine.ts';
import type { AnswerFiles } from './answer-files.ts';
import { asAppError } from './query-problems.ts';

type Deps = {
  engine: Pick<AnalyticsEngine, 'query'>;
  answerFiles: AnswerFiles;
  limits: Pick<QueryLimits, 'timeMs' | 'rows'>;
};

/** What the store has counted as a file of the kinds that queries have, written by the same engine: a CSV is quoted alike, a Parquet file typed. */
export function createCountFiles({ engine, answerFiles, limits }: Deps) {
  /** In the order of its rows, as a file for as long as it takes to send it. Errors: as of common queries. */
  function sent(format: AnswerFile['format'], { columns, rows }: CountTable, signal: AbortSignal) {
    const names = Object.keys(columns).map(quoted).join(', ');
    // Names and types are our own; the rows are bound. Without their type DuckDB would not know those of the columns before it has them.
    const sql = `SELECT ${names} FROM (SELECT unnest(from_json($rows::VARCHAR, '${JSON.stringify([columns])}'), recursive := true))`;
    const params = { rows: JSON.stringify(rows) };
    const write = (file: AnswerFile) =>
      engine.query({ sql, params, tables: [] }, { ...limits, signal }, file).catch((err) => {
        throw asAppError(err);
      });
    return answerFiles.sent(format, write);
  }

  return { sent };
}
export type CountFiles = ReturnType<typeof createCountFiles>;
