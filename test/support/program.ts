import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog, startProgram } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';

export const admin = { email: 'admin@example.org', password: 'only for these tests' };

export type Answer = { status: number; headers: Headers; body: any; text: string };

export type TestProgram = {
  url: string;
  dir: string;
  /** A request as the administrator, as somebody else (`token`), or as nobody (`token: null`). Bodies that are no string are sent as JSON. */
  call(method: string, path: string, options?: { body?: unknown; token?: string | null; headers?: Record<string, string> }): Promise<Answer>;
  /** A published form; returns its id. */
  publish(form: { definition: unknown; intelligence?: unknown; settings?: unknown; title?: string; slug?: string }): Promise<string>;
  stop(): Promise<void>;
  /** Stops, and starts again on the same data. */
  restart(): Promise<void>;
};

/** The whole program in this process: real HTTP, real SQLite, real files, on a directory of its own. */
export async function startTestProgram(settings: Record<string, string> = {}): Promise<TestProgram> {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-test-'));
  const env = {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
    FORMSTEAD_ARGON2_MEMORY: '64',
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_LOG_LEVEL: 'error',
    FORMSTEAD_TIME_ZONE: 'UTC',
    ...settings,
  };
  const start = async () => {
    const loaded = loadConfig(env);
    if (!('config' in loaded)) throw new Error(loaded.mistakes.map(({ name, problem }) => `${name}: ${problem}`).join('; '));
    const log = await openLog(loaded.config);
    return startProgram(loaded.config, {
      log,
      version: 'test',
      onFatal: (err) => {
        throw err;
      },
    });
  };
  let running = await start();
  let token = await adminToken(running.url);

  const call: TestProgram['call'] = async (method, path, options = {}) => {
    const headers: Record<string, string> = {};
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    const bearer = options.token === undefined ? token : options.token;
    if (bearer !== null) headers.authorization = `Bearer ${bearer}`;
    const body = options.body === undefined || typeof options.body === 'string' ? options.body : JSON.stringify(options.body);
    const response = await fetch(`${running.url}${path.startsWith('/api') ? path : `/api/v1${path}`}`, {
      method,
      headers: { ...headers, ...options.headers },
      body: body as string | undefined,
      redirect: 'manual',
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json');
    return { status: response.status, headers: response.headers, body: isJson && text ? JSON.parse(text) : text, text };
  };

  return {
    get url() {
      return running.url;
    },
    dir,
    call,
    async publish(form) {
      const created = await call('POST', '/forms', { body: { title: 'Test form', ...form } });
      if (created.status !== 201) throw new Error(created.text);
      const published = await call('POST', `/forms/${created.body.id}/publish`, { body: {} });
      if (published.status !== 201) throw new Error(published.text);
      return created.body.id;
    },
    async stop() {
      await running.stop(2_000);
      rmSync(dir, { recursive: true, force: true });
    },
    async restart() {
      await running.stop(2_000);
      running = await start();
      token = await adminToken(running.url);
    },
  };
}

async function adminToken(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(admin),
  });
  if (!response.ok) throw new Error(await response.text());
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Waits until `done` gives something; errors after `ms`. */
export async function eventually<T>(done: () => Promise<T | undefined | false>, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await done();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
