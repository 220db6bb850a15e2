import type { FastifyInstance } from 'fastify';
import type { AuditEntry, AuditSeal } from '#domain/audit.ts';
import type { Storage } from '#ports/storage.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { auditActionSchema, auditEntrySchema } from '../schemas/audit.ts';
import { pageOf, pageQuery } from '../schemas/common.ts';
import { time } from '../views.ts';

export function auditRoutes(
  api: FastifyInstance,
  { storage, paging }: { storage: { audit: Pick<Storage['audit'], 'list'> }; paging: Paging },
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
      const list = JSON.stringify(['audit', query.action]);
      const page = await storage.audit.list({ ...paging.read(query, list), action: query.action });
      return paging.body(page.items.map(auditView), page.next, list);
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
