/**
 * People who look at their figures while responses come in (npm run bench:dashboards -- [--users 100] [--every 5] [--stored 50000] [--rate 0] [--seconds 20] [--rounds 2] [--record]): the whole
 * program with its workers takes in responses from 20 connections, for some seconds alone and for as many with so many users, each of whom asks one of the common
 * queries every few seconds. What a question takes, whose answers came from the cache, and how many responses a second were accepted beside the questions and without. `--rate`: so
 * many responses a second at most instead of all that goes. Exit 1 when a target is missed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { serverPort, startChild } from './accept/children.ts';
import { createReport, median } from './baselines.ts';
import contact from './contact-form.json' with { type: 'json' };

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '100' },
    every: { type: 'string', default: '5' },
    stored: { type: 'string', default: '50000' },
    rate: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '2' },
    record: { type: 'boolean', default: false },
  },
});
const [users, every, stored, rate, seconds, rounds] = [
  Number(values.users),
  Number(values.every),
  Number(values.stored),
  Number(values.rate),
  Number(values.seconds),
  Number(values.rounds),
];
const { say, record } = createReport('dashboards');
const { definition, intelligence, answers } = contact;
const questions: [name: string, params: Record<string, string>][] = [
  ['responses-over-time', {}],
  ['responses-over-time', { by: 'hour-of-week' }],
  ['trend', {}],
  ['labels', {}],
  ['confidence', {}],
  ['agreement', {}],
  ['reviews', {}],
  ['answers', { question: 'topic' }],
  ['numbers', { question: 'stars' }],
  ['histogram', { question: 'stars', steps: '4' }],
  ['respondents', { question: 'email' }],
  ['form', {}],
  ['search', { text: 'invoice', limit: '20' }],
];

const dir = mkdtempSync(join(tmpdir(), 'formstead-dashboards-'));
const admin = { email: 'admin@example.org', password: 'a bench needs no secret' };
const child = await startChild(
  new URL('../src/cli/main.js', import.meta.url).pathname,
  ['serve'],
  {
    FORMSTEAD_DATA_DIR: dir,
    FORMSTEAD_PORT: '0',
    FORMSTEAD_RATE_LIMIT: 'off',
    FORMSTEAD_LOG_LEVEL: 'info',
    FORMSTEAD_ADMIN_EMAIL: admin.email,
    FORMSTEAD_ADMIN_PASSWORD: admin.password,
  },
  serverPort,
);
const base = `http://127.0.0.1:${child.port}/api/v1`;
let token = '';
async function call(method: string, path: string, payload?: object) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(base + path, {
    method,
    headers,
    body: payload === undefined ? null : JSON.stringify(payload),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return { body: (await response.json()) as Record<string, string>, headers: response.headers };
}

/** In a thread of its own, so that what the users wait for is the server alone. */
const load = (formId: string, more: { duration: number } | { amount: number }) =>
  autocannon({
    url: `${base}/forms/${formId}/responses`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ answers }),
    connections: 20,
    workers: 1,
    ...(rate > 0 && { overallRate: rate }),
    ...more,
  }).then((result) => {
    if (result.non2xx > 0 || result.errors > 0)
      throw new Error(`${result.non2xx} answers were not 2xx, ${result.errors} errors`);
    return result.requests.average;
  });

/** Until what was sent ahead is understood. */
async function idle(): Promise<void> {
  for (;;) {
    const { body } = await call('GET', '/queues');
    const waiting = (body as unknown as { items: { depth: number; running: number }[] }).items;
    if (waiting.every(({ depth, running }) => depth + running === 0)) return;
    await sleep(500);
  }
}

async function finished(taskId: string): Promise<void> {
  for (;;) {
    const { body } = await call('GET', `/tasks/${taskId}`);
    if (body.status === 'succeeded') return;
    if (body.status === 'failed') throw new Error(JSON.stringify(body));
    await sleep(200);
  }
}

type Seen = { ms: number; hit: boolean; refused?: string };

/** One who looks, until `stop`: first after a part of the time that is another's. */
async function user(n: number, formId: string, stop: AbortSignal, seen: Seen[]) {
  await sleep((1000 * every * n) / users);
  for (let i = n; !stop.aborted; i += 1) {
    const [name, params] = questions[i % questions.length]!;
    const from = performance.now();
    const path = `/analytics/queries/${name}?${new URLSearchParams({ form_id: formId, ...params })}`;
    const outcome = await call('GET', path).then(
      ({ headers }) => ({ hit: headers.get('x-cache') === 'HIT' }),
      (err: Error) => ({ hit: false, refused: err.message }),
    );
    const ms = performance.now() - from;
    seen.push({ ms, ...outcome });
    await sleep(Math.max(0, 1000 * every - ms), undefined, { signal: stop }).catch(() => {});
  }
}

let missed = 0;
function target(what: string, value: string, good: boolean, wanted: string): void {
  if (!good) missed += 1;
  say(`  ${what.padEnd(48)} ${value.padStart(8)}  target ${wanted}  ${good ? 'pass' : 'MISS'}`);
}

try {
  token = (await call('POST', '/auth/login', admin)).body.access_token!;
  const { body: form } = await call('POST', '/forms', { title: 'Bench', definition, intelligence });
  const formId = form.id!;
  await call('POST', `/forms/${formId}/publish`, {});
  await load(formId, { amount: stored });
  await idle();
  const { body: update } = await call('POST', `/forms/${formId}/dataset`);
  await finished(update.task_id!);

  const pairs: { alone: number; beside: number }[] = [];
  const seen: Seen[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await load(formId, { duration: seconds });
    const stop = new AbortController();
    const all = Array.from({ length: users }, (_, n) => user(n, formId, stop.signal, seen));
    const beside = await load(formId, { duration: seconds });
    stop.abort();
    await Promise.all(all);
    pairs.push({ alone, beside });
  }
  const times = seen.map(({ ms }) => ms).sort((a, b) => a - b);
  const quantile = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!;
  const hits = seen.filter(({ hit }) => hit).length;
  const refused = seen.flatMap(({ refused }) => refused ?? []);
  say(
    `${stored.toLocaleString('en')} responses kept, 20 connections${rate > 0 ? ` sending ${rate} a second` : ''}, ${rounds} rounds of ${seconds} s`,
  );
  say(
    `${users} users, one question each ${every} s: ${times.length} questions, ${((100 * hits) / times.length).toFixed(0)} % answered from the cache`,
  );
  say(
    `  a question takes ${quantile(0.5).toFixed(0)} ms (median), ${quantile(0.99).toFixed(0)} ms (p99), ${times.at(-1)!.toFixed(0)} ms at most`,
  );
  target('questions that were refused', String(refused.length), refused.length === 0, '0');
  if (refused[0] !== undefined) say(`  the first: ${refused[0]}`);
  target('p95 of the questions, ms', quantile(0.95).toFixed(0), quantile(0.95) < 200, '< 200');
  const [alone, beside] = [median(pairs.map((pair) => pair.alone)), median(pairs.map((pair) => pair.beside))];
  say(`  accepted: ${alone.toFixed(0)}/s alone, ${beside.toFixed(0)}/s beside the questions`);
  const kept = median(pairs.map((pair) => pair.beside / pair.alone));
  target('accepted beside the questions, of those alone', kept.toFixed(2), kept >= 0.8, '≥ 0.80');
  say(missed === 0 ? 'All targets are reached.' : `${missed} targets are missed.`);
  if (values.record) record();
} finally {
  await child.stop();
  rmSync(dir, { recursive: true, force: true });
}
if (missed > 0) process.exitCode = 1;
