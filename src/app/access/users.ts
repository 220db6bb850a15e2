import type { User } from '#domain/account.ts';
import { type Actor, may, type Role, rolePermissions } from '#domain/actor.ts';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import { passwordProblem } from '#domain/password.ts';
import type { Clock } from '#ports/clock.ts';
import type { Ids } from '#ports/ids.ts';
import type { PasswordFile } from '#ports/password-file.ts';
import type { PasswordHasher } from '#ports/password-hasher.ts';
import type { Storage, Stored } from '#ports/storage.ts';
import type { Auditor, Caller } from '../audit.ts';
import { every } from '../every.ts';
import { endingAllSessions, normalEmail, revokeSessions } from './authenticate.ts';
import { passwordRefused } from './sessions.ts';

export type NewUser = { email: string; name?: string; role: Role; password: string };
/** `name: null` takes the name away. */
export type UserChange = { name?: string | null; role?: Role; status?: User['status']; password?: string };

export type EnsuredAdmin =
  | { created: false }
  /** `generatedPassword` is to be shown, once; it is in the password file already. */
  | { created: true; user: User; generatedPassword: string | undefined };

type Deps = {
  storage: Pick<Storage, 'commit' | 'get' | 'list'>;
  hasher: Pick<PasswordHasher, 'hash'>;
  passwordFile: Pick<PasswordFile, 'write' | 'remove'>;
  ids: Ids;
  clock: Clock;
  audit: Auditor;
};

/** 144 bits, 24 characters. */
const generatedPasswordBytes = 18;
const mostConflicts = 5;

export function createUsers(deps: Deps) {
  const { storage, hasher, ids, clock } = deps;

  /** Errors: `already-exists`, `value-refused` (password), `forbidden` for a role that may do more than the caller. */
  async function create(caller: Caller, input: NewUser): Promise<Stored<'user'>> {
    mustCover(caller.actor, input.role);
    const doc = await newUser(input);
    const audit = [deps.audit(caller, 'user.create', doc.id, { role: doc.role })];
    const result = await storage.commit({ change: { op: 'insert', kind: 'user', doc }, audit });
    if (result.outcome === 'exists') {
      throw new AppError('already-exists', { detail: `There is a user with this e-mail address: ${result.id}.` });
    }
    return { revision: 1, doc };
  }

  async function newUser(input: NewUser): Promise<User> {
    const email = normalEmail(input.email);
    const passwordHash = await hashOf(input.password, email);
    const now = clock.now();
    return {
      id: ids.next('usr'),
      email,
      name: input.name,
      role: input.role,
      status: 'active',
      passwordHash,
      tokensValidFrom: now,
      createdAt: now,
      updatedAt: now,
    };
  }

  /** Errors: `value-refused`. */
  async function hashOf(password: string, email: string): Promise<string> {
    const problem = passwordProblem(password, [email]);
    if (problem !== undefined) throw passwordRefused('/password', 'weak-password', problem);
    return hasher.hash(password);
  }

  async function get(id: string): Promise<Stored<'user'>> {
    const found = await storage.get('user', id);
    if (!found) throw new AppError('not-found', { detail: `There is no user ${id}.` });
    return found;
  }

  /**
   * A new password and disabling end every login of the user; another role counts from the next request on.
   * Errors: `not-found`, `conflict` (the last active administrator), `value-refused` (password), `forbidden`, `revision-mismatch`.
   */
  async function update(caller: Caller, id: string, change: UserChange): Promise<Stored<'user'>> {
    const { email } = (await get(id)).doc;
    const passwordHash = change.password === undefined ? undefined : await hashOf(change.password, email);
    for (let conflicts = 0; conflicts < mostConflicts; conflicts++) {
      const current = await get(id);
      mustCover(caller.actor, current.doc.role);
      mustCover(caller.actor, change.role ?? current.doc.role);
      const doc = changed(current.doc, change, passwordHash, clock.now());
      const risky = isActiveAdmin(current.doc) && !isActiveAdmin(doc);
      if (risky && !(await hasActiveAdmin(id))) throw lastAdmin();
      const result = await replace(doc, current.revision, [auditOf(caller, id, change)]);
      if (result === undefined) continue;
      // Two administrators who demote each other at the same moment have both passed the check above.
      if (risky && !(await hasActiveAdmin())) {
        const restored = { ...doc, role: current.doc.role, status: current.doc.status };
        await replace(restored, result.revision, [deps.audit(caller, 'user.restore', id)]);
        throw lastAdmin();
      }
      if (doc.tokensValidFrom !== current.doc.tokensValidFrom) await revokeSessions(storage, id);
      return result;
    }
    throw new AppError('revision-mismatch', { detail: 'Somebody else is changing this user; try again.' });
  }

  async function replace(doc: User, expect: number, audit: AuditEntry[]): Promise<Stored<'user'> | undefined> {
    const result = await storage.commit({ change: { op: 'update', kind: 'user', doc, expect }, audit });
    return result.outcome === 'committed' ? { revision: result.revision, doc } : undefined;
  }

  function auditOf(caller: Caller, id: string, change: UserChange): AuditEntry {
    const details = { fields: Object.keys(change).sort(), role: change.role ?? null, status: change.status ?? null };
    return deps.audit(caller, 'user.update', id, details);
  }

  async function hasActiveAdmin(otherThan?: string): Promise<boolean> {
    for await (const admin of every(storage, 'user', { where: { role: 'admin' } }))
      if (isActiveAdmin(admin) && admin.id !== otherThan) return true;
    return false;
  }

  /**
   * The first administrator, when there is no user at all; with users this does nothing, whatever they are: a password that was changed stays changed.
   * Without `password` one is made, and is in the password file before the user exists: a process that dies on the way leaves a password that can be read,
   * or no user. Errors: `value-refused`; `storage-unavailable` when the file cannot be written (there is no user then) or the store does not commit.
   */
  async function ensureAdmin(input: { email: string; password?: string }): Promise<EnsuredAdmin> {
    if ((await storage.list('user', { limit: 1 })).items.length > 0) return { created: false };
    const generated =
      input.password === undefined
        ? Buffer.from(ids.randomBytes(generatedPasswordBytes)).toString('base64url')
        : undefined;
    const password = input.password ?? generated!;
    const user = await newUser({ email: input.email, role: 'admin', password });
    const kept = generated === undefined ? undefined : { email: user.email, password: generated };
    if (kept) await deps.passwordFile.write(kept);
    const caller: Caller = { actor: { kind: 'system', id: 'start' } };
    const result = await storage.commit({
      change: { op: 'insert', kind: 'user', doc: user },
      audit: [deps.audit(caller, 'user.create', user.id, { role: 'admin' })],
    });
    // Another process was first, with the same address: our password opens nothing.
    if (result.outcome !== 'committed') {
      if (kept) await deps.passwordFile.remove(kept);
      return { created: false };
    }
    return { created: true, user, generatedPassword: generated };
  }

  return {
    create,
    get,
    update,
    ensureAdmin,
    list: (query: { limit: number; after?: string; role?: Role }) =>
      storage.list('user', { where: { role: query.role }, limit: query.limit, after: query.after, newestFirst: true }),
  };
}
export type Users = ReturnType<typeof createUsers>;

function changed(user: User, change: UserChange, passwordHash: string | undefined, now: number): User {
  const endsLogins = passwordHash !== undefined || (change.status === 'disabled' && user.status === 'active');
  return {
    ...user,
    name: change.name === undefined ? user.name : (change.name ?? undefined),
    role: change.role ?? user.role,
    status: change.status ?? user.status,
    passwordHash: passwordHash ?? user.passwordHash,
    tokensValidFrom: endsLogins ? endingAllSessions(user, now) : user.tokensValidFrom,
    updatedAt: now,
  };
}

/** Nobody makes or changes a user who may do more: an API token for managing users would else be every permission. */
function mustCover(actor: Actor, role: Role): void {
  const beyond = rolePermissions[role].filter((permission) => !may(actor, permission));
  if (beyond.length > 0) {
    throw new AppError('forbidden', { detail: `The role ${role} may do what you may not: ${beyond.join(', ')}.` });
  }
}

const isActiveAdmin = (user: User): boolean => user.role === 'admin' && user.status === 'active';

const lastAdmin = (): AppError =>
  new AppError('conflict', { detail: 'This is the last active administrator; make another one first.' });
