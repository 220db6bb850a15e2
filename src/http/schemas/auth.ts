import { permissions, roles } from '#domain/actor.ts';

/** Any text: an address that cannot exist is a failed login like any other. */
const anyEmail = { type: 'string', minLength: 1, maxLength: 320, example: 'ada@example.org' } as const;
/** Longer than any password we take, so that the length of a wrong one is no special case. */
const anyPassword = { type: 'string', minLength: 1, maxLength: 1024 } as const;

export const loginSchema = {
  type: 'object',
  required: ['email', 'password'],
  additionalProperties: false,
  properties: { email: anyEmail, password: anyPassword },
} as const;

export const refreshSchema = {
  type: 'object',
  required: ['refresh_token'],
  additionalProperties: false,
  properties: { refresh_token: { type: 'string', minLength: 1, maxLength: 1024 } },
} as const;

export const passwordChangeSchema = {
  type: 'object',
  required: ['current', 'new'],
  additionalProperties: false,
  properties: { current: anyPassword, new: anyPassword },
} as const;

export const tokenPairSchema = {
  type: 'object',
  required: ['access_token', 'token_type', 'expires_in', 'refresh_token'],
  additionalProperties: false,
  properties: {
    access_token: { type: 'string', description: 'Send it as Authorization: Bearer ….' },
    token_type: { const: 'Bearer' },
    expires_in: { type: 'integer', description: 'Seconds.' },
    refresh_token: { type: 'string', description: 'Good for one refresh; sending it twice ends the login.' },
  },
} as const;

export const meSchema = {
  type: 'object',
  required: ['kind', 'id', 'permissions'],
  additionalProperties: false,
  properties: {
    kind: { enum: ['user', 'token'] },
    id: { type: 'string' },
    email: { type: 'string' },
    name: { type: ['string', 'null'] },
    role: { enum: roles },
    permissions: { type: 'array', items: { enum: permissions } },
  },
} as const;
