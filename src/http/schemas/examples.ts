import { keepable, startedTaskSchema, timeSchema } from './common.ts';

const text = { type: 'string', minLength: 1, maxLength: 5000, ...keepable } as const;
const label = { type: ['string', 'null'], maxLength: 64, description: 'null: none of the labels.' } as const;

const marksSchema = {
  type: 'array',
  maxItems: 50,
  items: {
    type: 'object',
    required: ['name', 'start', 'end'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', minLength: 1, maxLength: 100 },
      start: { type: 'integer', minimum: 0, maximum: 5000 },
      end: { type: 'integer', minimum: 1, maximum: 5000 },
    },
  },
  description: 'Places in the text, in UTF-16 code units; all fields that are in it.',
} as const;

/** An example as it is kept and shown. */
export const exampleSchema = {
  type: 'object',
  required: ['text'],
  additionalProperties: false,
  properties: { text, label, fields: marksSchema },
} as const;

/** An example as it is uploaded: with a label, fields, or both. */
export const newExampleSchema = {
  ...exampleSchema,
  anyOf: [{ required: ['label'] }, { required: ['fields'] }],
  properties: {
    text,
    label,
    fields: {
      anyOf: [
        {
          type: 'object',
          maxProperties: 50,
          additionalProperties: { type: 'string', minLength: 1, maxLength: 1000, ...keepable },
          description: 'By name, the value as it is written in the text; all fields that are in it.',
        },
        marksSchema,
      ],
    },
  },
} as const;

export const uploadedSchema = {
  ...startedTaskSchema,
  properties: {
    ...startedTaskSchema.properties,
    task_ids: {
      type: 'array',
      items: { type: 'string' },
      description: 'Of all trainings: for labels, then for fields.',
    },
    kept: { type: 'integer', description: 'Examples that were new.' },
  },
} as const;

export const intelligenceSchema = {
  type: 'object',
  required: ['head', 'tagger'],
  properties: {
    head: {
      type: ['object', 'null'],
      description: 'null: none has been trained yet.',
      properties: {
        sha256: { type: 'string' },
        labels: { type: 'array', items: { type: 'string' } },
        examples: { type: 'integer' },
        accuracy: { type: ['number', 'null'], description: 'Share of held-back examples it got right; null: too few.' },
        calibration_error: { type: ['number', 'null'] },
        threshold: { type: 'number', description: 'Below this confidence a person should look.' },
        milliseconds: { type: 'number', description: 'What its training took.' },
        trained_at: timeSchema,
      },
    },
    tagger: {
      type: ['object', 'null'],
      description: 'Finds the fields of the form; null: none has been trained yet.',
      properties: {
        sha256: { type: 'string' },
        fields: { type: 'array', items: { type: 'string' }, description: 'Those it has learnt.' },
        examples: { type: 'integer' },
        by_field: {
          type: ['object', 'null'],
          description: 'On held-back examples; null: too few.',
          additionalProperties: {
            type: 'object',
            properties: {
              precision: { type: 'number', description: 'Share of the places found that are right to the letter.' },
              recall: { type: 'number' },
              f1: { type: 'number' },
              support: { type: 'integer', description: 'Examples that have the field.' },
              threshold: { type: 'number', description: 'Below this confidence a place is no answer.' },
              rules_precision: {
                type: ['number', 'null'],
                description: 'The same of the rules; null: they found none.',
              },
            },
          },
        },
        milliseconds: { type: 'number', description: 'What its training took.' },
        trained_at: timeSchema,
      },
    },
  },
} as const;
