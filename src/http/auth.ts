import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { type Actor, may, type Permission } from '#domain/actor.ts';
import { AppError, type ErrorCode } from '#domain/errors.ts';

/**
 * Every route says who may use it, in its `config`:
 *
 * - `config: guard('forms:write')` a token whose role or scopes hold the permission: else 401 or 403
 * - `config: guard('signed-in')` any valid token
 * - `config: { public: true }` nobody is asked
 * - `config: { public: true, recogniseActor: true }` works without a token; a valid one tells who acts, any other counts as none
 *
 * A route that says none of these fails the start. The check runs before the body is read.
 */
export type RouteAccess =
  | { permission: Permission | 'signed-in' }
  | { public: true; recogniseActor?: boolean; permission?: never };

/** Who is behind a bearer token, undefined for whatever is not a valid one right now. */
export type Authenticate = (token: string) => Promise<Actor | undefined>;

declare module 'fastify' {
  interface FastifyContextConfig {
    permission?: Permission | 'signed-in';
    public?: boolean;
    recogniseActor?: boolean;
    /** Codes this route answers beside those that follow from its schema and guard: for the OpenAPI document. */
    problems?: readonly ErrorCode[];
    /** What the route takes beside JSON, by content type: said by the scope that parses it. */
    bodies?: Record<string, { schema: object }>;
    /** Its problems are pages for those who ask for text/html. */
    htmlProblems?: boolean;
    /** Answers although the server is shutting down, and is logged at debug: health. */
    probe?: boolean;
    /** Limited by its own handler, and not counted with the other requests of an address. */
    ownLimit?: boolean;
  }
  interface FastifyRequest {
    /** Who acts: the owner of the token, or `{ kind: 'public' }` with the caller's address. */
    readonly actor: Actor;
  }
}

export function guard(permission: Permission | 'signed-in'): { permission: Permission | 'signed-in' } {
  return { permission };
}

/** A line of the published table: who may call what. `HEAD` follows `GET` and is not listed. */
export type AccessRow = { method: string; path: string; access: Permission | 'signed-in' | 'public' };

const actorKey = Symbol('actor');
type WithActor = FastifyRequest & { [actorKey]?: Actor };

/**
 * Makes `app` check each route's access, and collects the table of it (complete once the app is ready).
 * Errors: registering a route without an access throws.
 */
export function installAuth(app: FastifyInstance, authenticate: Authenticate): readonly AccessRow[] {
  const table: AccessRow[] = [];
  app.decorateRequest('actor', {
    getter() {
      const request = this as WithActor;
      request[actorKey] ??= { kind: 'public', address: request.ip };
      return request[actorKey];
    },
  });
  app.addHook('onRoute', (route) => {
    const access = accessOf(route);
    if (!('public' in access) || access.recogniseActor) {
      const check = tokenCheck(authenticate, 'public' in access ? undefined : access.permission);
      route.onRequest = [check, ...asArray(route.onRequest)];
    }
    for (const method of asArray(route.method)) {
      if (method !== 'HEAD') {
        table.push({ method, path: route.url, access: 'public' in access ? 'public' : access.permission });
      }
    }
  });
  return table;
}

function accessOf(route: RouteOptions & { url: string }): RouteAccess {
  const { permission, public: isPublic, recogniseActor } = route.config ?? {};
  if ((permission === undefined) === (isPublic !== true)) {
    throw new Error(
      `${asArray(route.method).join(',')} ${route.url} must say who may use it: config: guard('…') or config: { public: true }, one of them`,
    );
  }
  return permission === undefined ? { public: true, recogniseActor: recogniseActor === true } : { permission };
}

/** Without `permission` any valid token tells who acts, and a missing, junk or expired one is nobody's: what is public is not refused for it. */
function tokenCheck(authenticate: Authenticate, permission: Permission | 'signed-in' | undefined) {
  return function checkToken(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const header = request.headers.authorization;
    const token = header === undefined ? undefined : bearerToken(header);
    if (token === undefined) {
      const detail = header === undefined ? undefined : 'The Authorization header must be: Bearer <token>';
      done(permission === undefined ? undefined : new AppError('unauthenticated', { detail }));
      return;
    }
    authenticate(token).then((actor) => {
      if (actor === undefined && permission === undefined) {
        done();
      } else if (actor === undefined) {
        reply.header('www-authenticate', 'Bearer error="invalid_token"');
        done(new AppError('unauthenticated', { detail: 'The token is unknown, expired or revoked' }));
      } else if (permission !== undefined && permission !== 'signed-in' && !may(actor, permission)) {
        reply.header('www-authenticate', `Bearer error="insufficient_scope", scope="${permission}"`);
        done(new AppError('forbidden', { detail: `This needs the permission ${permission}` }));
      } else {
        (request as WithActor)[actorKey] = actor;
        done();
      }
    }, done);
  };
}

/** RFC 6750: the scheme in any letter case, one space or more, a token of the characters it may have. At most 4096 of them. */
function bearerToken(header: string): string | undefined {
  return /^bearer +([A-Za-z0-9\-._~+/]{1,4096}=*) *$/i.exec(header)?.[1];
}

function asArray<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
