import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { type ApiClient, login } from '../../src/cli/demo/api-client.ts';
import { type ServerProcess, startServer } from '../../src/cli/demo/server-process.ts';

/* What the soak tests share: a server process with one published form, clients that remember what was acknowledged, a receiver of webhooks. */

export const admin = { email: 'admin@example.org', password: 'soak tests keep no secret' };

export function serverEnv(dataDir: string): Record<string, string> {
  return {
    FORMSTEAD_DATA_DIR: dataDir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8',
    // The machine is slowed down by the test itself; password hashes are not what it is about.
    FORMSTEAD_ARGON2_MEMORY: '64',
  };
}

export const definition = {
  elements: [
    { type: 'text', name: 'name', isRequired: true },
    { type: 'comment', name: 'message', isRequired: true },
  ],
};

export async function publishForm(api: ApiClient): Promise<string> {
  const intelligence = {
    extract: { fields: [{ name: 'email', type: 'email' }] },
    respond: { instructions: 'Thank the person.' },
  };
  const { id } = await api.post<{ id: string }>('/forms', { title: 'Soak', definition, intelligence });
  await api.post(`/forms/${id}/publish`, {});
  return id;
}

export type Submission = { key: string; answers: { name: string; message: string } };
export type Acknowledged = { key: string; responseId: string };

/** Undefined when the answer is lost or is no acknowledgement: then nobody knows whether the response was kept. */
export async function submit(url: string, formId: string, { key, answers }: Submission): Promise<string | undefined> {
  try {
    const response = await fetch(`${url}/api/v1/forms/${formId}/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ answers }),
    });
    const body = (await response.json()) as { response_id?: string };
    return response.status === 202 ? body.response_id : undefined;
  } catch {
    return undefined;
  }
}

/** Posts until `stopped`. Resolves to the submission whose answer never came, if there is one: its sender would send it again under the same key. */
export async function loadClient(options: {
  url: () => string;
  formId: string;
  name: string;
  /** Between an answer and the next request. */
  pauseMs?: number;
  stopped: () => boolean;
  onAcknowledged: (one: Acknowledged) => void;
}): Promise<Submission | undefined> {
  for (let n = 0; !options.stopped(); n += 1) {
    const key = `${options.name}-${n}`;
    const submission = {
      key,
      answers: { name: key, message: `Please write to ${key}@example.org about the order ${n}.` },
    };
    let responseId = await submit(options.url(), options.formId, submission);
    while (responseId === undefined) {
      if (options.stopped()) return submission;
      await pause(20);
      responseId = await submit(options.url(), options.formId, submission);
    }
    options.onAcknowledged({ key, responseId });
    if (options.pauseMs) await pause(options.pauseMs);
  }
  return undefined;
}

export type Receiver = {
  url: string;
  trust(secret: string): void;
  /** Times each webhook-id came, when it came first, and the response it tells of. */
  deliveries: Map<string, { times: number; at: number; responseId: string; body: string }>;
  problems: string[];
  /** When the last one came; of the clock of `performance.now()`. */
  lastAt: number;
  /**
   * The next delivery, of those whose body `which` wants, gets no answer: when `came` resolves to the address that it came from, its attempt is under way.
   * `release` calls that off.
   */
  holdNext(which?: (body: string) => boolean): { came: Promise<string>; release(): void };
  stop(): void;
};

/** Checks every signature with the package `standardwebhooks`, and that a repeated webhook-id brings the very same body. */
export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  let webhook: Webhook | undefined;
  let held: { which(body: string): boolean; came(from: string): void } | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const id = String(request.headers['webhook-id']);
      try {
        webhook!.verify(body, request.headers as Record<string, string>);
        const before = receiver.deliveries.get(id);
        if (before && before.body !== body) receiver.problems.push(`webhook ${id} came again with another body`);
        const { data } = JSON.parse(body) as { data: { id: string } };
        receiver.lastAt = performance.now();
        const { times, at } = before ?? { times: 0, at: receiver.lastAt };
        receiver.deliveries.set(id, { times: times + 1, at, responseId: data.id, body });
      } catch (err) {
        receiver.problems.push(`webhook ${id}: ${(err as Error).message}`);
      }
      if (held === undefined || !held.which(body)) return response.writeHead(204).end();
      held.came(request.socket.remoteAddress!);
      held = undefined;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const receiver: Receiver = {
    url: `http://${host}:${(server.address() as AddressInfo).port}/`,
    trust(secret) {
      webhook = new Webhook(secret);
    },
    deliveries: new Map(),
    problems: [],
    lastAt: 0,
    holdNext(which = () => true) {
      const { promise, resolve } = Promise.withResolvers<string>();
      held = { which, came: resolve };
      return {
        came: promise,
        release() {
          held = undefined;
        },
      };
    },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
  return receiver;
}

export type VerdictJson = {
  responses: number;
  chains: number;
  completed: number;
  pending: number;
  dead: number;
  problems: string[];
};

export async function verifyDir(dataDir: string): Promise<VerdictJson> {
  const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
  const env = { PATH: process.env.PATH, FORMSTEAD_DATA_DIR: dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [main, 'verify', '--json'], {
    env,
    maxBuffer: 1e8,
  }).catch((err: { stdout: string; stderr: string }) => {
    if (!err.stdout) throw new Error(`verify said nothing: ${err.stderr}`);
    return err;
  });
  return JSON.parse(stdout) as VerdictJson;
}

/** Starts a server and kills it after that many milliseconds, wherever it is by then. True when it had not listened yet. */
export async function killWhileStarting(env: Record<string, string>, afterMs: number): Promise<boolean> {
  const main = new URL('../../src/cli/main.js', import.meta.url).pathname;
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const gone = once(child, 'exit');
  await pause(afterMs);
  child.kill('SIGKILL');
  await gone;
  return !said.includes('"listening"');
}

export async function everyResponseId(api: ApiClient, formId: string): Promise<Set<string>> {
  const ids = new Set<string>();
  let cursor = '';
  do {
    const page: { items: { id: string }[]; next_cursor: string | null } = await api.get(
      `/forms/${formId}/responses?limit=1000${cursor && `&cursor=${cursor}`}`,
    );
    for (const { id } of page.items) ids.add(id);
    cursor = page.next_cursor ?? '';
  } while (cursor);
  return ids;
}

export { login, type ServerProcess, startServer };
