import type { QuerySql } from './query.ts';

/**
 * The query over the responses of a range: out of the table `all_responses` they come before it as the one that it names. `responses_so_far` are those before the end of the range.
 * Times of submission, epoch ms.
 */
export function ranged(
  { sql, params }: QuerySql,
  { from, to, timeZone }: { from?: number | undefined; to?: number | undefined; timeZone: string },
): QuerySql {
  const bound: QuerySql['params'] = { ...params };
  let soFar = 'SELECT * FROM all_responses';
  let inRange = soFar;
  if (to !== undefined) {
    soFar += ' WHERE submitted_at < $to_time::TIMESTAMPTZ';
    inRange = soFar;
    bound.to_time = new Date(to).toISOString();
  }
  if (from !== undefined) {
    inRange += ` ${to === undefined ? 'WHERE' : 'AND'} submitted_at >= $from_time::TIMESTAMPTZ`;
    bound.from_time = new Date(from).toISOString();
  }
  if (sql.includes('$zone')) bound.zone = timeZone;
  const tables = [
    `responses AS (${inRange})`,
    ...(sql.includes('responses_so_far') ? [`responses_so_far AS (${soFar})`] : []),
  ];
  const rest = sql.startsWith('WITH ') ? `, ${sql.slice(5)}` : ` ${sql}`;
  return { sql: `WITH ${tables.join(', ')}${rest}`, params: bound };
}
