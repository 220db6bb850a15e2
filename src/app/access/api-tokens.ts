import type { ApiToken } from '#domain/account.ts';
import { type Actor, may, type Permission, permissions, rolePermissions } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import { type Auditor, actorName, type Caller } from '../audit.ts';

export type NewApiToken = { name: string; scopes: Permission[]; expiresInDays?: number };

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  keyRing: Pick<KeyRing, 'hmac' | 'verifyHmac' | 'keyIds'>;
  ids: Ids;
  clock: Clock;
  audit: Auditor;
};

const purpose = 'api-tokens';
const secretBytes = 32;
const dayMs = 86_400_000;
const shape = /^fst_([0-9a-f-]{36})_([A-Za-z0-9_-]{43})$/;

/**
 * API tokens for programs: `fst_<id without its prefix>_<secret>`, of which the store keeps a keyed hash. A token may do what its scopes say and its maker
 * may do now: when the maker is disabled, demoted or (a token) revoked, it shrinks or dies with it.
 */
export function createApiTokens(deps: Deps) {
  const { storage, keyRing, ids, clock } = deps;

  /** Errors: `forbidden` for scopes beyond the caller's own. */
  async function create(caller: Caller, input: NewApiToken): Promise<{ token: string; doc: ApiToken }> {
    mustCover(caller.actor, input.scopes);
    const id = ids.next('tok');
    const secret = Buffer.from(ids.randomBytes(secretBytes)).toString('base64url');
    const now = clock.now();
    const doc: ApiToken = {
      id,
      name: input.name,
      hash: Buffer.from(keyRing.hmac(purpose, hashedText(id, secret))).toString('base64url'),
      scopes: input.scopes,
      status: 'active',
      createdBy: actorName(caller.actor),
      createdAt: now,
      expiresAt: input.expiresInDays === undefined ? undefined : now + input.expiresInDays * dayMs,
    };
    const audit = [deps.audit(caller, 'token.create', id, { scopes: doc.scopes, expires_at: doc.expiresAt ?? null })];
    const result = await storage.commit({ change: { op: 'insert', kind: 'token', doc }, audit });
    if (result.outcome !== 'committed') throw new Error('a fresh token id is taken');
    return { token: `fst_${id.slice('tok_'.length)}_${secret}`, doc };
  }

  /** Revokes for good; again does nothing. Errors: `not-found`. */
  async function revoke(caller: Caller, id: string): Promise<void> {
    for (;;) {
      const current = await storage.get('token', id);
      if (!current) throw new AppError('not-found', { detail: `There is no API token ${id}.` });
      if (current.doc.status === 'revoked') return;
      const doc: ApiToken = { ...current.doc, status: 'revoked' };
      const result = await storage.commit({
        change: { op: 'update', kind: 'token', doc, expect: current.revision },
        audit: [deps.audit(caller, 'token.revoke', id)],
      });
      if (result.outcome === 'committed') return;
    }
  }

  /** Undefined for whatever is not a valid token of ours right now. */
  async function authenticate(token: string): Promise<Actor | undefined> {
    const [, uuid = '', secret = ''] = shape.exec(token) ?? [];
    if (uuid === '') return undefined;
    const found = await storage.get('token', `tok_${uuid}`);
    if (!found || !isSecretOf(found, secret)) return undefined;
    const scopes = await scopesNow(found);
    return scopes && { kind: 'token', id: found.doc.id, scopes };
  }

  /** By any key of the ring: API tokens outlive the rotation of the secret key. */
  function isSecretOf({ doc }: Stored<'token'>, secret: string): boolean {
    const kept = Buffer.from(doc.hash, 'base64url');
    return keyRing
      .keyIds(purpose)
      .some((keyId) => keyRing.verifyHmac(purpose, keyId, hashedText(doc.id, secret), kept));
  }

  async function scopesNow({ doc }: Stored<'token'>): Promise<Permission[] | undefined> {
    if (doc.status !== 'active' || (doc.expiresAt !== undefined && doc.expiresAt <= clock.now())) return undefined;
    const makers = await permissionsOfMaker(doc.createdBy);
    return makers && doc.scopes.filter((scope) => makers.includes(scope));
  }

  async function permissionsOfMaker(maker: string): Promise<readonly Permission[] | undefined> {
    const [kind, id = ''] = maker.split(':', 2);
    if (kind === 'user') {
      const user = await storage.get('user', id);
      return user?.doc.status === 'active' ? rolePermissions[user.doc.role] : undefined;
    }
    if (kind === 'token') {
      // Ends after one step: a token made by a token makes none itself.
      const token = await storage.get('token', id);
      return token && scopesNow(token);
    }
    return kind === 'operator' ? permissions : undefined;
  }

  return {
    create,
    revoke,
    authenticate,
    list: (query: { limit: number; after?: string; status?: ApiToken['status'] }) =>
      storage.list('token', {
        where: { status: query.status },
        limit: query.limit,
        after: query.after,
        newestFirst: true,
      }),
  };
}
export type ApiTokens = ReturnType<typeof createApiTokens>;

const hashedText = (id: string, secret: string): string => `${id}\n${secret}`;

function mustCover(actor: Actor, scopes: readonly Permission[]): void {
  const beyond = scopes.filter((scope) => !may(actor, scope));
  if (beyond.length > 0) {
    throw new AppError('forbidden', { detail: `You cannot give what you do not have: ${beyond.join(', ')}.` });
  }
  if (actor.kind === 'token' && scopes.includes('tokens:manage')) {
    throw new AppError('forbidden', { detail: 'A token cannot make a token that makes tokens.' });
  }
}
