import { timeSchema } from './common.ts';

const count = { type: 'integer', minimum: 0 } as const;
const share = { type: 'number', minimum: 0, maximum: 1 } as const;
const milliseconds = { type: 'number', minimum: 0 } as const;
const text = { type: 'string' } as const;
const orNull = <T extends { type: string }>({ type, ...rest }: T) => ({ type: [type, 'null'], ...rest });

const quantiles = (description: string) =>
  ({
    type: ['object', 'null'],
    description,
    required: ['p50', 'p95', 'max'],
    properties: { p50: milliseconds, p95: milliseconds, max: milliseconds },
  }) as const;

const tierSchema = {
  type: 'object',
  properties: {
    tier: { enum: ['rules', 'head', 'tagger', 'embedding', 'llm', 'template', 'review'] },
    model: text,
    model_sha256: orNull(text),
    answered: { ...count, description: 'Results that are its word; of fields: responses in which at least one is.' },
    share: { ...share, description: 'Of the results of this part. Of fields, several tiers may share a response.' },
    needs_review: { ...count, description: 'Of these: left for a person.' },
    reviewed: { ...count, description: 'Of these: a person has looked at this part.' },
    agreed: { ...count, description: 'Of the reviewed ones: left as they were.' },
    milliseconds: quantiles('Of the results that were not in the cache; exact.'),
    queue_ms: quantiles('Language model: until a place was free.'),
    first_token_ms: quantiles('Language model: until the first token of the answer, waiting included.'),
    tokens: {
      type: ['object', 'null'],
      description: 'Language model, together. `reused` had been read before and were not read again.',
      properties: { read: count, reused: count, written: count },
    },
    cached: { ...count, description: 'The same question had been asked before.' },
  },
} as const;

const partSchema = {
  type: 'object',
  properties: {
    results: { ...count, description: 'Responses that have a result of this part.' },
    tiers: { type: 'array', items: tierSchema },
    outcomes: {
      type: 'object',
      description: 'How each tier ended, `<tier>:<outcome>`, such as `head:unsure` or `llm:not-needed`.',
      additionalProperties: count,
    },
  },
} as const;

const modelSchema = {
  type: ['object', 'null'],
  description: 'The language model as it is now; null where it runs in another process.',
  properties: {
    status: { enum: ['none', 'stopped', 'starting', 'ready', 'failed'] },
    name: orNull(text),
    sha256: orNull(text),
    memory_bytes: count,
    running: count,
    waiting: count,
    places: { ...count, description: 'Questions that it answers side by side at most.' },
    threads: count,
    restarts: { type: 'object', description: 'By cause.', additionalProperties: count },
    breaker: { enum: ['closed', 'open'], description: 'open: it failed several times in a row and is not asked now.' },
    problem: { ...orNull(text), description: 'Why it does not run; for those with `operations:read`.' },
  },
} as const;

export const intelligenceStatsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    form: { type: 'string', minLength: 1, maxLength: 100, description: 'Id or slug; all forms without it.' },
    from: { ...timeSchema, description: 'Submitted at or after.' },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 5000,
      default: 1000,
      description: 'How many of the newest responses are looked at.',
    },
  },
} as const;

export const intelligenceStatsSchema = {
  type: 'object',
  required: ['responses', 'from', 'to', 'parts', 'dropped_values', 'abstained_share', 'model_milliseconds', 'model'],
  properties: {
    responses: { ...count, description: 'Responses that were looked at.' },
    from: { ...orNull(timeSchema), description: 'When the oldest of them was submitted.' },
    to: { ...orNull(timeSchema), description: 'When the newest of them was submitted.' },
    parts: { type: 'object', properties: { classify: partSchema, extract: partSchema, respond: partSchema } },
    dropped_values: { ...count, description: 'Values that a tier named and that did not stand up to the checks.' },
    abstained_share: {
      ...orNull(share),
      description: 'Of the responses that were to get a label: those that the machine gave none that stands.',
    },
    model_milliseconds: quantiles(
      'What the language model spent on a response, waiting and answers that did not stand included.',
    ),
    model: modelSchema,
  },
} as const;
