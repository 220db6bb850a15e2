import type { FastifyInstance } from 'fastify';
import type { Me, Sessions, TokenPair } from '#app/access/sessions.ts';
import { guard } from '../auth.ts';
import { addressKey } from '../rate-limit.ts';
import { loginSchema, meSchema, passwordChangeSchema, refreshSchema, tokenPairSchema } from '../schemas/auth.ts';
import { noContent } from '../schemas/common.ts';
import { callerOf } from './forms.ts';

export function authRoutes(api: FastifyInstance, { sessions }: { sessions: Sessions }): void {
  const tags = ['access'];
  const signedIn = guard('signed-in');

  api.post<{ Body: { email: string; password: string } }>(
    '/auth/login',
    {
      config: { public: true, problems: ['login-failed', 'login-throttled', 'rate-limited', 'storage-unavailable'] },
      schema: { tags, summary: 'Sign in with a password', body: loginSchema, response: { 200: tokenPairSchema } },
    },
    async (request) =>
      pairView(await sessions.login(callerOf(request), { ...request.body, network: addressKey(request) })),
  );

  api.post<{ Body: { refresh_token: string } }>(
    '/auth/refresh',
    {
      config: { public: true, problems: ['refresh-refused', 'storage-unavailable'] },
      schema: {
        tags,
        summary: 'Exchange the refresh token for a new pair; an older refresh token ends the login',
        body: refreshSchema,
        response: { 200: tokenPairSchema },
      },
    },
    async (request) =>
      pairView(await sessions.refresh(callerOf(request), request.body.refresh_token, { network: addressKey(request) })),
  );

  api.post(
    '/auth/logout',
    {
      config: { ...signedIn, problems: ['forbidden', 'storage-unavailable'] },
      schema: { tags, summary: 'End the login that this access token belongs to', response: { 204: noContent } },
    },
    async (request, reply) => {
      await sessions.logout(callerOf(request));
      return reply.code(204).send();
    },
  );

  api.get(
    '/auth/me',
    {
      config: signedIn,
      schema: { tags, summary: 'Who I am, and what I may do', response: { 200: meSchema } },
    },
    async (request) => meView(await sessions.me(callerOf(request))),
  );

  api.post<{ Body: { current: string; new: string } }>(
    '/auth/password',
    {
      config: {
        ...signedIn,
        problems: ['forbidden', 'value-refused', 'login-throttled', 'revision-mismatch', 'storage-unavailable'],
      },
      schema: {
        tags,
        summary: 'Change my password; ends all my logins and begins a new one',
        body: passwordChangeSchema,
        response: { 200: tokenPairSchema },
      },
    },
    async (request) => {
      const { current, new: next } = request.body;
      return pairView(
        await sessions.changePassword(callerOf(request), { current, next, network: addressKey(request) }),
      );
    },
  );
}

function pairView(pair: TokenPair): object {
  return {
    access_token: pair.accessToken,
    token_type: 'Bearer',
    expires_in: pair.expiresInSeconds,
    refresh_token: pair.refreshToken,
  };
}

function meView(me: Me): object {
  if (me.kind === 'token') return me;
  const { user, permissions } = me;
  return { kind: 'user', id: user.id, email: user.email, name: user.name ?? null, role: user.role, permissions };
}
