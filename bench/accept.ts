/**
 * Durable acceptances per second of the whole program (HTTP, validation, receipt, task, commit) at 100 connections, beside bare servers that write
 * the same rows: by the same group commit (Formstead's own storage thread), by a group commit in their only thread, and with one fsync for each response. All in the same run, in turns, since the machine's
 * speed drifts. The server runs without workers here: it commits the tasks, as the bare servers do, and nobody works on them while the others are
 * measured. At the end once more with workers, which read the responses on the same processors meanwhile. Usage: node bench/accept.ts [--seconds 5] [--rounds 3] [--connections 100] [--record]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { barePort, type Child, serverPort, startChild } from './accept/children.ts';
import { createReport, median } from './baselines.ts';
import contact from './contact-form.json' with { type: 'json' };

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '100' },
    record: { type: 'boolean', default: false },
  },
});
const { say, record } = createReport('accept');
const here = (name: string) => new URL(name, import.meta.url).pathname;

const { definition, intelligence, answers } = contact;
const body = JSON.stringify({ answers });

type Figures = { rate: number; p95: number };

async function load(url: string): Promise<Figures> {
  const options = {
    url,
    method: 'POST' as const,
    headers: { 'content-type': 'application/json' },
    body,
    connections: Number(values.connections),
  };
  await autocannon({ ...options, duration: 1 });
  const result = await autocannon({ ...options, duration: Number(values.seconds) });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${url}: ${result.non2xx} answers were not 2xx, ${result.errors} errors`);
  // autocannon has no p95; p97.5 is stricter.
  return { rate: result.requests.average, p95: result.latency.p97_5 };
}

async function startFormstead(dir: string, ...options: string[]): Promise<{ child: Child; url: string }> {
  const env = {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_LOG_LEVEL: 'info',
    FORMSTEAD_ADMIN_EMAIL: 'admin@example.org',
    FORMSTEAD_ADMIN_PASSWORD: 'a bench needs no secret',
  };
  const child = await startChild(here('../src/cli/main.js'), ['serve', ...options], env, serverPort);
  const base = `http://127.0.0.1:${child.port}/api/v1`;
  const call = async (path: string, payload: unknown, token?: string) => {
    const headers = { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const response = await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(payload) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json() as Promise<Record<string, string>>;
  };
  const { access_token } = await call('/auth/login', {
    email: env.FORMSTEAD_ADMIN_EMAIL,
    password: env.FORMSTEAD_ADMIN_PASSWORD,
  });
  const form = await call('/forms', { title: 'Bench', definition, intelligence }, access_token);
  await call(`/forms/${form.id}/publish`, {}, access_token);
  return { child, url: `${base}/forms/${form.id}/responses` };
}

const dir = mkdtempSync(join(tmpdir(), 'formstead-bench-'));
try {
  const formstead = await startFormstead(join(dir, 'formstead'), '--no-workers');
  const group = await startChild(here('accept/bare-server.ts'), ['--dir', dir, '--commit', 'group'], {}, barePort);
  const thread = await startChild(here('accept/bare-server.ts'), ['--dir', dir, '--commit', 'thread'], {}, barePort);
  const rows: Record<
    'formstead' | 'bare, same group commit' | 'bare, group commit in its own thread' | 'bare, one fsync each',
    Figures[]
  > = {
    formstead: [],
    'bare, same group commit': [],
    'bare, group commit in its own thread': [],
    'bare, one fsync each': [],
  };
  const each = await startChild(
    here('accept/bare-server.ts'),
    ['--dir', mkdtempSync(join(dir, 'each-')), '--commit', 'each'],
    {},
    barePort,
  );
  for (let round = 0; round < Number(values.rounds); round += 1) {
    rows.formstead.push(await load(formstead.url));
    rows['bare, same group commit'].push(await load(`http://127.0.0.1:${thread.port}/`));
    rows['bare, group commit in its own thread'].push(await load(`http://127.0.0.1:${group.port}/`));
    rows['bare, one fsync each'].push(await load(`http://127.0.0.1:${each.port}/`));
  }
  const resident = formstead.child.mostResident();
  await Promise.all([formstead.child.stop(), thread.stop(), group.stop(), each.stop()]);
  const working = await startFormstead(join(dir, 'working'));
  const withWorkers = await load(working.url);
  await working.child.stop();
  say(
    `${values.connections} connections, ${Buffer.byteLength(body)} byte bodies, ${values.rounds} rounds of ${values.seconds} s, medians`,
  );
  for (const [name, figures] of Object.entries(rows)) {
    const rate = Math.round(median(figures.map((f) => f.rate)));
    say(`  ${name.padEnd(36)} ${String(rate).padStart(7)}/s   p97.5 ${median(figures.map((f) => f.p95))} ms`);
  }
  const ratio = (name: keyof typeof rows) =>
    median(rows.formstead.map((own, i) => own.rate / rows[name][i]!.rate)).toFixed(2);
  say(
    `  formstead / bare, same group commit:              ${ratio('bare, same group commit')} (at least 0.60; 0.80 is the aim)`,
  );
  say(`  formstead / bare, group commit in its own thread: ${ratio('bare, group commit in its own thread')}`);
  say(`  formstead / bare, one fsync each:                 ${ratio('bare, one fsync each')}`);
  say(
    `  with workers that read the responses meanwhile: ${Math.round(withWorkers.rate)}/s, p97.5 ${withWorkers.p95} ms`,
  );
  say(`  formstead had ${Math.round(resident)} MB in memory at most`);
  if (values.record) record();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
