import { beyond, split } from './least-group.ts';
import { type CommonQuery, columnOf, type ParamSpec, quoted } from './query.ts';

const question: ParamSpec = {
  name: 'question',
  type: 'text',
  maxLength: 200,
  required: true,
  about: 'Its name in the form.',
};

/** Questions whose answers come from a list: others may say who somebody is. */
const closed = ['dropdown', 'radiogroup', 'checkbox', 'boolean', 'rating'];

export const choices: CommonQuery = {
  name: 'answers',
  about: 'How often each answer was given to a question with choices, a boolean or a rating.',
  params: [
    question,
    { name: 'limit', type: 'integer', least: 1, most: 1000, default: 100, about: 'The most frequent answers.' },
  ],
  columns: {
    answer: 'As text',
    count: 'Responses with it; a checkbox counts once for each box',
    share: 'Of the responses that answered; with a least group, of those with an answer that is shown',
  },
  counted: 'count',
  build(table, { question: name, limit }, leastGroup) {
    const { name: id, type } = columnOf(table, name as string, ['string', 'string[]', 'number', 'boolean'], closed);
    const column = quoted(id);
    const many = type === 'string[]';
    // A share of all who answered would tell how many gave the answers that are left out: 6 / share - 6.
    const shown = '(SELECT list(answer) FROM counted WHERE count >= $least)';
    const has = many ? `list_has_any(${column}, ${shown})` : `list_contains(${shown}, ${column})`;
    // 3 as the form says it, where a DOUBLE as text is 3.0.
    const text = type === 'number' ? `regexp_replace(answer::VARCHAR, '\\.0$', '')` : 'answer::VARCHAR';
    const enough = leastGroup > 1 ? ` AND ${has}` : '';
    return {
      sql: `WITH given AS (SELECT ${many ? `unnest(${column})` : column} AS answer FROM responses WHERE ${column} IS NOT NULL),
          counted AS (SELECT answer, count(*) AS count FROM given GROUP BY answer),
          answered AS (SELECT count(*) AS all_of_them FROM responses WHERE ${column} IS NOT NULL${enough})
        SELECT ${text} AS answer, count, count / all_of_them AS share FROM counted, answered ORDER BY count DESC, counted.answer LIMIT $limit`,
      params: { limit: limit as number, ...(leastGroup > 1 && { least: leastGroup }) },
    };
  },
};

/**
 * Answers beyond ± this are left out where one of them would spoil the figures of all others. Squares of 1e200, added up, are too large for a DOUBLE (1.8e308), and
 * DuckDB ends the query; of steps between -1.7e308 and 1.7e308 the width is infinite.
 */
const mostReckoned = '1e145';
const reckoned = (x: string): string => `abs(${x}) <= ${mostReckoned}`;

export const numbers: CommonQuery = {
  name: 'numbers',
  about: 'Average and quantiles of a rating or a number.',
  params: [question],
  columns: {
    count: 'Answers',
    mean: '',
    deviation: `Standard deviation; null where an answer is beyond ±${mostReckoned}`,
    least: '',
    p25: '',
    median: '',
    p75: '',
    p90: '',
    most: '',
  },
  counted: 'count',
  parts: {
    least: ['1'],
    p25: beyond('count', 0.25),
    median: beyond('count', 0.5),
    p75: beyond('count', 0.25),
    p90: beyond('count', 0.1),
    most: ['1'],
  },
  build(table, { question: name }) {
    const x = quoted(columnOf(table, name as string, ['number']).name);
    const deviation = `CASE WHEN bool_and(${reckoned(x)}) THEN stddev_samp(CASE WHEN ${reckoned(x)} THEN ${x} END) END`;
    const quantile = (share: number) => `quantile_cont(${x}, ${share})`;
    return {
      sql: `SELECT count(${x}) AS count, avg(${x}) AS mean, ${deviation} AS deviation, min(${x}) AS least, ${quantile(0.25)} AS p25,
        ${quantile(0.5)} AS median, ${quantile(0.75)} AS p75, ${quantile(0.9)} AS p90, max(${x}) AS most FROM responses`,
      params: {},
    };
  },
};

export const histogram: CommonQuery = {
  name: 'histogram',
  about: `Answers of a number question in steps of the same width, from the smallest to the largest answer; those beyond ±${mostReckoned} are in the outer steps.`,
  params: [question, { name: 'steps', type: 'integer', least: 1, most: 100, default: 10, about: 'How many.' }],
  columns: {
    from: 'Lower end of the step, taken in; null: all below',
    to: 'Upper end; taken in by the last step only; null: all above',
    count: 'Answers',
  },
  counted: 'count',
  build(table, { question: name, steps }, leastGroup) {
    const x = quoted(columnOf(table, name as string, ['number']).name);
    if (leastGroup > 1) return roundSteps(x, steps as number, leastGroup);
    const lower = (step: string) => `least + (${step}) * (most - least) / $steps`;
    return {
      sql: `WITH ends AS (
            SELECT min(${x}) FILTER (${reckoned(x)}) AS least, max(${x}) FILTER (${reckoned(x)}) AS most,
              bool_or(${x} < -${mostReckoned}) AS below, bool_or(${x} > ${mostReckoned}) AS above FROM responses),
          grid AS (SELECT *, CASE WHEN most > least THEN $steps - 1 ELSE 0 END AS last FROM ends),
          given AS (SELECT ${x} AS x, CASE WHEN most > least THEN floor((${x} - least) / (most - least) * $steps) END AS near, grid.*
            FROM responses, grid WHERE ${x} IS NOT NULL),
          stepped AS (SELECT coalesce(greatest(least(${stepAt('x', 'near', lower)}, last), 0), 0) AS step, * EXCLUDE (x, near) FROM given)
        SELECT CASE WHEN step > 0 OR NOT below THEN ${lower('step')} END AS "from",
          CASE WHEN step < last OR NOT above THEN ${lower('step + 1')} END AS "to", count(*) AS count
        FROM stepped GROUP BY step, least, most, below, above, last ORDER BY step`,
      params: { steps: steps as number },
    };
  },
};

/**
 * The step that an answer is in by the lower ends of steps as they are shown. Division finds it, or its neighbour: of ten steps from 1 to 2 it puts 1.2, which is the
 * lower end of the third, into the second (1.9999999999999996).
 */
const stepAt = (x: string, near: string, lower: (step: string) => string): string =>
  `CASE WHEN ${x} >= ${lower(`${near} + 1`)} THEN ${near} + 1 WHEN ${x} < ${lower(near)} THEN ${near} - 1 ELSE ${near} END`;

/**
 * Steps that no single answer can be read from: of a round width (1, 2 or 5 times a power of ten, so that there are about as many as wanted), between round numbers, and open at
 * both ends. They are laid between the answers that as many as the least group reach; those beyond are in the outer steps. Where twice as many have not answered, or all of
 * them alike, or so nearly alike that the width would be 0, there is one step.
 */
function roundSteps(x: string, steps: number, leastGroup: number): ReturnType<CommonQuery['build']> {
  const lower = (step: string) => `round((${step}) * width, digits)`;
  const stepOf = (value: string) => stepAt(value, `floor(${value} / width)`, lower);
  return {
    sql: `WITH given AS (SELECT ${x} AS x FROM responses WHERE ${x} IS NOT NULL),
        ends AS (SELECT min(x, $least::BIGINT)[-1] AS low, max(x, $least::BIGINT)[-1] AS high FROM given WHERE ${reckoned('x')}),
        wishes AS (SELECT low, high, CASE WHEN (high - low) / $steps > 0 THEN (high - low) / $steps END AS wanted FROM ends),
        powers AS (SELECT *, nullif(pow(10, floor(log10(wanted))), 0) AS power FROM wishes),
        widths AS (SELECT low, high, power * CASE WHEN wanted <= power THEN 1 WHEN wanted <= 2 * power THEN 2 WHEN wanted <= 5 * power THEN 5 ELSE 10 END AS width,
          greatest(0, 1 - log10(power))::INTEGER AS digits FROM powers),
        grid AS (SELECT ${stepOf('low')} AS first, ${stepOf('high')} AS last, width, digits FROM widths),
        stepped AS (SELECT CASE WHEN width IS NOT NULL THEN least(greatest(${stepOf('x')}, first), last) END AS step, first, last, width, digits FROM given, grid)
      SELECT CASE WHEN step > first THEN ${lower('step')} END AS "from", CASE WHEN step < last THEN ${lower('step + 1')} END AS "to",
        count(*) AS count FROM stepped GROUP BY step, first, last, width, digits ORDER BY step`,
    params: { steps, least: leastGroup },
  };
}

export const respondents: CommonQuery = {
  name: 'respondents',
  about:
    'How many different respondents wrote each week, told apart by their answer to a question (an e-mail address, a customer number), and how many of them for the first time.',
  params: [question],
  columns: {
    week: 'ISO week',
    count: 'Different respondents',
    new: 'Of them for the first time, of all responses before the end of the range',
    responses: 'Their responses',
  },
  counted: 'count',
  parts: { new: split('new', 'count') },
  looksBack: true,
  build(table, { question: name }) {
    const x = quoted(columnOf(table, name as string, ['string', 'number']).name);
    return {
      sql: `WITH one AS (
            SELECT lower(trim(${x}::VARCHAR)) AS respondent, strftime(day, '%G-W%V') AS week, submitted_at, in_range FROM responses_so_far WHERE ${x} IS NOT NULL),
          first AS (SELECT respondent, min(submitted_at) AS at FROM one GROUP BY respondent)
        SELECT week, count(DISTINCT respondent) AS count, count(DISTINCT respondent) FILTER (WHERE submitted_at = first.at) AS new, count(*) AS responses
        FROM one JOIN first USING (respondent) WHERE in_range GROUP BY week ORDER BY week`,
      params: {},
    };
  },
};

export const form: CommonQuery = {
  name: 'form',
  about: 'Of each question, how many of the responses that could answer it did.',
  params: [],
  columns: {
    question: 'Its name',
    count: 'Responses to the versions that ask it, hidden by a condition or not',
    answered: 'Of them with an answer',
    share: '',
  },
  counted: 'count',
  parts: { answered: split('answered', 'count'), share: split('answered', 'count') },
  // One pass over the table for all questions.
  build({ questions }) {
    if (questions.length === 0)
      return { sql: `SELECT '' AS question, 0 AS count, 0 AS answered, 0.0 AS share WHERE false`, params: {} };
    const counts = questions.map(({ versions }) => `count(*) FILTER (WHERE ${ofVersions(versions)})`);
    const answered = questions.map(({ column }) => `count(${quoted(column.name)})`);
    const names = questions.map((_, i) => `$name${i}`);
    return {
      sql: `WITH counted AS (SELECT [${counts.join(', ')}] AS counts, [${answered.join(', ')}] AS answered FROM responses),
          listed AS (SELECT unnest([${names.join(', ')}]) AS question, unnest(counts) AS count, unnest(answered) AS answered FROM counted)
        SELECT question, count, answered, CASE WHEN count > 0 THEN answered / count END AS share FROM listed`,
      params: Object.fromEntries(questions.map(({ name }, i) => [`name${i}`, name])),
    };
  },
};

/** Whether a response is to one of these versions, as SQL: of runs of numbers, since a form may have hundreds. */
function ofVersions(versions: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const version of [...versions].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.[1] === version - 1) run[1] = version;
    else runs.push([version, version]);
  }
  return runs.map(([first, last]) => `form_version BETWEEN ${first} AND ${last}`).join(' OR ') || 'false';
}
