import { queueNames } from '#domain/task.ts';
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

export const requeuedSchema = {
  type: 'object',
  required: ['id', 'status'],
  properties: { id: { type: 'string' }, status: { enum: ['pending'] } },
} as const;

const count = { type: 'integer', minimum: 0 } as const;

export const queuesSchema = {
  type: 'object',
  required: ['items'],
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          queue: { enum: queueNames },
          pending: count,
          retrying: count,
          running: { ...count, description: 'Tasks that a worker holds.' },
          dead_letters: count,
          depth: { ...count, description: 'pending and retrying together, those that are not due yet too.' },
          oldest_due_at: {
            ...timeSchema,
            type: ['string', 'null'],
            description: 'Since when the oldest waiting task is due; null when none is.',
          },
          oldest_age_seconds: {
            type: ['number', 'null'],
            minimum: 0,
            description: 'How long it has been due.',
          },
          workers: {
            type: 'object',
            description: 'Who works on it: the consumers of this process.',
            properties: {
              concurrency: {
                ...count,
                description: 'Tasks they run at once; 0: this process does not work on the queue.',
              },
              active: { ...count, description: 'Tasks they are running.' },
              waiting: { ...count, description: 'Tasks they have been told of and not begun.' },
              paused: { type: 'boolean' },
            },
          },
        },
      },
    },
  },
} as const;
