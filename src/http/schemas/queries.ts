import { contentOf, timeSchema } from './common.ts';

export const answerFormats = ['json', 'ndjson', 'csv', 'parquet'] as const;
export type AnswerFormat = (typeof answerFormats)[number];

export type FileFormat = Exclude<AnswerFormat, 'json'>;

export const answerTypes: Record<FileFormat, string> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv; charset=utf-8; header=present',
  parquet: 'application/vnd.apache.parquet',
};
const fileTypes = Object.values(answerTypes).map((type) => type.split(';')[0]!);

/** An answer in each of its formats: `schema` is that of JSON. */
export const answerContent = (schema: object) => ({
  'application/json': { schema },
  ...contentOf('', ...fileTypes).content,
});

const column = {
  type: 'object',
  properties: { name: { type: 'string' }, type: { type: 'string', description: 'As DuckDB has it, such as BIGINT.' } },
} as const;
const rows = {
  type: 'array',
  items: { type: 'array', items: {} },
  description: 'Values in the order of the columns.',
} as const;
const truncated = { type: 'boolean', description: 'There were more rows than FORMSTEAD_QUERY_ROWS.' } as const;
const fresh = {
  enum: ['1'],
  description:
    'With everything acknowledged before this instant; else what came within the last second may be missing.',
} as const;
export const format = { enum: answerFormats, description: 'json when it is left out.' } as const;

export const queryListSchema = {
  type: 'object',
  required: ['items'],
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          about: { type: 'string' },
          permission: { type: 'string' },
          parameters: { type: 'array', items: { type: 'object', additionalProperties: true } },
          columns: { type: 'object', additionalProperties: { type: 'string' } },
        },
      },
    },
  },
} as const;

export const queryParams = {
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: { name: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;

export const queryQuery = {
  type: 'object',
  required: ['form_id'],
  // Those of the query itself, checked by it.
  additionalProperties: { type: 'string', maxLength: 1000 },
  properties: {
    form_id: { type: 'string', minLength: 1, maxLength: 100 },
    from: { ...timeSchema, description: 'Submitted at or after.' },
    to: { ...timeSchema, description: 'Submitted before.' },
    format,
    fresh,
  },
} as const;

export const queryAnswerSchema = {
  type: 'object',
  required: ['query', 'form_id', 'columns', 'rows', 'truncated', 'suppressed', 'as_of'],
  properties: {
    query: { type: 'string' },
    form_id: { type: 'string' },
    columns: { type: 'array', items: column },
    rows,
    truncated,
    suppressed: {
      type: 'integer',
      minimum: 0,
      description: 'Rows left out since they speak of fewer responses than FORMSTEAD_QUERY_LEAST_GROUP.',
    },
    as_of: { ...timeSchema, description: 'When it was asked; nothing has changed since.' },
  },
} as const;

/** A file has room for the rows only. */
export const sqlFileHeaders = {
  'X-Truncated': { ...truncated, description: `With a file: ${truncated.description}` },
} as const;
const { suppressed, as_of: asOf } = queryAnswerSchema.properties;
export const queryFileHeaders = {
  ...sqlFileHeaders,
  'X-Suppressed': { ...suppressed, description: `With a file: ${suppressed.description}` },
  'X-As-Of': { ...asOf, description: `With a file: ${asOf.description}` },
} as const;

export const sqlBodySchema = {
  type: 'object',
  required: ['sql', 'tables'],
  additionalProperties: false,
  properties: {
    sql: { type: 'string', minLength: 1, maxLength: 20_000, description: 'One SELECT.' },
    tables: {
      type: 'object',
      minProperties: 1,
      maxProperties: 10,
      additionalProperties: { type: 'string', minLength: 1, maxLength: 200 },
      description: 'Name in the SQL, and the id or slug of the form that it stands for.',
    },
    params: {
      description: 'By name for $name, in order for ?.',
      anyOf: [
        { type: 'object', maxProperties: 100, additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } },
        { type: 'array', maxItems: 100, items: { type: ['string', 'number', 'boolean', 'null'] } },
      ],
    },
    format,
    fresh: { type: 'boolean', description: fresh.description },
  },
} as const;

export const sqlAnswerSchema = {
  type: 'object',
  required: ['columns', 'rows', 'truncated'],
  properties: { columns: { type: 'array', items: column }, rows, truncated },
} as const;
