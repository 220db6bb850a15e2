import { keepable, timeSchema } from './common.ts';

export const submissionSchema = {
  type: 'object',
  required: ['answers'],
  additionalProperties: false,
  properties: {
    answers: { type: 'object', description: "By question name. What may stand here is in the version's schema.json." },
    form_version: {
      type: 'integer',
      minimum: 1,
      maximum: 999999999,
      description: 'The version the person saw; the newest when absent.',
    },
    metadata: {
      type: 'object',
      maxProperties: 20,
      description:
        'A few short facts of your own, kept with the response. started_at, when the form was opened (RFC 3339), is what the query time-to-answer counts.',
      propertyNames: { type: 'string', pattern: '^[A-Za-z0-9_.-]{1,64}$' },
      additionalProperties: { type: 'string', maxLength: 500, ...keepable },
    },
  },
} as const;

export const receiptSchema = {
  type: 'object',
  required: ['chain', 'seq', 'sha256', 'previous'],
  properties: {
    chain: { type: 'string' },
    seq: { type: 'integer' },
    sha256: { type: 'string' },
    previous: { type: 'string' },
  },
} as const;

export const acceptanceSchema = {
  type: 'object',
  required: ['response_id', 'task_id', 'form_version', 'status', 'receipt'],
  properties: {
    response_id: { type: 'string' },
    task_id: { type: 'string' },
    form_version: { type: 'integer' },
    status: { enum: ['accepted'] },
    receipt: receiptSchema,
  },
} as const;

export const responseSchema = {
  type: 'object',
  additionalProperties: true,
  properties: {
    id: { type: 'string' },
    form_id: { type: 'string' },
    form_version: { type: 'integer' },
    status: { enum: ['accepted', 'completed'] },
    answers: { type: 'object', additionalProperties: true },
    metadata: { type: 'object', additionalProperties: { type: 'string' } },
    submitted_at: timeSchema,
    label: {
      type: ['string', 'null'],
      description: "The label that counts: the person's if there is one, else the machine's.",
    },
    language: { type: 'string' },
    intelligence: { type: 'object', additionalProperties: true },
    review: { type: 'object', additionalProperties: true },
    receipt: receiptSchema,
  },
} as const;

/** One that a search by meaning has found. */
export const similarSchema = {
  ...responseSchema,
  properties: {
    ...responseSchema.properties,
    similarity: {
      type: 'number',
      minimum: 0,
      maximum: 1,
      description: 'To what was searched for; only where `search` or `similar_to` was asked for.',
    },
  },
} as const;

export const reviewSchema = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: {
    label: {
      type: ['string', 'null'],
      maxLength: 64,
      description: 'null: none of the labels, where the form allows it.',
    },
    fields: {
      type: 'object',
      description:
        'By name; each must be of its type and is kept in its normal form. An empty text: the field is not there.',
      maxProperties: 50,
      additionalProperties: { type: 'string', maxLength: 1000, ...keepable },
    },
    reply: { type: 'string', maxLength: 20000, ...keepable },
  },
} as const;
