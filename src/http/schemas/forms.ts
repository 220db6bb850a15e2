import { mostAddresses } from '#domain/mail/notify.ts';
import { keepable, timeSchema } from './common.ts';

const name = { type: 'string', minLength: 1, maxLength: 64, pattern: '^[\\p{L}\\p{N}_][\\p{L}\\p{N}_ .-]*$' } as const;

const intelligence = {
  type: 'object',
  additionalProperties: false,
  description: 'What the machine should understand in the answers; frozen with each published version.',
  properties: {
    text: { type: 'array', items: { type: 'string', maxLength: 64 }, minItems: 1, maxItems: 50, uniqueItems: true },
    classify: {
      type: 'object',
      required: ['labels'],
      additionalProperties: false,
      properties: {
        labels: {
          type: 'array',
          minItems: 2,
          maxItems: 500,
          items: {
            type: 'object',
            required: ['name'],
            additionalProperties: false,
            properties: {
              name,
              description: { type: 'string', maxLength: 1000, ...keepable },
              examples: {
                type: 'array',
                maxItems: 200,
                items: { type: 'string', minLength: 1, maxLength: 5000, ...keepable },
              },
            },
          },
        },
        allow_none: { type: 'boolean', description: 'May the verdict be that no label fits?' },
      },
    },
    extract: {
      type: 'object',
      required: ['fields'],
      additionalProperties: false,
      properties: {
        fields: {
          type: 'array',
          minItems: 1,
          maxItems: 50,
          items: {
            type: 'object',
            required: ['name', 'type'],
            additionalProperties: false,
            properties: {
              name,
              type: {
                enum: [
                  'text',
                  'number',
                  'money',
                  'date',
                  'time',
                  'email',
                  'phone',
                  'url',
                  'iban',
                  'person',
                  'place',
                  'organisation',
                  'enum',
                ],
              },
              description: { type: 'string', maxLength: 1000, ...keepable },
              values: {
                type: 'array',
                minItems: 1,
                maxItems: 500,
                uniqueItems: true,
                items: { type: 'string', minLength: 1, maxLength: 200, ...keepable },
              },
            },
          },
        },
      },
    },
    respond: {
      type: 'object',
      required: ['instructions'],
      additionalProperties: false,
      properties: {
        instructions: { type: 'string', minLength: 1, maxLength: 5000, ...keepable },
        max_words: { type: 'integer', minimum: 5, maximum: 500 },
      },
    },
  },
} as const;

const settings = {
  type: 'object',
  additionalProperties: false,
  properties: {
    allowed_origins: {
      type: 'array',
      maxItems: 50,
      uniqueItems: true,
      description: 'Origins whose pages may send responses; every origin when absent.',
      items: { type: 'string', maxLength: 300, pattern: '^https?://[^/?#\\s]+$', example: 'https://www.example.org' },
    },
    limits: {
      type: 'object',
      additionalProperties: false,
      properties: {
        max_body_bytes: { type: 'integer', minimum: 256, maximum: 10485760 },
        responses_per_minute: { type: 'integer', minimum: 1, maximum: 100000 },
      },
    },
    notify_emails: {
      type: 'array',
      maxItems: mostAddresses,
      uniqueItems: true,
      description: 'Who is told of responses by e-mail. Only administrators may set, change or remove it.',
      items: { type: 'string', format: 'email', maxLength: 254, example: 'ada@example.org' },
    },
    notify: {
      type: 'object',
      additionalProperties: false,
      description: 'How they are told. Only administrators may set, change or remove it.',
      properties: {
        send: {
          enum: ['each', 'digest'],
          description:
            'A message for each response once it is understood (the default), or one for all since the last.',
        },
        every: { enum: ['hour', 'day'], description: 'Of a digest; day when absent.' },
        hour: {
          type: 'integer',
          minimum: 0,
          maximum: 23,
          description: "Of a daily digest, in the installation's time zone; 8 when absent.",
        },
      },
    },
  },
} as const;

/** The definition is checked by its own parser, which says more than a schema can. */
const definition = {
  type: 'object',
  additionalProperties: true,
  description: 'SurveyJS JSON, the subset of docs/reference/forms.md.',
} as const;

export const formDraftSchema = {
  type: 'object',
  required: ['title', 'definition'],
  additionalProperties: false,
  properties: {
    title: { type: 'string', minLength: 1, maxLength: 200, ...keepable },
    slug: {
      type: 'string',
      pattern: '^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$',
      not: { pattern: '^frm_' },
      description: 'A readable name in URLs; unique.',
      example: 'contact',
    },
    definition,
    intelligence,
    settings,
  },
} as const;

export const formSchema = {
  type: 'object',
  properties: {
    id: { type: 'string', example: 'frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    slug: { type: 'string' },
    title: { type: 'string' },
    status: { enum: ['draft', 'open', 'closed', 'archived'] },
    version: { type: 'integer', description: 'Newest published version, 0 before the first.' },
    revision: { type: 'integer', description: 'The ETag: send it back as If-Match.' },
    definition,
    intelligence: { type: 'object', additionalProperties: true },
    settings: { type: 'object', additionalProperties: true },
    created_at: timeSchema,
    updated_at: timeSchema,
  },
} as const;

export const publishedSchema = {
  type: 'object',
  properties: {
    form_id: { type: 'string' },
    version: { type: 'integer' },
    content_sha256: { type: 'string' },
    title: { type: 'string' },
    published_at: timeSchema,
  },
} as const;

/** What a renderer needs, and nothing else. */
export const publicFormSchema = {
  type: 'object',
  required: ['id', 'slug', 'title', 'status', 'version', 'definition', 'submit_url'],
  properties: {
    id: formSchema.properties.id,
    slug: { type: 'string' },
    title: { type: 'string' },
    status: { enum: ['open', 'closed'] },
    version: { type: 'integer' },
    definition,
    submit_url: { type: 'string', description: 'Where responses are posted to.' },
  },
} as const;

/** A form may be named by its id or by its slug where the public comes in; what does not exist is a 404, whatever it looks like. */
export const formParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;
