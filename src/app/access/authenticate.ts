import type { Session, User } from '#domain/account.ts';
import type { Actor } from '#domain/actor.ts';
import { AppError } from '#domain/errors.ts';
import type { AccessTokens } from '#ports/access-tokens.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import { pages } from '../every.ts';
import type { ApiTokens } from './api-tokens.ts';

/**
 * Who is behind a bearer token: an access token of a login or an API token; undefined for whatever is not a valid one right now. Session and user are read
 * from the store for every request, so logout, a new password, disabling and another role take effect with the next one.
 */
export function createAuthenticate(deps: {
  storage: Pick<Storage, 'get'>;
  tokens: Pick<AccessTokens, 'verify'>;
  apiTokens: Pick<ApiTokens, 'authenticate'>;
  clock: Clock;
}): (token: string) => Promise<Actor | undefined> {
  const { storage, tokens, apiTokens, clock } = deps;
  return async (token) => {
    if (token.startsWith('fst_')) return apiTokens.authenticate(token);
    const claims = await tokens.verify(token);
    if (!claims) return undefined;
    const [session, user] = await Promise.all([
      storage.get('session', claims.sessionId),
      storage.get('user', claims.userId),
    ]);
    if (!session || !user || !isLive(session.doc, user.doc, clock.now())) return undefined;
    return { kind: 'user', id: user.doc.id, role: user.doc.role, sessionId: session.doc.id };
  };
}

/** Whether the login still holds: for its access tokens and for its refresh token alike. */
export function isLive(session: Session, user: User, now: number): boolean {
  return (
    session.userId === user.id &&
    session.status === 'active' &&
    session.expiresAt > now &&
    user.status === 'active' &&
    session.createdAt >= user.tokensValidFrom
  );
}

/** `tokensValidFrom` that ends every session begun so far: later than the latest of them, even when the clock has stepped back. */
export function endingAllSessions(user: User, now: number): number {
  return Math.max(now, user.tokensValidFrom) + 1;
}

/**
 * Marks the active sessions of a user as revoked. `tokensValidFrom` has ended them already; this catches one that was begun while the user's change was on
 * its way to the store, and shows in the store what holds.
 */
export async function revokeSessions(
  storage: Pick<Storage, 'list' | 'commit'>,
  userId: string,
  exceptId?: string,
): Promise<void> {
  const query = { where: { userId }, limit: 100 };
  for await (const { items } of pages((after) => storage.list('session', { ...query, after }))) {
    const active = items.filter(({ doc }) => doc.status === 'active' && doc.id !== exceptId);
    // A conflict is a refresh at the same moment: it is refused by tokensValidFrom the next time.
    await Promise.all(
      active.map(({ doc, revision }) =>
        storage.commit({
          change: { op: 'update', kind: 'session', doc: { ...doc, status: 'revoked' }, expect: revision },
        }),
      ),
    );
  }
}

/** How e-mail addresses are kept and looked up. */
export function normalEmail(email: string): string {
  return email.trim().toLowerCase();
}

/** Errors: `forbidden` for everybody but a person who is signed in (an API token has no session and no password). */
export function signedInPerson(actor: Actor): Extract<Actor, { kind: 'user' }> {
  if (actor.kind !== 'user') {
    throw new AppError('forbidden', { detail: 'This is for people who are signed in, not for API tokens.' });
  }
  return actor;
}
