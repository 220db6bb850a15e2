import { timeSchema } from './common.ts';

const count = { type: 'integer', minimum: 0 } as const;
const day = { type: 'string', format: 'date' } as const;

const fileSchema = {
  type: 'object',
  required: ['name', 'bytes', 'sha256'],
  properties: { name: { type: 'string' }, bytes: count, sha256: { type: 'string', description: 'In hex.' } },
} as const;

export const datasetSchema = {
  type: 'object',
  required: ['form_id', 'version', 'complete_to', 'updated_at', 'rows', 'bytes', 'columns', 'partitions'],
  properties: {
    form_id: { type: 'string' },
    version: { ...count, description: 'Counts the manifests: another number, other files.' },
    complete_to: {
      ...count,
      description: 'Every change of a response up to this number of the change feed is in the files.',
    },
    updated_at: timeSchema,
    rows: count,
    bytes: { type: 'object', properties: { parquet: count, jsonl: count } },
    columns: {
      type: 'array',
      items: { type: 'object', properties: { name: { type: 'string' }, type: { type: 'string' } } },
    },
    partitions: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          from: { ...day, description: 'First day of submission, in the time zone of the installation.' },
          to: { ...day, description: 'Last day.' },
          rows: count,
          misfits: { ...count, description: 'Answers that did not fit their column and are null.' },
          complete_to: count,
          form_version: { ...count, description: 'Newest version of the form whose columns the files have.' },
          files: { type: 'object', properties: { parquet: fileSchema, jsonl: fileSchema } },
        },
      },
    },
  },
} as const;

export const datasetFileParams = {
  type: 'object',
  required: ['id', 'name'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 100 },
    name: { type: 'string', minLength: 1, maxLength: 200 },
  },
} as const;

export const rebuildQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    rebuild: { enum: ['1'], description: 'Write every file again, also of days in which nothing has changed.' },
  },
} as const;
