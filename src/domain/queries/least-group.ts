import { type CommonQuery, type ParamValues, type QuerySql, type QueryTable, quoted } from './query.ts';

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

/** Of a column that counts some of the `whole`: it, and the others. */
export const split = (some: string, whole: string): readonly string[] => [some, `(${whole} - ${some})`];

/** Of a quantile over `whole` numbers: those that lie beyond it, on the side where they are fewer. Few there make it the value of one of them, as the least and the most always are. */
export const beyond = (whole: string, share: 0.5 | 0.25 | 0.1): readonly string[] => [`${whole} * ${share}`];
