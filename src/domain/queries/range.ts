import type { QuerySql } from './query.ts';

/**
 * The query over the responses of a range: out of the table `all_responses` they come before it as the one that it names. `responses_so_far` are all before the end of the
 * range, and say of each whether it is `in_range`. Times of submission, epoch ms.
 */
export function ranged(
  { sql, params }: QuerySql,
  { from, to, timeZone }: { from?: number | undefined; to?: number | undefined; timeZone: string },
): QuerySql {
  const bound: QuerySql['params'] = { ...params };
  const afterBegin = from === undefined ? 'true' : 'submitted_at >= $from_time::TIMESTAMPTZ';
  const beforeEnd = to === undefined ? 'true' : 'submitted_at < $to_time::TIMESTAMPTZ';
  if (from !== undefined) bound.from_time = new Date(from).toISOString();
  if (to !== undefined) bound.to_time = new Date(to).toISOString();
  if (sql.includes('$zone')) bound.zone = timeZone;
  const table = sql.includes('responses_so_far')
    ? `responses_so_far AS (SELECT *, ${afterBegin} AS in_range FROM all_responses WHERE ${beforeEnd})`
    : `responses AS (SELECT * FROM all_responses WHERE ${beforeEnd} AND ${afterBegin})`;
  const rest = sql.startsWith('WITH ') ? `, ${sql.slice(5)}` : ` ${sql}`;
  return { sql: `WITH ${table}${rest}`, params: bound };
}
