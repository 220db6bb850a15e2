import { AppError } from '../errors.ts';
import { type CommonQuery, issueOf, quoted } from './query.ts';

/** Characters around what was found. */
const around = 60;

export const search: CommonQuery = {
  name: 'search',
  reveals: true,
  about: 'Responses in whose texts some words stand, the newest first, with what stands around them.',
  params: [
    {
      name: 'text',
      type: 'text',
      maxLength: 200,
      required: true,
      about: 'As it stands there; letter case is ignored.',
    },
    { name: 'limit', type: 'integer', least: 1, most: 1000, default: 50, about: 'How many.' },
  ],
  columns: {
    response_id: '',
    submitted_at: '',
    label: '',
    question: 'In which it stands',
    snippet: 'What stands around it',
  },
  build(table, { text, limit }) {
    const texts = table.questions.filter(({ column }) => column.type === 'string');
    if (texts.length === 0)
      throw new AppError('value-refused', {
        detail: 'The form has no question for texts.',
        issues: [issueOf('text', 'no-texts', 'the form has no question for texts')],
      });
    const of = (
      { column }: (typeof texts)[number],
      i: number,
    ) => `SELECT response_id, submitted_at, label, ${i} AS place, $name${i} AS question, ${quoted(column.name)} AS answer,
        instr(lower(${quoted(column.name)}), lower($text)) AS found_at FROM responses WHERE contains(lower(${quoted(column.name)}), lower($text))`;
    return {
      sql: `SELECT response_id, submitted_at, label, question, substr(answer, greatest(1, found_at - ${around})::BIGINT, ${2 * around} + length($text)) AS snippet
        FROM (${texts.map(of).join(' UNION ALL ')}) ORDER BY submitted_at DESC, response_id, place LIMIT $limit`,
      params: {
        text: text as string,
        limit: limit as number,
        ...Object.fromEntries(texts.map(({ name }, i) => [`name${i}`, name])),
      },
    };
  },
};
