import type { QuerySql } from './query.ts';

/** The query over the responses of a range: out of the table `all_responses` they come before it as the one that it names. Times of submission, epoch ms. */
export function ranged(
  { sql, params }: QuerySql,
  { from, to, timeZone }: { from?: number | undefined; to?: number | undefined; timeZone: string },
): QuerySql {
  const conditions: string[] = [];
  const bound: QuerySql['params'] = { ...params };
  if (from !== undefined) {
    conditions.push('submitted_at >= $from_time::TIMESTAMPTZ');
    bound.from_time = new Date(from).toISOString();
  }
  if (to !== undefined) {
    conditions.push('submitted_at < $to_time::TIMESTAMPTZ');
    bound.to_time = new Date(to).toISOString();
  }
  if (sql.includes('$zone')) bound.zone = timeZone;
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  const rest = sql.startsWith('WITH ') ? `, ${sql.slice(5)}` : ` ${sql}`;
  return { sql: `WITH responses AS (SELECT * FROM all_responses${where})${rest}`, params: bound };
}
