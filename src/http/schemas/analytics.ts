import { operationsTables } from '#domain/operations-tables.ts';
import { refusalTables } from '#domain/refusal-stats.ts';
import { failureCodes } from '#domain/refusals.ts';
import { timeSchema } from './common.ts';
import { format, queryFileHeaders } from './queries.ts';

const count = { type: 'integer', minimum: 0 } as const;
const fileFormat = { ...format, default: 'json' } as const;
/** Which of its tables a file holds; JSON has them all. */
const tableOf = <T extends readonly string[]>(names: T) => ({
  enum: names,
  default: names[0]!,
  description: 'What a file holds, that is every format but json, which has all of it.',
});
/** null: it counts some responses, but fewer than FORMSTEAD_QUERY_LEAST_GROUP. */
const countOrNull = { type: ['integer', 'null'], minimum: 0 } as const;

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
  required: [
    'form_id',
    'total_responses',
    'last_hour',
    'per_day',
    'by_label',
    'unlabelled',
    'by_field',
    'suppressed',
    'as_of',
  ],
  properties: {
    form_id: { type: 'string' },
    total_responses: countOrNull,
    last_hour: { ...countOrNull, description: 'Submitted in the hour before the question, whatever the range.' },
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
    unlabelled: { ...countOrNull, description: 'Not labelled yet, or too unsure.' },
    by_field: {
      type: 'object',
      description:
        'For each choice, boolean and rating question of the newest version: how often each value was given.',
      additionalProperties: {
        type: 'array',
        items: { type: 'object', properties: { value: { type: ['string', 'number', 'boolean'] }, count } },
      },
    },
    suppressed: {
      ...count,
      description:
        'Counts that are left out of the lists, or null, since they speak of fewer responses than FORMSTEAD_QUERY_LEAST_GROUP.',
    },
    as_of: { ...timeSchema, description: 'When it was counted; nothing has changed since.' },
  },
} as const;

const day = { type: 'string', format: 'date' } as const;

export const refusalsQuery = {
  type: 'object',
  required: ['form_id'],
  additionalProperties: false,
  properties: {
    form_id: { type: 'string', minLength: 1, maxLength: 100 },
    from: { ...day, description: 'The first day; 30 days up to today when it is left out.' },
    to: { ...day, description: 'The last day, taken in; today when it is left out.' },
    table: tableOf(refusalTables),
    format: fileFormat,
  },
} as const;

export const refusalsSchema = {
  type: 'object',
  required: [
    'form_id',
    'from',
    'to',
    'refused',
    'accepted',
    'share_refused',
    'by_question',
    'per_day',
    'suppressed',
    'as_of',
  ],
  properties: {
    form_id: { type: 'string' },
    from: { ...day, description: "The first day that was counted, in the installation's time zone." },
    to: { ...day, description: 'The last one.' },
    refused: { ...countOrNull, description: 'Responses that were refused since their answers did not fit.' },
    accepted: countOrNull,
    share_refused: {
      type: ['number', 'null'],
      description: 'Of both; null where nothing came, or one of them is null.',
    },
    by_question: {
      type: 'array',
      description: 'The most frequent first. A response counts once for each question and code.',
      items: {
        type: 'object',
        required: ['question', 'code', 'count'],
        properties: {
          question: { type: ['string', 'null'], description: 'null: something that the form does not ask.' },
          code: { enum: failureCodes },
          count,
        },
      },
    },
    per_day: {
      type: 'array',
      description: 'Days on which something came, in their order.',
      items: {
        type: 'object',
        required: ['day', 'refused', 'accepted'],
        properties: { day, refused: countOrNull, accepted: countOrNull },
      },
    },
    suppressed: {
      ...count,
      description:
        'Counts that are left out of by_question, or null, since they speak of fewer responses than FORMSTEAD_QUERY_LEAST_GROUP.',
    },
    as_of: { ...timeSchema, description: 'When it was counted.' },
  },
} as const;

export const operationsQuery = {
  type: 'object',
  additionalProperties: false,
  properties: {
    hours: { type: 'integer', minimum: 1, maximum: 720, default: 24 },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: 50000,
      default: 10000,
      description: 'The newest tasks, and as many attempts of deliveries.',
    },
    table: tableOf(operationsTables),
    format: fileFormat,
  },
} as const;

const times = {
  type: ['object', 'null'],
  properties: { p50: { type: 'number' }, p95: { type: 'number' }, max: { type: 'number' } },
} as const;
const counts = { type: 'object', additionalProperties: count } as const;
const complete = {
  type: 'boolean',
  description: 'false: there were more than the limit, and the newest are counted.',
} as const;

/** A file holds one list, and says what is missing in that one. */
export const refusalsFileHeaders = {
  ...queryFileHeaders,
  'X-Suppressed': {
    ...count,
    description:
      'With a file: counts that are left out of it, or null, since they speak of fewer responses than FORMSTEAD_QUERY_LEAST_GROUP.',
  },
} as const;

/** A file has room for the rows only. */
export const operationsFileHeaders = {
  'X-Truncated': {
    type: 'boolean',
    description: 'With a file: there were more than the limit, and the newest are counted.',
  },
} as const;

export const operationsSchema = {
  type: 'object',
  required: ['from', 'tasks', 'deliveries'],
  properties: {
    from: timeSchema,
    tasks: {
      type: 'object',
      properties: {
        complete,
        kinds: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              kind: { type: 'string' },
              count,
              by_status: counts,
              retried: { ...count, description: 'Tried more than once.' },
              waited_seconds: { ...times, description: 'From when it was due to its last start.' },
              ran_seconds: { ...times, description: 'From there to its end.' },
            },
          },
        },
      },
    },
    deliveries: {
      type: 'object',
      properties: {
        complete,
        endpoints: {
          type: 'array',
          items: {
            type: 'object',
            properties: {
              endpoint_id: { type: 'string' },
              attempts: count,
              succeeded: { ...count, description: 'Answered with 2xx.' },
              retries: { ...count, description: 'Attempts that were not the first of their delivery.' },
              outcomes: { ...counts, description: 'By HTTP status, or by what went wrong.' },
              milliseconds: times,
            },
          },
        },
      },
    },
  },
} as const;
