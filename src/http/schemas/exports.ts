import { exportFormats } from '#domain/export.ts';
import { exportMasks } from '#domain/mask.ts';
import { timeSchema } from './common.ts';

const maybeTime = { ...timeSchema, type: ['string', 'null'] } as const;
const maybe = (type: 'string' | 'integer') => ({ type: [type, 'null'] }) as const;

export const exportWishSchema = {
  type: 'object',
  required: ['format'],
  additionalProperties: false,
  properties: {
    form_id: { type: 'string', minLength: 1, maxLength: 100, description: 'All forms when absent.' },
    format: { enum: exportFormats, description: 'jsonl is compressed with gzip, parquet with zstd.' },
    mask: {
      enum: exportMasks,
      description: 'personal: what says who somebody is gives way to [email], [name] and so on. none when absent.',
    },
    from: { ...timeSchema, description: 'Submitted at or after.' },
    to: { ...timeSchema, description: 'Submitted before.' },
  },
} as const;

export const exportRequestedSchema = {
  type: 'object',
  required: ['export_id', 'task_id'],
  properties: { export_id: { type: 'string' }, task_id: { type: 'string' } },
} as const;

export const exportSchema = {
  type: 'object',
  properties: {
    id: { type: 'string', example: 'exp_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10' },
    form_id: { ...maybe('string'), description: 'null: all forms.' },
    format: { enum: exportFormats },
    mask: { enum: exportMasks },
    from: maybeTime,
    to: maybeTime,
    status: { enum: ['pending', 'ready', 'failed'] },
    rows: maybe('integer'),
    bytes: maybe('integer'),
    sha256: { ...maybe('string'), description: 'Of the file, in hex.' },
    error: { ...maybe('string'), description: 'Why it failed.' },
    task_id: { type: 'string' },
    created_at: timeSchema,
    finished_at: maybeTime,
  },
} as const;

export const exportParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;
