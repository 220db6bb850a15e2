import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createApiTokens } from '#app/access/api-tokens.ts';
import { createAuthenticate } from '#app/access/authenticate.ts';
import { createSessions } from '#app/access/sessions.ts';
import { createUsers } from '#app/access/users.ts';
import { createAuditor } from '#app/audit.ts';
import { createAuditSealer } from '#app/audit-seal.ts';
import type { Role } from '#domain/actor.ts';
import { createPaging } from '#http/paging.ts';
import { auditRoutes } from '#http/routes/audit.ts';
import { authRoutes } from '#http/routes/auth.ts';
import { tokenRoutes } from '#http/routes/tokens.ts';
import { userRoutes } from '#http/routes/users.ts';
import { createServer } from '#http/server.ts';
import type { Cache } from '#ports/cache.ts';
import { createMemoryCache } from '../../src/adapters/cache-memory/cache.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { createKeyRing } from '../../src/adapters/keyring-node/key-ring.ts';
import { createPasswordFile } from '../../src/adapters/password-file-fs/password-file.ts';
import { createPasswordHasher } from '../../src/adapters/passwords-argon2/password-hasher.ts';
import { openSqliteStorage } from '../../src/adapters/storage-sqlite/storage.ts';
import { createAccessTokens } from '../../src/adapters/tokens-jose/access-tokens.ts';
import { createMovableClock, createRecordingLog, createRecordingMetrics } from './task-world.ts';

export const secret = 'a-secret-for-tests-a-secret-for-tests';
export const goodPassword = 'lantern-orbit-meadow-42';
export const dayMs = 86_400_000;
const windowMs = 900_000;

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into, and a wrong guess fails the test.
export type Answer = { status: number; headers: Headers; body: any };
export type Ask = { token?: string; body?: unknown; from?: string };
export type Pair = { access_token: string; refresh_token: string; expires_in: number };

/** The real server on a real port, a real store, real hashes (small ones) and tokens; only the clock can be moved on. */
export async function openAccessWorld(t: TestContext, options: { cache?: Partial<Cache> } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'formstead-access-'));
  const storage = await openSqliteStorage({ dir, synchronous: 'normal' });
  const clock = createMovableClock();
  const ids = createIds({ clock });
  const log = createRecordingLog();
  const metrics = createRecordingMetrics();
  const keyRing = createKeyRing({ current: secret });
  const paging = createPaging({ keyRing });
  const audit = createAuditor({ ids, clock });
  const checks = { verify: 0, dummyVerify: 0 };
  const argon2 = createPasswordHasher({ atOnce: 2, memoryKib: 64 });
  const hasher: typeof argon2 = {
    ...argon2,
    verify: (password, stored) => {
      checks.verify += 1;
      return argon2.verify(password, stored);
    },
    dummyVerify: (password) => {
      checks.dummyVerify += 1;
      return argon2.dummyVerify(password);
    },
  };
  const cache = { ...createMemoryCache({ clock }), ...options.cache };
  const tokens = createAccessTokens({ keyRing, clock, lifeSeconds: 3600 });
  const limits = { perAccount: 3, perNetwork: 8, windowMs };
  const deps = { storage, hasher, tokens, keyRing, ids, clock, cache, audit, metrics, log, limits };
  const sessions = createSessions({ ...deps, refreshLifeMs: 30 * dayMs });
  const passwordFile = createPasswordFile({ dataDir: dir });
  const users = createUsers({ ...deps, passwordFile });
  const apiTokens = createApiTokens(deps);
  const sealer = createAuditSealer(deps);
  const server = createServer({
    log,
    metrics,
    authenticate: createAuthenticate({ storage, tokens, apiTokens, clock }),
    health: { checks: {}, clock, startedAt: clock.now() },
    version: '0.0.0',
    // The tests come through a proxy, so that they can come from anywhere.
    trustedProxies: ['127.0.0.1'],
    shuttingDown: () => false,
    register: (api) => {
      authRoutes(api, { sessions });
      userRoutes(api, { users, paging });
      tokenRoutes(api, { apiTokens, paging });
      auditRoutes(api, { storage, paging });
    },
  });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const base = `${address}/api/v1`;
  t.after(async () => {
    await server.close();
    await storage.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function call(method: string, path: string, { token, body, from = '192.0.2.1' }: Ask = {}): Promise<Answer> {
    const response = await fetch(base + path, {
      method,
      headers: {
        'x-forwarded-for': from,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }
  const login = (email: string, password = goodPassword, from?: string) =>
    call('POST', '/auth/login', { body: { email, password }, from });

  return {
    dir,
    storage,
    hasher,
    passwordFile,
    clock,
    ids,
    log,
    metrics,
    keyRing,
    audit,
    checks,
    limits,
    sessions,
    users,
    apiTokens,
    sealer,
    server,
    call,
    login,
    refresh: (refreshToken: string) => call('POST', '/auth/refresh', { body: { refresh_token: refreshToken } }),
    /** Adds a user with `goodPassword`; returns the id. */
    async addUser(email: string, role: Role): Promise<string> {
      const caller = { actor: { kind: 'operator', id: 'test' } } as const;
      return (await users.create(caller, { email, role, password: goodPassword })).doc.id;
    },
    async signIn(email: string, password?: string): Promise<Pair> {
      const answer = await login(email, password);
      if (answer.status !== 200) throw new Error(`login answered ${answer.status}`);
      return answer.body;
    },
    /** Actions in the audit log, oldest first. */
    async actions(): Promise<string[]> {
      return (await storage.audit.list({ limit: 1000 })).items.map(({ entry }) => entry.action).reverse();
    },
  };
}

export type AccessWorld = Awaited<ReturnType<typeof openAccessWorld>>;
