import type { FastifyInstance } from 'fastify';
import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { Storage } from '#ports/storage.ts';
import { guard } from '../auth.ts';
import { auditActionSchema, auditEntrySchema } from '../schemas/audit.ts';
import { pageOf, pageQuery } from '../schemas/common.ts';
import { time } from '../views.ts';

export function auditRoutes(
  api: FastifyInstance,
  { storage }: { storage: { audit: Pick<Storage['audit'], 'list'> } },
): void {
  api.get<{ Querystring: { limit: number; cursor?: string; action?: string } }>(
    '/audit',
    {
      config: { ...guard('audit:read'), problems: ['bad-cursor'] },
      schema: {
        tags: ['operations'],
        summary: 'Who did what, newest first',
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { ...pageQuery, action: auditActionSchema },
        },
        response: { 200: pageOf(auditEntrySchema) },
      },
    },
    async ({ query }) => {
      if (query.cursor !== undefined && !/^adt_[0-9a-f-]{36}$/.test(query.cursor)) throw new AppError('bad-cursor');
      const page = await storage.audit.list({ limit: query.limit, after: query.cursor, action: query.action });
      return { items: page.items.map(auditView), next_cursor: page.next ?? null };
    },
  );
}

function auditView({ entry, seal }: { entry: AuditEntry; seal: AuditSeal | undefined }): object {
  return {
    id: entry.id,
    at: time(entry.at),
    actor: entry.actor,
    action: entry.action,
    subject: entry.subject,
    request_id: entry.requestId ?? null,
    details: entry.details ?? null,
    seal: seal ?? null,
  };
}
