/** Schemas that the routes of every noun share. JSON Schema 2020-12. */

/** Registered under this id: `{ $ref: 'Problem#' }`. */
export const problemSchema = {
  $id: 'Problem',
  title: 'Problem',
  description: 'RFC 9457 problem details. `code` is the contract; the words may change.',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code', 'request_id'],
  properties: {
    type: { type: 'string', description: 'Where the code is explained.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'How to mend it.' },
    instance: { type: 'string', description: 'The path that was asked for.' },
    code: { type: 'string' },
    request_id: { type: 'string', description: 'Names the request in the log.' },
    errors: {
      type: 'array',
      description: 'The wrong places, at most 50.',
      items: {
        type: 'object',
        required: ['pointer', 'code', 'detail'],
        properties: {
          pointer: { type: 'string', description: 'RFC 6901 pointer into the body, or / and the parameter.' },
          code: { type: 'string' },
          detail: { type: 'string' },
        },
      },
    },
  },
} as const;

/** Answers without a body. */
export const noContent = { description: 'Done.', type: 'null' } as const;
export const notModified = { description: 'What you have is still right.', type: 'null' } as const;

/** An answer of another type than JSON. */
export function contentOf<T extends string>(description: string, ...types: T[]) {
  return { description, content: Object.fromEntries(types.map((type) => [type, { schema: {} }])) };
}

/** A task that was started; `Location` names it too. */
export const startedTaskSchema = {
  type: 'object',
  required: ['task_id'],
  properties: { task_id: { type: 'string' } },
} as const;

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

/** The id of one kind of thing: `idSchema('frm')`. */
export function idSchema<P extends string>(prefix: P) {
  return {
    type: 'string',
    pattern: `^${prefix}_${uuid}$`,
    example: `${prefix}_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10`,
  } as const;
}

/** The parameters of a path with one id. */
export function idParams<P extends string>(prefix: P) {
  return {
    type: 'object',
    required: ['id'],
    additionalProperties: false,
    properties: { id: idSchema(prefix) },
  } as const;
}

/** RFC 3339. */
export const timeSchema = { type: 'string', format: 'date-time', example: '2026-11-02T09:30:00.000Z' } as const;

/** Spread into a string that is kept: no NUL and no lone surrogate, which stores and hashes cannot keep as they are. */
export const keepable = { pattern: '^[^\\u0000\\ud800-\\udfff]*$' } as const;

export const pageLimits = { default: 50, max: 1000 } as const;

/** Query parameters of every list; spread more of them in beside. */
export const pageQuery = {
  limit: { type: 'integer', minimum: 1, maximum: pageLimits.max, default: pageLimits.default },
  cursor: { type: 'string', maxLength: 1000, description: '`next_cursor` of the page before.' },
} as const;

/** The body of a page of a list. */
export function pageOf<T extends object>(items: T) {
  return {
    type: 'object',
    required: ['items', 'next_cursor'],
    additionalProperties: false,
    properties: {
      items: { type: 'array', items },
      next_cursor: { type: ['string', 'null'], description: 'null on the last page.' },
    },
  } as const;
}
