import { permissions } from '#domain/actor.ts';
import { keepable, timeSchema } from './common.ts';

const scopes = { type: 'array', minItems: 1, uniqueItems: true, items: { enum: permissions } } as const;
const name = {
  type: 'string',
  minLength: 1,
  maxLength: 200,
  ...keepable,
  description: 'What the token is for.',
} as const;

export const newTokenSchema = {
  type: 'object',
  required: ['name', 'scopes'],
  additionalProperties: false,
  properties: {
    name,
    scopes,
    expires_in_days: { type: 'integer', minimum: 1, maximum: 3650, description: 'Never, when absent.' },
  },
} as const;

export const tokenStatusSchema = { enum: ['active', 'revoked'] } as const;

export const apiTokenSchema = {
  type: 'object',
  required: ['id', 'name', 'scopes', 'status', 'created_by', 'created_at', 'expires_at'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', example: 'tok_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    name,
    scopes,
    status: tokenStatusSchema,
    created_by: { type: 'string', example: 'user:usr_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    created_at: timeSchema,
    expires_at: { ...timeSchema, type: ['string', 'null'] },
  },
} as const;

export const createdTokenSchema = {
  ...apiTokenSchema,
  required: [...apiTokenSchema.required, 'token'],
  properties: { ...apiTokenSchema.properties, token: { type: 'string', description: 'Shown here and never again.' } },
} as const;
