import { beyond } from './least-group.ts';
import type { CommonQuery } from './query.ts';

/** RFC 3339 with its offset: without one DuckDB would read a time in a zone of its own, and it takes words such as "epoch" for times. */
const instant = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`;

/** Microseconds of a day. Whoever takes longer has left the page open, and a time below zero comes from a clock that is wrong: neither tells how long answering takes. */
const longest = 86_400_000_000;

/**
 * The client says in `metadata.started_at` when it has opened the form; nothing else knows. `metadata` counts as personal, since a client may write anything there,
 * and is null in the SQL of whoever may not see it; here it is read unmasked, as times come out of it only as quantiles over many. It counts
 * in whole microseconds: seconds since 1970 as a double are exact to 0.2 µs, which is seen in a difference.
 */
export const timeToAnswer: CommonQuery = {
  name: 'time-to-answer',
  about:
    'How long people took from opening the form to sending it, by week of submission, of the responses whose metadata say started_at.',
  params: [],
  columns: {
    week: 'ISO week',
    count: 'Responses that say it, with times from 0 to 24 hours',
    median_seconds: 'Half of them within',
    p25_seconds: 'A quarter within',
    p75_seconds: 'Three quarters within',
    p90_seconds: 'Nine of ten within',
  },
  counted: 'count',
  parts: {
    median_seconds: beyond('count', 0.5),
    p25_seconds: beyond('count', 0.25),
    p75_seconds: beyond('count', 0.25),
    p90_seconds: beyond('count', 0.1),
  },
  build: () => ({
    sql: `WITH said AS (SELECT day, submitted_at, upper(json_extract_string(metadata, '$.started_at')) AS started_at FROM responses WHERE metadata IS NOT NULL),
      timed AS (SELECT strftime(day, '%G-W%V') AS week, epoch_us(submitted_at) - epoch_us(try_cast(started_at AS TIMESTAMPTZ)) AS micros
        FROM said WHERE regexp_full_match(started_at, '${instant}'))
      SELECT week, count(*) AS count, median(micros) / 1e6 AS median_seconds, quantile_cont(micros, 0.25) / 1e6 AS p25_seconds,
        quantile_cont(micros, 0.75) / 1e6 AS p75_seconds, quantile_cont(micros, 0.9) / 1e6 AS p90_seconds
      FROM timed WHERE micros BETWEEN 0 AND ${longest} GROUP BY week ORDER BY week`,
    params: {},
  }),
};
