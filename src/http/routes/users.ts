import type { FastifyInstance } from 'fastify';
import type { NewUser, UserChange, Users } from '#app/access/users.ts';
import type { User } from '#domain/account.ts';
import { type Role, roles } from '#domain/actor.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { idParams, pageOf, pageQuery } from '../schemas/common.ts';
import { newUserSchema, userChangeSchema, userSchema } from '../schemas/users.ts';
import { time } from '../views.ts';
import { callerOf } from './forms.ts';

type Id = { Params: { id: string } };

export function userRoutes(api: FastifyInstance, { users, paging }: { users: Users; paging: Paging }): void {
  const manage = guard('users:manage');
  const tags = ['users'];
  const params = idParams('usr');

  api.get<{ Querystring: { limit: number; cursor?: string; role?: Role } }>(
    '/users',
    {
      config: { ...manage, problems: ['bad-cursor'] },
      schema: {
        tags,
        summary: 'List users, newest first',
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: { ...pageQuery, role: { enum: roles } },
        },
        response: { 200: pageOf(userSchema) },
      },
    },
    async ({ query }) => {
      const list = JSON.stringify(['users', query.role]);
      const page = await users.list({ ...paging.read(query, list), role: query.role });
      return paging.body(
        page.items.map(({ doc }) => userView(doc)),
        page.next,
        list,
      );
    },
  );

  api.post<{ Body: NewUser }>(
    '/users',
    {
      config: { ...manage, problems: ['already-exists', 'value-refused', 'storage-unavailable'] },
      schema: { tags, summary: 'Add a user', body: newUserSchema, response: { 201: userSchema } },
    },
    async (request, reply) => {
      const { doc } = await users.create(callerOf(request), request.body);
      reply.code(201).header('location', `/api/v1/users/${doc.id}`);
      return userView(doc);
    },
  );

  api.get<Id>(
    '/users/:id',
    {
      config: { ...manage, problems: ['not-found'] },
      schema: { tags, summary: 'Read a user', params, response: { 200: userSchema } },
    },
    async (request) => userView((await users.get(request.params.id)).doc),
  );

  api.patch<Id & { Body: UserChange }>(
    '/users/:id',
    {
      config: {
        ...manage,
        problems: ['not-found', 'conflict', 'value-refused', 'revision-mismatch', 'storage-unavailable'],
      },
      schema: {
        tags,
        summary: 'Change name, role, status or password; a new password and disabling end all logins of the user',
        params,
        body: userChangeSchema,
        response: { 200: userSchema },
      },
    },
    async (request) => userView((await users.update(callerOf(request), request.params.id, request.body)).doc),
  );
}

/** Never the hash of the password. */
function userView(user: User): object {
  return {
    id: user.id,
    email: user.email,
    name: user.name ?? null,
    role: user.role,
    status: user.status,
    created_at: time(user.createdAt),
    updated_at: time(user.updatedAt),
  };
}
