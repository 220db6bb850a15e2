import { type CommonQuery, type ParamValues, type QuerySql, type QueryTable, quoted } from './query.ts';

/** Whether a count may be told. Nobody is a group that gives nobody away. */
export const isLargeGroup = (count: number, leastGroup: number): boolean => count === 0 || count >= leastGroup;

/** What a query asks: its own columns, those that speak of fewer than the least group null. Rows of too few are still there, to be counted by whoever leaves them out. Errors: those of `build`. */
export function sqlOf(query: CommonQuery, table: QueryTable, values: ParamValues, leastGroup: number): QuerySql {
  const { sql, params } = query.build(table, values, leastGroup);
  if (leastGroup <= 1) return { sql, params };
  const large = (number: string) => `(${number} = 0 OR ${number} >= ${leastGroup})`;
  const columns = Object.keys(query.columns).map((column) => {
    const parts = query.parts?.[column] ?? [];
    const name = quoted(column);
    return parts.length === 0 ? name : `CASE WHEN ${parts.map(large).join(' AND ')} THEN ${name} END AS ${name}`;
  });
  return { sql: `SELECT ${columns.join(', ')} FROM (${sql})`, params };
}

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

/** Of a column that counts some of the `whole`: it, and the others. */
export const split = (some: string, whole: string): readonly string[] => [some, `(${whole} - ${some})`];

/** Of a quantile over `whole` numbers: those that lie beyond it, on the side where they are fewer. Few there make it the value of one of them, as the least and the most always are. */
export const beyond = (whole: string, share: 0.5 | 0.25 | 0.1): readonly string[] => [`${whole} * ${share}`];
