import type { CommonQuery } from './query.ts';

/** Times of submission in the zone of the installation; `$zone` is bound with each query. */
const local = `timezone($zone, submitted_at)`;

const units: Record<string, string> = {
  hour: `strftime(date_trunc('hour', ${local}), '%Y-%m-%dT%H:00')`,
  day: `strftime(day, '%Y-%m-%d')`,
  week: `strftime(day, '%G-W%V')`,
  month: `strftime(day, '%Y-%m')`,
  'hour-of-day': `strftime(${local}, '%H')`,
  'hour-of-week': `strftime(${local}, '%u-%H')`,
  weekday: `strftime(day, '%u')`,
};

export const overTime: CommonQuery = {
  name: 'responses-over-time',
  about:
    'How many responses came, by hour, day, week or month, or by the hour of the day or the week over all of them.',
  params: [
    {
      name: 'by',
      type: 'choice',
      values: Object.keys(units),
      default: 'day',
      about: 'Weeks are ISO weeks; weekdays count from 1 (Monday); hour-of-week is weekday and hour.',
    },
  ],
  columns: { period: 'The hour, day, week …', count: 'Responses' },
  counted: 'count',
  build: (_, { by }) => ({
    sql: `SELECT ${units[by as string]} AS period, count(*) AS count FROM responses GROUP BY period ORDER BY period`,
    params: {},
  }),
};

export const trend: CommonQuery = {
  name: 'trend',
  about: 'How many responses came in the last days by label, beside the same number of days before.',
  params: [
    {
      name: 'days',
      type: 'integer',
      least: 1,
      most: 366,
      default: 7,
      about: 'Length of each of the two periods, ending with the newest day.',
    },
  ],
  columns: {
    label: 'null: no label counts yet, or none of them',
    count: 'Responses of the last days',
    before: 'Of the days before',
    change: 'count / before − 1; null where there were none',
  },
  counted: 'count',
  parts: { before: ['before'], change: ['before'] },
  build: (_, { days }) => ({
    sql: `WITH newest AS (SELECT max(day) AS day FROM responses),
      counted AS (
        SELECT label, count(*) FILTER (WHERE r.day > newest.day - $days::INTEGER) AS count,
          count(*) FILTER (WHERE r.day <= newest.day - $days::INTEGER) AS before
        FROM responses r, newest WHERE r.day > newest.day - 2 * $days::INTEGER GROUP BY label)
      SELECT label, count, before, CASE WHEN before > 0 THEN count / before - 1 END AS change FROM counted ORDER BY count DESC, label`,
    params: { days: days as number },
  }),
};
