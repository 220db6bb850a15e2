import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Answer, admin, request, tokenOf } from './program.ts';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export type Ended = { code: number | null; stdout: string; stderr: string };

/** No command of a test takes a quarter of it. Milliseconds. */
const commandMs = 120_000;

/** Runs a command of `formstead` to its end in a process of its own, in the folder `cwd` where that is named. Errors: it does not end, a server that was expected to refuse its start, say. */
export async function formstead(
  args: string[],
  env: Record<string, string> = {},
  input = '',
  cwd?: string,
): Promise<Ended> {
  const child = start(args, env, cwd);
  child.stdin!.end(input);
  const printed = { stdout: '', stderr: '' };
  const late = setTimeout(() => child.kill('SIGKILL'), commandMs);
  const end = await ended(child, printed);
  clearTimeout(late);
  if (end.code === null && child.signalCode === 'SIGKILL')
    throw new Error(`${args.join(' ')} did not end within ${commandMs} ms: ${printed.stdout}${printed.stderr}`);
  return end;
}

export type Served = {
  /** Empty for a worker. */
  url: string;
  /** What it has printed so far. */
  printed(): { stdout: string; stderr: string };
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process is gone. */
  gone: Promise<Ended>;
};

/** `formstead serve` or `formstead worker` in a process of its own, once it listens or works. Errors: when it ends before. */
async function running(args: string[], env: Record<string, string>): Promise<Served> {
  // The line that tells so is of this level.
  const child = start(args, { ...env, FORMSTEAD_LOG_LEVEL: 'info', ...unmeasured });
  child.stdin!.end();
  const printed = { stdout: '', stderr: '' };
  const gone = ended(child, printed);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', () => {
      const line = printed.stdout.split('\n').find((one) => /"(listening|working)"/.test(one));
      if (line) resolve(JSON.parse(line).url ?? '');
    });
    gone.then(({ code, stderr }) => reject(new Error(`${args.join(' ')} ended with ${code}: ${stderr}`)), reject);
  });
  return { url, printed: () => printed, signal: (name) => void child.kill(name), gone };
}

/** For a process that is killed: half a coverage file spoils the report of the whole run. */
export const unmeasured = { NODE_V8_COVERAGE: '' };

/** A directory that goes with the test. */
export function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-cli-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A running server that is ended with the test. */
export async function served(t: TestContext, env: Record<string, string>, args: string[] = []): Promise<Served> {
  return endedWith(t, await running(['serve', ...args], env));
}

/** A worker on these queues of the stack, that is ended with the test. */
export async function worked(t: TestContext, env: Record<string, string>, ...queues: string[]): Promise<Served> {
  return endedWith(t, await running(['worker', '--queue', ...queues], env));
}

function endedWith(t: TestContext, server: Served): Served {
  t.after(async () => {
    server.signal('SIGKILL');
    await server.gone;
  });
  return server;
}

/** A command that runs until it is ended, with the test at the latest. */
export function started(t: TestContext, args: string[], env: Record<string, string>) {
  const child = start(args, env);
  child.stdin!.end();
  const gone = ended(child);
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
  });
  return { kill: (name: NodeJS.Signals) => void child.kill(name), gone };
}

/** A published form with one comment, `message`, that is read and answered. */
export async function publish(url: string, slug = 'contact'): Promise<string> {
  const token = await tokenOf(url, admin);
  const definition = { elements: [{ type: 'comment', name: 'message' }] };
  const intelligence = { text: ['message'], respond: { instructions: 'Thank the person.' } };
  const body = { title: 'Contact', slug, definition, intelligence };
  const { id } = (await request(url, 'POST', '/forms', { token, body })).body;
  const published = await request(url, 'POST', `/forms/${id}/publish`, { token });
  assert.equal(published.status, 201, published.text);
  return id;
}

export function send(url: string, form: string, message: string): Promise<Answer> {
  return request(url, 'POST', `/forms/${form}/responses`, { body: { answers: { message } } });
}

/** A command in a process of its own, with none of the services' addresses unless `env` names them. */
export function start(args: string[], env: Record<string, string>, cwd?: string): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FORMSTEAD_|MONGODB_URL|REDIS_URL)/.test(name));
  return spawn(process.execPath, [main, ...args], { env: { ...Object.fromEntries(inherited), ...env }, cwd });
}

async function ended(child: ChildProcess, into = { stdout: '', stderr: '' }): Promise<Ended> {
  child.stdout!.on('data', (chunk) => {
    into.stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    into.stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, ...into };
}
