import { timeSchema } from './common.ts';

export const auditActionSchema = {
  type: 'string',
  pattern: '^[a-z-]{1,40}\\.[a-z-]{1,40}$',
  example: 'login.fail',
} as const;

const sha256 = { type: 'string', pattern: '^[0-9a-f]{64}$' } as const;

export const auditEntrySchema = {
  type: 'object',
  required: ['id', 'at', 'actor', 'action', 'subject', 'request_id', 'details', 'seal'],
  additionalProperties: false,
  properties: {
    id: { type: 'string' },
    at: timeSchema,
    actor: { type: 'string', example: 'user:usr_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    action: auditActionSchema,
    subject: { type: 'string' },
    request_id: { type: ['string', 'null'] },
    details: { type: ['object', 'null'], additionalProperties: true },
    seal: {
      type: ['object', 'null'],
      description: 'Number and hash in the chain; null until the sealer has come by.',
      required: ['seq', 'sha256', 'previous'],
      additionalProperties: false,
      properties: { seq: { type: 'integer' }, sha256, previous: sha256 },
    },
  },
} as const;
