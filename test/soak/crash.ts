/**
 * Load, SIGKILL at a random moment, restart: again and again on one data directory. Nothing acknowledged may be missing, no task forgotten, a webhook
 * repeated only under the same webhook-id with the same body, and work goes on within 15 s.
 * Usage: node test/soak/crash.ts [--rounds 200] [--clients 16] [--seed 1]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type Acknowledged,
  admin,
  everyResponseId,
  loadClient,
  login,
  publishForm,
  serverEnv,
  startReceiver,
  startServer,
  verifyDir,
} from './world.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    clients: { type: 'string', default: '16' },
    seed: { type: 'string', default: String(Date.now()) },
  },
});
const rounds = Number(values.rounds);
const clients = Number(values.clients);
/** The whole store is reconciled every so many rounds: it reads everything there is. */
const verifyEvery = 20;
const resumeLimitMs = 15_000;

let state = Number(values.seed) >>> 0;
/** mulberry32: the same seed kills at the same moments. */
function chance(): number {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = state;
  t = Math.imul(t ^ (t >>> 15), t | 1);
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
}

const dir = mkdtempSync(join(tmpdir(), 'formstead-crash-'));
const receiver = await startReceiver();
const acknowledged = new Map<string, Acknowledged>();
const failures: string[] = [];
let slowestResumeMs = 0;
let resumes = 0;

async function main(): Promise<void> {
  let server = await startServer(serverEnv(dir));
  const again = serverEnv(dir, new URL(server.url).port);
  const api = await login(server.url, admin.email, admin.password);
  const formId = await publishForm(api);
  const { secret } = await api.post<{ secret: string }>('/webhook-endpoints', {
    url: receiver.url,
    events: ['response.understood'],
  });
  receiver.trust(secret);

  for (let round = 1; round <= rounds; round += 1) {
    let stopped = false;
    const load = Array.from({ length: clients }, (_, client) =>
      loadClient({
        url: () => server.url,
        formId,
        name: `r${round}c${client}`,
        stopped: () => stopped,
        onAcknowledged: (one) => acknowledged.set(one.responseId, one),
      }),
    );
    await pause(30 + chance() * 400);
    await server.kill();
    const killedAt = performance.now();
    stopped = true;
    await Promise.all(load);
    server = await startServer(again);
    await checkResume(killedAt);
    if (round % verifyEvery === 0 || round === rounds) {
      const verdict = await verifyDir(dir);
      failures.push(...verdict.problems.map((problem) => `round ${round}: ${problem}`));
      if (verdict.responses < acknowledged.size)
        failures.push(`round ${round}: ${acknowledged.size} acknowledged, ${verdict.responses} kept`);
      console.log(
        `round ${round}: ${acknowledged.size} acknowledged, ${verdict.responses} kept, ${verdict.pending} pending, ${receiver.deliveries.size} delivered`,
      );
    }
  }
  await settle(server.url, formId);
  const code = await server.stop();
  if (code !== 0) failures.push(`SIGTERM at the end gave exit code ${code}`);
  const verdict = await verifyDir(dir);
  failures.push(...verdict.problems);
  report(verdict.pending, verdict.dead);
}

/** Something must be delivered again soon after the kill, as long as anything waits. */
async function checkResume(killedAt: number): Promise<void> {
  const waiting = acknowledged.size > receiver.deliveries.size;
  if (!waiting) return;
  while (receiver.lastAt < killedAt && performance.now() - killedAt < resumeLimitMs) await pause(10);
  const took = (receiver.lastAt < killedAt ? performance.now() : receiver.lastAt) - killedAt;
  resumes += 1;
  slowestResumeMs = Math.max(slowestResumeMs, took);
  if (receiver.lastAt < killedAt) failures.push(`work did not go on within ${resumeLimitMs / 1000} s of a kill`);
}

/** Everything that was accepted is worked off, then what is missing is counted. */
async function settle(url: string, formId: string): Promise<void> {
  const api = await login(url, admin.email, admin.password);
  const deadline = performance.now() + 300_000;
  for (;;) {
    const { items } = await api.get<{ items: { depth: number; running: number }[] }>('/queues');
    const open = items.reduce((sum, { depth, running }) => sum + depth + running, 0);
    if (open === 0) break;
    if (performance.now() > deadline) {
      failures.push(`${open} tasks are still open after five minutes`);
      break;
    }
    await pause(200);
  }
  const kept = await everyResponseId(api, formId);
  const delivered = new Set([...receiver.deliveries.values()].map(({ responseId }) => responseId));
  const lost = [...acknowledged.keys()].filter((id) => !kept.has(id));
  const undelivered = [...kept].filter((id) => !delivered.has(id));
  if (lost.length > 0)
    failures.push(`${lost.length} acknowledged responses are missing: ${lost.slice(0, 5).join(', ')}`);
  if (undelivered.length > 0)
    failures.push(`${undelivered.length} responses were never delivered: ${undelivered.slice(0, 5).join(', ')}`);
  const perResponse = Map.groupBy(receiver.deliveries.entries(), ([, { responseId }]) => responseId);
  const twice = [...perResponse.values()].filter((entries) => entries.length > 1);
  if (twice.length > 0) failures.push(`${twice.length} responses were delivered under two webhook-ids`);
}

function report(pending: number, dead: number): void {
  failures.push(...receiver.problems);
  const repeats = [...receiver.deliveries.values()].filter(({ times }) => times > 1).length;
  console.log(`
${rounds} kills, seed ${values.seed}: ${acknowledged.size} responses acknowledged
  tasks left ${pending} pending, ${dead} dead
  webhooks ${receiver.deliveries.size} ids, ${repeats} of them came more than once (same id, same body)
  work went on after at most ${(slowestResumeMs / 1000).toFixed(1)} s (${resumes} kills with work waiting; limit 15 s)
  ${failures.length === 0 ? 'nothing lost, nothing forgotten' : `${failures.length} FAILURES\n  ${failures.slice(0, 30).join('\n  ')}`}`);
  if (failures.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  receiver.stop();
  rmSync(dir, { recursive: true, force: true });
}
