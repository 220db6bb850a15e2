import type { Session, User } from '#domain/account.ts';
import { type Permission, type Role, rolePermissions } from '#domain/actor.ts';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import { passwordProblem } from '#domain/password.ts';
import type { AccessTokens } from '#ports/access-tokens.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Log } from '#ports/log.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { PasswordHasher } from '#ports/password-hasher.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import { endingAllSessions, isLive, normalEmail, revokeSessions, signedInPerson } from './authenticate.ts';
import { type Attempt, createLoginThrottle, type LoginLimits } from './login-throttle.ts';
import { createRefreshTokens } from './refresh-tokens.ts';

export type TokenPair = { accessToken: string; expiresInSeconds: number; refreshToken: string };

export type Me =
  | { kind: 'user'; user: User; permissions: readonly Permission[] }
  | { kind: 'token'; id: string; permissions: readonly Permission[] };

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'getByKey' | 'list'>;
  hasher: PasswordHasher;
  tokens: Pick<AccessTokens, 'issue'>;
  keyRing: Pick<KeyRing, 'hmac' | 'verifyHmac' | 'keyIds' | 'pseudonym'>;
  ids: Ids;
  clock: Clock;
  cache: Pick<Cache, 'get' | 'set' | 'hit'>;
  audit: Auditor;
  metrics: Pick<Metrics, 'count'>;
  log: Log;
  limits: LoginLimits;
  /** How long a login can be renewed without a refresh. */
  refreshLifeMs: number;
};

/** However often it is refreshed, a login ends after this long, or after one refresh life if that is longer. `prune` must not remove younger sessions. */
export function sessionLifeMs(refreshLifeMs: number): number {
  return Math.max(90 * 86_400_000, refreshLifeMs);
}

/** `network` is the caller's address as throttling counts it: a whole IPv6 /64 is one. */
export type Origin = { network: string };

type Refusal = { refused: 'unknown-account' | 'wrong-password' | 'disabled'; userId?: string };

export function createSessions(deps: Deps) {
  const { storage, hasher, keyRing, ids, clock, metrics } = deps;
  const throttle = createLoginThrottle(deps);
  const refreshTokens = createRefreshTokens(deps);
  const pseudonym = (text: string) => keyRing.pseudonym('subjects', text);

  /**
   * The same answer, after the same work, for an unknown account, a wrong password and a disabled user.
   * Errors: `login-failed`, `login-throttled`, `rate-limited` when too many passwords are being checked.
   */
  async function login(caller: Caller, input: { email: string; password: string } & Origin): Promise<TokenPair> {
    const email = normalEmail(input.email);
    const details = { account: pseudonym(email), network: pseudonym(input.network) };
    let refusal: Refusal | undefined;
    const attempt = await throttle.attempt(details, async () => {
      const checked = await checkPassword(email, input.password);
      if ('doc' in checked) return checked;
      refusal = checked;
      return undefined;
    });
    if ('throttled' in attempt) throw throttled(attempt.throttled);
    if ('failed' in attempt) {
      metrics.count('formstead_logins_total', { outcome: 'failed' });
      const subject = refusal?.userId ?? 'unknown';
      const audit = [deps.audit(caller, 'login.fail', subject, { ...details, reason: refusal?.refused ?? null })];
      if (attempt.closed) audit.push(throttleEntry(caller, subject, details, attempt.closed));
      await storage.commit({ change: { op: 'none' }, audit });
      throw new AppError('login-failed');
    }
    const user = await rehashed(attempt.passed, input.password);
    const pair = await begin(caller, user, (session, asUser) => [
      deps.audit(asUser, 'login.succeed', user.doc.id, { ...details, session: session.id }),
    ]);
    metrics.count('formstead_logins_total', { outcome: 'succeeded' });
    return pair;
  }

  async function checkPassword(email: string, password: string): Promise<Stored<'user'> | Refusal> {
    const user = await storage.getByKey('user', email);
    if (!user) {
      await hasher.dummyVerify(password);
      return { refused: 'unknown-account' };
    }
    const right = await hasher.verify(password, user.doc.passwordHash);
    if (!right) return { refused: 'wrong-password', userId: user.doc.id };
    return user.doc.status === 'active' ? user : { refused: 'disabled', userId: user.doc.id };
  }

  /** Hashes with today's parameters when the stored hash has others. Somebody else's change at the same moment wins. */
  async function rehashed(user: Stored<'user'>, password: string): Promise<Stored<'user'>> {
    if (!hasher.needsRehash(user.doc.passwordHash)) return user;
    const doc: User = { ...user.doc, passwordHash: await hasher.hash(password) };
    await storage.commit({ change: { op: 'update', kind: 'user', doc, expect: user.revision } });
    return user;
  }

  async function begin(
    caller: Caller,
    { doc: user }: Stored<'user'>,
    audit: (session: Session, asUser: Caller) => AuditEntry[],
  ): Promise<TokenPair> {
    const id = ids.next('ses');
    const now = clock.now();
    const { token, hash } = refreshTokens.issue(id);
    const session: Session = {
      id,
      userId: user.id,
      status: 'active',
      refreshHash: hash,
      rotations: 0,
      // Not before the instant from which sessions count, even when the clock has stepped back since.
      createdAt: Math.max(now, user.tokensValidFrom),
      expiresAt: now + deps.refreshLifeMs,
    };
    const asUser: Caller = { ...caller, actor: { kind: 'user', id: user.id, role: user.role, sessionId: id } };
    await storage.commit({ change: { op: 'insert', kind: 'session', doc: session }, audit: audit(session, asUser) });
    // The password may have been changed, or the user disabled, while it was being checked.
    const current = await storage.get('user', user.id);
    if (current?.doc.status !== 'active' || current.doc.tokensValidFrom !== user.tokensValidFrom) {
      await revoke(id, []);
      throw new AppError('login-failed');
    }
    return pairOf(session, user.role, token);
  }

  async function pairOf(session: Session, role: Role, refreshToken: string): Promise<TokenPair> {
    const access = await deps.tokens.issue({ userId: session.userId, sessionId: session.id, role });
    const left = Math.floor((session.expiresAt - clock.now()) / 1000);
    return {
      accessToken: access.token,
      expiresInSeconds: Math.max(0, Math.min(access.expiresInSeconds, left)),
      refreshToken,
    };
  }

  /**
   * Gives a new pair for the newest refresh token of a login. An older one means that two hold it: the whole login is revoked. That holds for the same
   * token sent twice at once too: which of the two is the thief cannot be told, so there is no grace time; a client refreshes once and waits.
   * Errors: `refresh-refused`.
   */
  async function refresh(caller: Caller, token: string, { network }: Origin): Promise<TokenPair> {
    const presented = refreshTokens.parse(token);
    if (!presented) throw refused();
    const session = await storage.get('session', presented.sessionId);
    const user = session && (await storage.get('user', session.doc.userId));
    const now = clock.now();
    if (!session || !user || !isLive(session.doc, user.doc, now)) throw refused();
    const asUser: Caller = {
      ...caller,
      actor: { kind: 'user', id: user.doc.id, role: user.doc.role, sessionId: session.doc.id },
    };
    if (!refreshTokens.isNewest(session.doc, presented)) {
      // Not by the user: whoever sent it may not be.
      const details = { user: user.doc.id, network: pseudonym(network) };
      await revoke(session.doc.id, [deps.audit(caller, 'session.reuse', session.doc.id, details)]);
      throw refused();
    }
    const next = refreshTokens.issue(session.doc.id);
    const doc: Session = {
      ...session.doc,
      refreshHash: next.hash,
      rotations: session.doc.rotations + 1,
      expiresAt: Math.min(now + deps.refreshLifeMs, session.doc.createdAt + sessionLifeMs(deps.refreshLifeMs)),
    };
    const result = await storage.commit({
      change: { op: 'update', kind: 'session', doc, expect: session.revision },
      audit: [deps.audit(asUser, 'session.refresh', doc.id, { rotations: doc.rotations })],
    });
    if (result.outcome === 'committed') return pairOf(doc, user.doc.role, next.token);
    // Refreshed or revoked in the meantime: what was presented is not the newest any more, or the login has ended.
    return refresh(caller, token, { network });
  }

  /** Ends the login of the access token. */
  async function logout(caller: Caller): Promise<void> {
    const { sessionId } = signedInPerson(caller.actor);
    await revoke(sessionId, [deps.audit(caller, 'session.logout', sessionId)]);
  }

  async function revoke(id: string, audit: AuditEntry[]): Promise<void> {
    for (;;) {
      const session = await storage.get('session', id);
      if (session?.doc.status !== 'active') return;
      const doc: Session = { ...session.doc, status: 'revoked' };
      const result = await storage.commit({
        change: { op: 'update', kind: 'session', doc, expect: session.revision },
        audit,
      });
      // A refresh came in between: again, with what it made of the session.
      if (result.outcome === 'committed') return;
    }
  }

  /**
   * Changes one's own password, ends every login of the user (this one too) and begins a new one, whose tokens are returned.
   * Errors: `value-refused` (the current password is wrong, the new one too weak), `login-throttled`, `revision-mismatch`, `forbidden`.
   */
  async function changePassword(caller: Caller, input: { current: string; next: string } & Origin): Promise<TokenPair> {
    const person = signedInPerson(caller.actor);
    const user = await storage.get('user', person.id);
    if (!user) throw new AppError('unauthenticated');
    const details = { account: pseudonym(user.doc.email), network: pseudonym(input.network) };
    const attempt = await throttle.attempt(details, async () =>
      (await hasher.verify(input.current, user.doc.passwordHash)) ? true : undefined,
    );
    if ('throttled' in attempt) throw throttled(attempt.throttled);
    if ('failed' in attempt) {
      const audit = [deps.audit(caller, 'password.refuse', person.id, details)];
      if (attempt.closed) audit.push(throttleEntry(caller, person.id, details, attempt.closed));
      await storage.commit({ change: { op: 'none' }, audit });
      throw passwordRefused('/current', 'wrong-password', 'This is not your current password.');
    }
    const problem = passwordProblem(input.next, [user.doc.email]);
    if (problem !== undefined) throw passwordRefused('/new', 'weak-password', problem);
    const passwordHash = await hasher.hash(input.next);
    const now = clock.now();
    const doc: User = { ...user.doc, passwordHash, tokensValidFrom: endingAllSessions(user.doc, now), updatedAt: now };
    const result = await storage.commit({
      change: { op: 'update', kind: 'user', doc, expect: user.revision },
      audit: [deps.audit(caller, 'password.change', person.id)],
    });
    if (result.outcome !== 'committed') throw new AppError('revision-mismatch');
    await revokeSessions(storage, person.id);
    return begin(caller, { doc, revision: result.revision }, (session, asUser) => [
      deps.audit(asUser, 'session.begin', session.id),
    ]);
  }

  /** Who the caller is, and what it may do. Errors: `forbidden` for who is neither a person nor an API token. */
  async function me({ actor }: Caller): Promise<Me> {
    if (actor.kind === 'token') return { kind: 'token', id: actor.id, permissions: actor.scopes };
    const user = await storage.get('user', signedInPerson(actor).id);
    if (!user) throw new AppError('unauthenticated');
    return { kind: 'user', user: user.doc, permissions: rolePermissions[user.doc.role] };
  }

  function throttleEntry(caller: Caller, subject: string, details: Attempt, limit: 'account' | 'network'): AuditEntry {
    return deps.audit(caller, 'login.throttle', subject, { ...details, limit });
  }

  function throttled({ retryAfterSeconds }: { retryAfterSeconds: number }): AppError {
    metrics.count('formstead_logins_total', { outcome: 'throttled' });
    return new AppError('login-throttled', { retryAfterSeconds, detail: `Try again in ${retryAfterSeconds} s.` });
  }

  return { login, refresh, logout, changePassword, me };
}
export type Sessions = ReturnType<typeof createSessions>;

const refused = (): AppError => new AppError('refresh-refused', { detail: 'Sign in again with your password.' });

export function passwordRefused(pointer: string, code: string, detail: string): AppError {
  return new AppError('value-refused', { issues: [{ pointer, code, detail }] });
}
