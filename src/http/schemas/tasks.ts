import { timeSchema } from './common.ts';

const error = { type: 'object', properties: { code: { type: 'string' }, detail: { type: 'string' } } } as const;
const status = { enum: ['pending', 'running', 'retrying', 'succeeded', 'failed', 'cancelled'] } as const;

export const taskSchema = {
  type: 'object',
  required: ['id', 'status', 'progress'],
  properties: {
    id: { type: 'string' },
    kind: { type: 'string' },
    status,
    progress: { type: 'number', minimum: 0, maximum: 1 },
    steps: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          name: { type: 'string' },
          queue: { type: 'string' },
          status,
          attempts: { type: 'integer' },
          started_at: { ...timeSchema, type: ['string', 'null'] },
          finished_at: { ...timeSchema, type: ['string', 'null'] },
          error,
        },
      },
    },
    webhook: {
      type: 'object',
      properties: { sent: { type: 'integer' }, pending: { type: 'integer' }, failed: { type: 'integer' } },
    },
    created_at: timeSchema,
    result: { type: ['object', 'null'], additionalProperties: true },
    error,
  },
} as const;

export const taskParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  // A step's id has a name behind the UUID: tsk_<uuid>:understand.
  properties: { id: { type: 'string', minLength: 1, maxLength: 200 } },
} as const;
