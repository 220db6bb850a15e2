import { roles } from '#domain/actor.ts';
import { keepable, timeSchema } from './common.ts';

const email = { type: 'string', format: 'email', maxLength: 254, example: 'ada@example.org' } as const;
const name = { type: 'string', minLength: 1, maxLength: 200, ...keepable } as const;
const role = { enum: roles } as const;
const status = { enum: ['active', 'disabled'] } as const;
/** The rules are in `domain/password.ts`; a refused one is a 422 that says why. */
const password = { type: 'string', minLength: 1, maxLength: 1024, description: '12 to 256 characters.' } as const;

export const newUserSchema = {
  type: 'object',
  required: ['email', 'role', 'password'],
  additionalProperties: false,
  properties: { email, name, role, password },
} as const;

export const userChangeSchema = {
  type: 'object',
  minProperties: 1,
  additionalProperties: false,
  properties: { name: { ...name, type: ['string', 'null'] }, role, status, password },
} as const;

export const userSchema = {
  type: 'object',
  required: ['id', 'email', 'name', 'role', 'status', 'created_at', 'updated_at'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', example: 'usr_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    email: { type: 'string' },
    name: { type: ['string', 'null'] },
    role,
    status,
    created_at: timeSchema,
    updated_at: timeSchema,
  },
} as const;
