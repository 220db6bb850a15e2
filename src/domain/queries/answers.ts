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
    share: 'Of the responses that answered',
  },
  counted: 'count',
  build(table, { question: name, limit }) {
    const column = columnOf(table, name as string, ['string', 'string[]', 'number', 'boolean'], closed);
    const answer = column.type === 'string[]' ? `unnest(${quoted(column.name)})` : quoted(column.name);
    return {
      sql: `WITH answered AS (SELECT count(*) AS all_of_them FROM responses WHERE ${quoted(column.name)} IS NOT NULL),
          given AS (SELECT ${answer} AS answer FROM responses WHERE ${quoted(column.name)} IS NOT NULL)
        SELECT answer::VARCHAR AS answer, count(*) AS count, count(*) / any_value(all_of_them) AS share FROM given, answered
        GROUP BY answer ORDER BY count DESC, answer LIMIT $limit`,
      params: { limit: limit as number },
    };
  },
};

export const numbers: CommonQuery = {
  name: 'numbers',
  about: 'Average and quantiles of a rating or a number.',
  params: [question],
  columns: {
    count: 'Answers',
    mean: '',
    deviation: 'Standard deviation',
    least: '',
    p25: '',
    median: '',
    p75: '',
    p90: '',
    most: '',
  },
  counted: 'count',
  build(table, { question: name }) {
    const x = quoted(columnOf(table, name as string, ['number']).name);
    const quantile = (share: number) => `quantile_cont(${x}, ${share})`;
    return {
      sql: `SELECT count(${x}) AS count, avg(${x}) AS mean, stddev_samp(${x}) AS deviation, min(${x}) AS least, ${quantile(0.25)} AS p25,
        ${quantile(0.5)} AS median, ${quantile(0.75)} AS p75, ${quantile(0.9)} AS p90, max(${x}) AS most FROM responses`,
      params: {},
    };
  },
};

export const histogram: CommonQuery = {
  name: 'histogram',
  about: 'Answers of a number question in steps of the same width, from the smallest to the largest answer.',
  params: [question, { name: 'steps', type: 'integer', least: 1, most: 100, default: 10, about: 'How many.' }],
  columns: {
    from: 'Lower end of the step, taken in',
    to: 'Upper end; taken in by the last step only',
    count: 'Answers',
  },
  counted: 'count',
  build(table, { question: name, steps }) {
    const x = quoted(columnOf(table, name as string, ['number']).name);
    return {
      sql: `WITH ends AS (SELECT min(${x}) AS least, max(${x}) AS most FROM responses),
          stepped AS (
            SELECT CASE WHEN most = least THEN 0 ELSE least(floor((${x} - least) / (most - least) * $steps), $steps - 1) END AS step, least, most
            FROM responses, ends WHERE ${x} IS NOT NULL)
        SELECT least + step * (most - least) / $steps AS "from", least + (step + 1) * (most - least) / $steps AS "to", count(*) AS count
        FROM stepped GROUP BY step, least, most ORDER BY step`,
      params: { steps: steps as number },
    };
  },
};

export const respondents: CommonQuery = {
  name: 'respondents',
  about:
    'How many different respondents wrote each week, told apart by their answer to a question (an e-mail address, a customer number), and how many of them for the first time.',
  params: [question],
  columns: {
    week: 'ISO week',
    count: 'Different respondents',
    new: 'Of them for the first time',
    responses: 'Their responses',
  },
  counted: 'count',
  build(table, { question: name }) {
    const x = quoted(columnOf(table, name as string, ['string', 'number']).name);
    return {
      sql: `WITH one AS (SELECT lower(trim(${x}::VARCHAR)) AS respondent, strftime(day, '%G-W%V') AS week FROM responses WHERE ${x} IS NOT NULL),
          first AS (SELECT respondent, min(week) AS week FROM one GROUP BY respondent)
        SELECT one.week AS week, count(DISTINCT one.respondent) AS count, count(DISTINCT one.respondent) FILTER (WHERE first.week = one.week) AS new,
          count(*) AS responses
        FROM one JOIN first USING (respondent) GROUP BY one.week ORDER BY one.week`,
      params: {},
    };
  },
};

export const form: CommonQuery = {
  name: 'form',
  about: 'Of each question, how many of the responses that could answer it did.',
  params: [],
  columns: { question: 'Its name', count: 'Responses', answered: 'Of them with an answer', share: '' },
  counted: 'count',
  // One pass over the table for all questions.
  build({ questions }) {
    if (questions.length === 0)
      return { sql: `SELECT '' AS question, 0 AS count, 0 AS answered, 0.0 AS share WHERE false`, params: {} };
    const counts = questions.map(({ column }) => `count(${quoted(column.name)})`);
    const names = questions.map((_, i) => `$name${i}`);
    return {
      sql: `WITH counted AS (SELECT count(*) AS count, [${counts.join(', ')}] AS answered FROM responses),
          listed AS (SELECT unnest([${names.join(', ')}]) AS question, count, unnest(answered) AS answered FROM counted)
        SELECT question, count, answered, CASE WHEN count > 0 THEN answered / count END AS share FROM listed`,
      params: Object.fromEntries(questions.map(({ name }, i) => [`name${i}`, name])),
    };
  },
};
