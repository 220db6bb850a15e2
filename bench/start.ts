/**
 * How long from `npm start` to the first accepted response (target 1.5 s), on a fresh data directory (sign in, make a form, publish it, post) and on an
 * existing one (post); and what the idle server keeps in memory (target 160 MB RSS for its process and all that descend from it; npm, which stays as its parent,
 * is printed beside it). PSS divides what processes share among them; with one process it is a little less than RSS.
 * Usage: node bench/start.ts [--starts 5] [--idle 10] [--record]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createReport, median } from './baselines.ts';

const { values } = parseArgs({
  options: {
    starts: { type: 'string', default: '5' },
    idle: { type: 'string', default: '10' },
    record: { type: 'boolean', default: false },
  },
});
const { say, record } = createReport('start');
const target = { startMs: 1500, rssMb: 160 };
const root = fileURLToPath(new URL('..', import.meta.url));
const admin = { email: 'admin@example.org', password: 'a bench needs no secret' };
const definition = { elements: [{ type: 'comment', name: 'message', isRequired: true }] };

const dir = mkdtempSync(join(tmpdir(), 'formstead-start-'));

type Started = { npm: ChildProcess; base: string; from: number };

async function npmStart(dataDir: string): Promise<Started> {
  const env = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    // Of this run alone: the first start of all finds nothing compiled.
    NODE_COMPILE_CACHE: join(dir, 'compiled'),
    FORMSTEAD_DATA_DIR: dataDir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
  };
  const from = performance.now();
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  for await (const line of createInterface({ input: npm.stdout })) {
    if (!line.includes('"msg":"listening"')) continue;
    // Nobody reads on: what the server logs from now on must not fill the pipe.
    npm.stdout.resume();
    return { npm, base: `${JSON.parse(line).url}/api/v1`, from };
  }
  throw new Error('the server ended before it listened');
}

/** The server gets the signal itself, as from a service manager; npm ends after it. */
async function stop({ npm }: Started): Promise<void> {
  const gone = once(npm, 'exit');
  process.kill(serverOf(npm.pid!), 'SIGTERM');
  await gone;
}

async function post<T>(url: string, body: unknown, token?: string): Promise<T> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/** Milliseconds from `npm start` to the 202; on a fresh directory everything that must come before it is made. */
async function firstAccepted(started: Started, formId?: string): Promise<{ ms: number; formId: string }> {
  const { base, from } = started;
  let id = formId;
  if (id === undefined) {
    const { access_token } = await post<{ access_token: string }>(`${base}/auth/login`, admin);
    ({ id } = await post<{ id: string }>(`${base}/forms`, { title: 'Bench', definition }, access_token));
    await post(`${base}/forms/${id}/publish`, {}, access_token);
  }
  await post(`${base}/forms/${id}/responses`, { answers: { message: 'Good morning' } });
  return { ms: performance.now() - from, formId: id };
}

type Process = { pid: number; parent: number; command: string };

function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
        return [
          { pid: Number(name), parent, command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') },
        ];
      } catch {
        return [];
      }
    });
}

/** The process and all that descend from it. */
function treeOf(pid: number): Process[] {
  const all = processes();
  const tree = all.filter((one) => one.pid === pid);
  for (const member of tree) tree.push(...all.filter(({ parent }) => parent === member.pid));
  return tree;
}

function serverOf(npmPid: number): number {
  const server = treeOf(npmPid).find(({ command }) => /^\S*node\S* .*main\.js serve/.test(command));
  if (server === undefined) throw new Error('npm start runs no server');
  return server.pid;
}

/** Megabytes of 1024² bytes. */
function memoryOf(tree: Process[]): { rss: number; pss: number } {
  const kilobytes = (file: string, field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))![1]);
  const sum = (of: (pid: number) => number) => tree.reduce((total, { pid }) => total + of(pid), 0) / 1024;
  return {
    rss: sum((pid) => kilobytes(`/proc/${pid}/status`, 'VmRSS')),
    pss: sum((pid) => kilobytes(`/proc/${pid}/smaps_rollup`, 'Pss')),
  };
}

/** The idle server: its own processes, and with npm around them. */
async function idleMemory({ npm }: Started) {
  await pause(Number(values.idle) * 1000);
  const server = treeOf(serverOf(npm.pid!));
  return { processes: server.length, own: memoryOf(server), whole: memoryOf(treeOf(npm.pid!)) };
}

let started: Started | undefined;
try {
  started = await npmStart(join(dir, 'first'));
  const cold = await firstAccepted(started);
  const coldMemory = await idleMemory(started);
  await stop(started);
  const fresh: number[] = [];
  const existing: number[] = [];
  for (let n = 0; n < Number(values.starts); n += 1) {
    const dataDir = join(dir, String(n));
    started = await npmStart(dataDir);
    const first = await firstAccepted(started);
    fresh.push(first.ms);
    await stop(started);
    started = await npmStart(dataDir);
    existing.push((await firstAccepted(started, first.formId)).ms);
    if (n + 1 < Number(values.starts)) await stop(started);
  }
  const { own, whole, processes } = await idleMemory(started);
  const line = (ms: number[]) => `${Math.round(median(ms))} ms (${ms.map(Math.round).join(', ')})`;
  const mb = ({ rss, pss }: { rss: number; pss: number }) => `${rss.toFixed(0)} MB RSS, ${pss.toFixed(0)} MB PSS`;
  say(`npm start to the first accepted response, below ${target.startMs} ms:
  fresh directory     ${line(fresh)}
  existing directory  ${line(existing)}
idle for ${values.idle} s, below ${target.rssMb} MB RSS:
  the server          ${mb(own)}, ${processes} process${processes === 1 ? '' : 'es'}
  with npm around it  ${mb(whole)}
the very first start, when nothing is compiled yet (after an installation or an upgrade):
  fresh directory     ${Math.round(cold.ms)} ms
  the server, idle    ${mb(coldMemory.own)}`);
  await stop(started);
  started = undefined;
  if (values.record) record();
  if (median(fresh) > target.startMs || median(existing) > target.startMs || own.rss > target.rssMb)
    process.exitCode = 1;
} finally {
  // The whole group: npm, its shell, the server.
  if (started) process.kill(-started.npm.pid!, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
}
