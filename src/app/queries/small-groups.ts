import { type CommonQuery, type QuerySql, quoted } from '#domain/queries/query.ts';

/**
 * The rows of a common query that may be shown, and `leftOut`, which counts the others: for JSON and for every kind of file, before the limit of rows cuts.
 * With a least group of 1 all are shown, those that count nothing too (a label that nobody has any more). With a larger one a row of 0 is left out as one of 1 is:
 * nobody is in it, but its other columns may speak of somebody, as `before` of `trend` does.
 */
export function withoutSmallGroups(
  { counted }: Pick<CommonQuery, 'counted'>,
  { sql, params }: QuerySql,
  leastGroup: number,
): { shown: QuerySql; leftOut: QuerySql | undefined } {
  if (counted === undefined || leastGroup <= 1) return { shown: { sql, params }, leftOut: undefined };
  const enough = `${quoted(counted)} >= ${leastGroup}`;
  return {
    shown: { sql: `SELECT * FROM (${sql}) WHERE ${enough}`, params },
    leftOut: { sql: `SELECT count(*) FROM (${sql}) WHERE NOT (${enough})`, params },
  };
}
