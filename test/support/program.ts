import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Verdict, verifyStore } from '../../src/app/verify.ts';
import { type Adapters, openAdapters, openLog, startProgram } from '../../src/compose.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import type { Role } from '../../src/domain/actor.ts';
import { sha256Hex } from '../../src/domain/hash.ts';
import type { KeptResponse } from '../../src/domain/response.ts';
import { type QueueName, queueNames } from '../../src/domain/task.ts';
import type { OpenApiDocument } from '../../src/http/openapi.ts';
import type { Kind, Stored } from '../../src/ports/storage.ts';
import { checkDeclared } from './declared-answers.ts';

export const admin = { email: 'admin@example.org', password: 'only for these tests' };

/** `body` is the parsed JSON, or the text of what is none. */
// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into, and a wrong guess fails the test.
export type Answer = { status: number; headers: Headers; body: any; text: string; bytes: Buffer };

export type Ask = {
  /** A string or bytes are sent as they are, anything else as JSON. */
  body?: unknown;
  /** Somebody else's token; null: nobody's. */
  token?: string | null;
  headers?: Record<string, string>;
};

export type FormToPublish = {
  definition: unknown;
  intelligence?: unknown;
  settings?: unknown;
  title?: string;
  slug?: string;
};

export type TestProgram = {
  readonly url: string;
  readonly dir: string;
  /** A request as the administrator unless `token` says otherwise; redirects are not followed. Fails when the OpenAPI document does not declare the answer. */
  call(method: string, path: string, options?: Ask): Promise<Answer>;
  /** A published form; returns its id. */
  publish(form: FormToPublish): Promise<string>;
  /** Posts a response as the public does; extra keys of the body by `more`. */
  send(
    form: string,
    answers: unknown,
    options?: { headers?: Record<string, string>; more?: Record<string, unknown> },
  ): Promise<Answer>;
  /** The same for an answer that must be a 202. */
  accepted(form: string, answers: unknown): Promise<{ response_id: string; task_id: string }>;
  /** Every response of a form, newest first, page by page. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  responses(form: string, query?: string): Promise<any[]>;
  /** The task once it has ended, as the administrator sees it. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  finished(taskId: string, ms?: number): Promise<any>;
  /** A new user of that role, signed in: the access token. */
  signIn(role: Role): Promise<string>;
  /** What `formstead verify` finds, beside the running program. */
  verify(): Promise<Verdict>;
  /** Responses as the store keeps them, by id. */
  documents(ids: readonly string[]): Promise<Map<string, KeptResponse>>;
  /** Any other document as the store keeps it, looked up beside the running program. */
  document<K extends Kind>(kind: K, id: string): Promise<Stored<K>['doc'] | undefined>;
  stop(): Promise<void>;
  /** Stops, and starts again on the same data, with other settings from now on where some are given, and to work on these queues. */
  restart(settings?: Record<string, string>, queues?: readonly QueueName[]): Promise<void>;
};

/**
 * The whole program in this process: real HTTP, real files, a real store of its own: SQLite in a directory, or with FORMSTEAD_TEST_SIZE=stack a database on the
 * MongoDB of MONGODB_URL and keys on the Redis of REDIS_URL.
 */
export async function startTestProgram(
  settings: Record<string, string> = {},
  workOn: readonly QueueName[] = queueNames,
): Promise<TestProgram> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-test-'));
  let env = testEnvironment(dir, settings);
  let users = 0;
  let queues = workOn;

  const start = async () => {
    const config = configOf(env);
    return startProgram(config, {
      log: await openLog(config),
      version: 'test',
      role: { api: true, queues },
      onFatal: (err) => {
        throw err;
      },
    });
  };
  let running = await start();
  const url = () => running.url!;
  let token = await tokenOf(url(), admin);
  const document: OpenApiDocument = (await request(url(), 'GET', '/openapi.json')).body;

  const program: TestProgram = {
    get url() {
      return url();
    },
    dir,
    async call(method, path, options = {}) {
      const bearer = options.token === undefined ? token : options.token;
      const answer = await request(url(), method, path, { ...options, token: bearer });
      checkDeclared(document, {
        method,
        path: targetOf(path),
        status: answer.status,
        contentType: answer.headers.get('content-type') ?? undefined,
        body: answer.body,
      });
      return answer;
    },
    async publish(form) {
      const created = await program.call('POST', '/forms', { body: { title: 'Test form', ...form } });
      if (created.status !== 201) throw new Error(created.text);
      const published = await program.call('POST', `/forms/${created.body.id}/publish`);
      if (published.status !== 201) throw new Error(published.text);
      return created.body.id;
    },
    send: (form, answers, { headers, more } = {}) =>
      program.call('POST', `/forms/${form}/responses`, { token: null, body: { answers, ...more }, headers }),
    async accepted(form, answers) {
      const answer = await program.send(form, answers);
      if (answer.status !== 202) throw new Error(answer.text);
      return answer.body;
    },
    async responses(form, query = '') {
      const items = [];
      let cursor = '';
      do {
        const page = await program.call('GET', `/forms/${form}/responses?limit=1000&${query}${cursor}`);
        if (page.status !== 200) throw new Error(page.text);
        items.push(...page.body.items);
        cursor = page.body.next_cursor === null ? '' : `&cursor=${page.body.next_cursor}`;
      } while (cursor !== '');
      return items;
    },
    finished: (taskId, ms) =>
      eventually(async () => {
        const { status, body, text } = await program.call('GET', `/tasks/${taskId}`);
        if (status !== 200) throw new Error(text);
        return ['succeeded', 'failed', 'cancelled'].includes(body.status) && body;
      }, ms),
    async signIn(role) {
      users += 1;
      const user = { email: `${role}-${users}@example.org`, password: 'another one for tests' };
      const made = await program.call('POST', '/users', { body: { ...user, role } });
      if (made.status !== 201) throw new Error(made.text);
      return tokenOf(url(), user);
    },
    verify: () => verdictOn(env),
    documents: (ids) => documentsOf(env, ids),
    document: (kind, id) => looking(env, async ({ storage }) => (await storage.get(kind, id))?.doc),
    async stop() {
      await running.stop(2_000);
      rmSync(dir, { recursive: true, force: true });
    },
    async restart(more = {}, others = queues) {
      await running.stop(2_000);
      env = { ...env, ...more };
      queues = others;
      running = await start();
      token = await tokenOf(url(), admin);
    },
  };
  return program;
}

/** Settings of a program for tests, in this process or in one of its own. */
export function testEnvironment(dir: string, settings: Record<string, string> = {}): Record<string, string> {
  return {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
    FORMSTEAD_ARGON2_MEMORY: '64',
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_LOG_LEVEL: 'error',
    FORMSTEAD_TIME_ZONE: 'UTC',
    ...(process.env.FORMSTEAD_TEST_SIZE === 'stack' && stackEnvironment(dir)),
    ...settings,
  };
}

/** The stack on the servers that MONGODB_URL and REDIS_URL name. The same directory is the same database. */
export function stackEnvironment(dir: string): Record<string, string> {
  const name = `formstead-${sha256Hex(dir).slice(0, 24)}`;
  const mongo = new URL(process.env.MONGODB_URL!);
  mongo.pathname = `/${name}`;
  return {
    MONGODB_URL: mongo.href,
    REDIS_URL: process.env.REDIS_URL!,
    FORMSTEAD_REDIS_PREFIX: name,
    FORMSTEAD_MONGODB_STANDALONE: 'on',
    // What a busy machine answers late is not wrong: the stand-in took up to 30 s for one insert while processes of the stack were killed and started.
    FORMSTEAD_MONGODB_TIMEOUT: '60s',
    FORMSTEAD_SECRET_KEY: 'a secret key that is for tests alone',
    FORMSTEAD_METRICS_PORT: '0',
  };
}

/** One HTTP request as a client makes it; `path` is relative to the API unless it begins with `//`. */
export async function request(url: string, method: string, path: string, options: Ask = {}): Promise<Answer> {
  const { body, token } = options;
  const plain = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...options.headers,
  };
  const response = await fetch(`${url}${targetOf(path)}`, {
    method,
    headers,
    body: plain ? (body as string | undefined) : JSON.stringify(body),
    redirect: 'manual',
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '') && text !== '';
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text, text, bytes };
}

const targetOf = (path: string): string => (path.startsWith('//') ? path.slice(1) : `/api/v1${path}`);

/** An access token. Errors: when the login is refused. */
export async function tokenOf(url: string, user: { email: string; password: string }): Promise<string> {
  const { status, body, text } = await request(url, 'POST', '/auth/login', { body: user });
  if (status !== 200) throw new Error(text);
  return body.access_token;
}

/** Reads the store of these settings as `formstead verify` does, beside a running program or after it. */
export function verdictOn(env: Record<string, string>): Promise<Verdict> {
  return looking(env, (adapters, { taskRetentionMs }) => verifyStore({ ...adapters, taskRetentionMs }));
}

function documentsOf(env: Record<string, string>, ids: readonly string[]): Promise<Map<string, KeptResponse>> {
  return looking(env, async ({ storage }) => {
    const found = new Map<string, KeptResponse>();
    for (const id of ids) {
      const stored = await storage.get('response', id);
      if (stored) found.set(id, stored.doc);
    }
    return found;
  });
}

async function looking<T>(
  env: Record<string, string>,
  look: (adapters: Adapters, config: Config) => Promise<T>,
): Promise<T> {
  const config = configOf(env);
  const adapters = await openAdapters(config, { log: await openLog(config), version: 'test', readOnly: true });
  try {
    return await look(adapters, config);
  } finally {
    await adapters.close();
  }
}

export function configOf(env: Record<string, string>): Config {
  const loaded = loadConfig(env);
  if ('config' in loaded) return loaded.config;
  throw new Error(loaded.mistakes.map(({ name, problem }) => `${name}: ${problem}`).join('; '));
}

/** The stand-in for MongoDB takes ten times as long as SQLite. Milliseconds. */
const patienceMs = process.env.FORMSTEAD_TEST_SIZE === 'stack' ? 120_000 : 20_000;

/** Waits until `done` gives something. Errors: when it does not within `ms`. */
export async function eventually<T>(done: () => Promise<T | undefined | false>, ms = patienceMs): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await done();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
