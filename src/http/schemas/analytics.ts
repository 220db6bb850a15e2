import { timeSchema } from './common.ts';

const count = { type: 'integer', minimum: 0 } as const;

export const analyticsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    from: { ...timeSchema, description: 'Submitted at or after.' },
    to: { ...timeSchema, description: 'Submitted before.' },
  },
} as const;

export const analyticsSchema = {
  type: 'object',
  required: ['form_id', 'total_responses', 'per_day', 'by_label', 'unlabelled', 'by_field', 'as_of'],
  properties: {
    form_id: { type: 'string' },
    total_responses: count,
    per_day: {
      type: 'array',
      description: "Days in the installation's time zone that have responses, in their order.",
      items: { type: 'object', properties: { day: { type: 'string', format: 'date' }, count } },
    },
    by_label: {
      type: 'array',
      description: 'By the label that counts; null: belongs to none of the labels.',
      items: { type: 'object', properties: { label: { type: ['string', 'null'] }, count } },
    },
    unlabelled: { ...count, description: 'Not labelled yet, or too unsure.' },
    by_field: {
      type: 'object',
      description:
        'For each choice, boolean and rating question of the newest version: how often each value was given.',
      additionalProperties: {
        type: 'array',
        items: { type: 'object', properties: { value: { type: ['string', 'number', 'boolean'] }, count } },
      },
    },
    as_of: { ...timeSchema, description: 'When it was counted; nothing has changed since.' },
  },
} as const;
