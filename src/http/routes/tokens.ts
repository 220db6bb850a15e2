import type { FastifyInstance } from 'fastify';
import type { ApiTokens } from '#app/access/api-tokens.ts';
import type { ApiToken } from '#domain/account.ts';
import type { Permission } from '#domain/actor.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { idParams, noContent, pageOf, pageQuery } from '../schemas/common.ts';
import { apiTokenSchema, createdTokenSchema, newTokenSchema, tokenStatusSchema } from '../schemas/tokens.ts';
import { maybeTime, time } from '../views.ts';
import { callerOf } from './forms.ts';

type Draft = { name: string; scopes: Permission[]; expires_in_days?: number };

export function tokenRoutes(
  api: FastifyInstance,
  { apiTokens, paging }: { apiTokens: ApiTokens; paging: Paging },
): void {
  const manage = guard('tokens:manage');
  const tags = ['tokens'];

  api.post<{ Body: Draft }>(
    '/tokens',
    {
      config: { ...manage, problems: ['storage-unavailable'] },
      schema: {
        tags,
        summary: 'Make an API token; its text is in this answer only',
        body: newTokenSchema,
        response: { 201: createdTokenSchema },
      },
    },
    async (request, reply) => {
      const { name, scopes, expires_in_days: expiresInDays } = request.body;
      const { token, doc } = await apiTokens.create(callerOf(request), { name, scopes, expiresInDays });
      reply.code(201);
      return { ...tokenView(doc), token };
    },
  );

  api.get<{ Querystring: { limit: number; cursor?: string; status?: ApiToken['status'] } }>(
    '/tokens',
    {
      config: { ...manage, problems: ['bad-cursor'] },
      schema: {
        tags,
        summary: 'List API tokens, newest first',
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { ...pageQuery, status: tokenStatusSchema },
        },
        response: { 200: pageOf(apiTokenSchema) },
      },
    },
    async ({ query }) => {
      const list = JSON.stringify(['tokens', query.status]);
      const page = await apiTokens.list({ ...paging.read(query, list), status: query.status });
      return paging.body(
        page.items.map(({ doc }) => tokenView(doc)),
        page.next,
        list,
      );
    },
  );

  api.delete<{ Params: { id: string } }>(
    '/tokens/:id',
    {
      config: { ...manage, problems: ['not-found', 'storage-unavailable'] },
      schema: { tags, summary: 'Revoke an API token for good', params: idParams('tok'), response: { 204: noContent } },
    },
    async (request, reply) => {
      await apiTokens.revoke(callerOf(request), request.params.id);
      return reply.code(204).send();
    },
  );
}

/** Never the hash. */
function tokenView(token: ApiToken): object {
  return {
    id: token.id,
    name: token.name,
    scopes: token.scopes,
    status: token.status,
    created_by: token.createdBy,
    created_at: time(token.createdAt),
    expires_at: maybeTime(token.expiresAt),
  };
}
