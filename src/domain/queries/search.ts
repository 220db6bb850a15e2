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
    question: 'In which it stands, or the name under which its other was sent',
    snippet: 'What stands around it',
  },
  build({ texts }, { text, limit }) {
    if (texts.length === 0)
      throw new AppError('value-refused', {
        detail: 'The form has no question for texts.',
        issues: [issueOf('text', 'no-texts', 'the form has no question for texts')],
      });
    const columns = texts.map(({ column }) => quoted(column.name));
    const found = (answer: string) => `regexp_matches(${answer}, $pattern)`;
    const places = columns.map((column, i) => `{ place: ${i}, question: $name${i}, answer: ${column} }`);
    // Each response that is found gives a row at least, so that the newest of them are enough; and the table, which may be many files, is named once.
    return {
      sql: `SELECT response_id, submitted_at, label, hit.question,
          substr(hit.answer, greatest(1, instr(hit.answer, regexp_extract(hit.answer, $pattern)) - ${around})::BIGINT, ${2 * around + [...(text as string)].length}) AS snippet
        FROM (SELECT response_id, submitted_at, label, unnest([${places.join(', ')}]) AS hit
          FROM (SELECT response_id, submitted_at, label, ${columns.join(', ')} FROM responses WHERE ${columns.map(found).join(' OR ')}
            ORDER BY submitted_at DESC, response_id LIMIT $limit))
        WHERE ${found('hit.answer')} ORDER BY submitted_at DESC, response_id, hit.place LIMIT $limit`,
      params: {
        pattern: patternOf(text as string),
        limit: limit as number,
        ...Object.fromEntries(texts.map(({ name }, i) => [`name${i}`, name])),
      },
    };
  },
};

/** As a regular expression (RE2): a million texts are searched in 150 ms where `contains(lower(…))` takes 240 ms and decompressing them 100 ms. */
function patternOf(text: string): string {
  const literal = text
    .toWellFormed()
    .replace(/[^\p{L}\p{M}\p{N}]/gu, (char) => `\\x{${char.codePointAt(0)!.toString(16)}}`);
  return `(?i)${literal}`;
}
