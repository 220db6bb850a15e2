import { cancelReasons, webhookEvents } from '#domain/webhook/model.ts';
import { deliverySchedules } from '#domain/webhook/schedule.ts';
import { timeSchema } from './common.ts';

const properties = {
  url: { type: 'string', minLength: 1, maxLength: 2048, example: 'https://hooks.example.org/formstead' },
  events: {
    type: 'array',
    maxItems: 20,
    uniqueItems: true,
    items: { enum: webhookEvents },
    description: 'Every event when absent or empty.',
  },
  form_ids: {
    type: 'array',
    maxItems: 500,
    uniqueItems: true,
    items: { type: 'string', maxLength: 100 },
    description: 'Every form when absent or empty.',
  },
  schedule: { enum: deliverySchedules, description: 'task: 3 retries in 6 minutes. standard: 9 retries in 75 hours.' },
} as const;

export const endpointDraftSchema = {
  type: 'object',
  required: ['url'],
  additionalProperties: false,
  properties,
} as const;

export const endpointChangeSchema = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: { ...properties, status: { enum: ['active', 'disabled'] } },
} as const;

export const endpointSchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    ...properties,
    url: { type: 'string' },
    status: { enum: ['active', 'disabled'] },
    disabled_reason: { type: ['string', 'null'] },
    secret: { type: 'string', description: 'Only in the answer that created or rotated it.' },
    secret_hint: { type: 'string', description: 'The first characters of the current secret.' },
    created_at: timeSchema,
    updated_at: timeSchema,
  },
} as const;

export const deliverySchema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    event_id: { type: 'string', description: 'The webhook-id of every attempt.' },
    event_type: { type: 'string' },
    response_id: { type: ['string', 'null'] },
    status: { enum: ['pending', 'delivered', 'failed', 'cancelled'] },
    cancel_reason: {
      enum: [...cancelReasons, null],
      description: 'Why it was cancelled. What missed a disabled endpoint can be recovered.',
    },
    next_attempt_at: { ...timeSchema, type: ['string', 'null'] },
    created_at: timeSchema,
    finished_at: { ...timeSchema, type: ['string', 'null'] },
    attempts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          number: { type: 'integer' },
          at: timeSchema,
          duration_ms: { type: 'integer' },
          outcome: {
            type: 'string',
            description: 'http-status, timeout, connect, dns, tls, protocol or refused-by-guard.',
          },
          http_status: { type: ['integer', 'null'] },
          excerpt: { type: 'string', description: 'The first kilobyte of the answer, or what went wrong.' },
        },
      },
    },
  },
} as const;

export const deliveryStartedSchema = {
  type: 'object',
  required: ['delivery_id', 'task_id'],
  properties: { delivery_id: { type: 'string' }, task_id: { type: 'string' } },
} as const;

export const recoveredSchema = {
  type: 'object',
  required: ['recovered'],
  properties: { recovered: { type: 'integer', description: 'Deliveries that were started again.' } },
} as const;

export const rotatedSecretSchema = {
  type: 'object',
  required: ['id', 'secret'],
  properties: { id: { type: 'string' }, secret: { type: 'string', description: 'Shown here and never again.' } },
} as const;
