/**
 * Load, SIGKILL, restart: again and again on one data directory. Nothing acknowledged may be missing and nothing kept twice, no task forgotten, a webhook
 * repeated only under the same webhook-id with the same body, and work goes on within 15 s of the next start.
 * Most kills come at a random moment of the load; every fifth while a webhook attempt waits for its answer and the backlog is worked off without new load;
 * after every tenth, the restart is killed too.
 * `--plant` takes something out of the store before the last check, which must then fail: that proves that this test can.
 * Usage: node test/soak/crash.ts [--rounds 200] [--clients 8] [--seed 1] [--plant response|task]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { progressBar } from '../../src/cli/progress.ts';
import {
  type Acknowledged,
  admin,
  everyResponseId,
  killWhileStarting,
  loadClient,
  login,
  publishForm,
  type ServerProcess,
  type Submission,
  serverEnv,
  startReceiver,
  startServer,
  submit,
  verifyDir,
} from './world.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    clients: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Date.now()) },
    plant: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const clients = Number(values.clients);
/** The whole store is reconciled every so many rounds: it reads everything there is. */
const verifyEvery = 50;
const resumeLimitMs = 15_000;
/** At the end: no delivery for so long while tasks are open means that they were forgotten. Longer than any first retry. */
const stallMs = 30_000;

const plants: Record<string, string> = {
  response: 'DELETE FROM responses WHERE n = (SELECT min(n) FROM responses)',
  task: `DELETE FROM tasks WHERE id = (SELECT min(id) FROM tasks WHERE kind = 'understand-response' AND status IN ('pending', 'retrying'))`,
};
if (values.plant !== undefined && !Object.hasOwn(plants, values.plant)) {
  console.error(`--plant is one of: ${Object.keys(plants).join(', ')}`);
  process.exit(2);
}

let state = Number(values.seed) >>> 0;
/** mulberry32: the same seed kills after the same milliseconds. */
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
const resumes: number[] = [];
const kills = { load: 0, attempt: 0, start: 0 };
let resent = 0;
let startMs = 1000;

async function main(): Promise<void> {
  const env = serverEnv(dir);
  let server = await startServer(env);
  const api = await login(server.url, admin.email, admin.password);
  const formId = await publishForm(api);
  const { secret } = await api.post<{ secret: string }>('/webhook-endpoints', {
    url: receiver.url,
    events: ['response.understood'],
  });
  receiver.trust(secret);

  const bar = progressBar('rounds');
  bar.total(rounds);
  for (let round = 1; round <= rounds; round += 1) {
    const unanswered = await loadAndKill(server, formId, round);
    if (round % verifyEvery === 0) await reconcile(round, unanswered.length);
    if (round === rounds && values.plant) plant(values.plant);
    if (round % 10 === 0 && (await killWhileStarting(env, chance() * startMs))) kills.start += 1;
    const restartedAt = performance.now();
    server = await startServer(env);
    startMs = performance.now() - restartedAt;
    await sendAgain(server.url, formId, unanswered);
    await checkResume(round, restartedAt);
    bar.update(round);
  }
  bar.stop();
  await settle(server.url, formId);
  const code = await server.stop();
  if (code !== 0) failures.push(`SIGTERM at the end gave exit code ${code}`);
  const verdict = await verifyDir(dir);
  failures.push(...verdict.problems);
  report(verdict.pending, verdict.dead);
}

/** Resolves to what was on its way when the server died. */
async function loadAndKill(server: ServerProcess, formId: string, round: number): Promise<Submission[]> {
  let stopped = false;
  const inAttempt = round % 5 === 3;
  const load = Array.from({ length: inAttempt ? 0 : clients }, (_, client) =>
    loadClient({
      url: () => server.url,
      formId,
      name: `r${round}c${client}`,
      pauseMs: 10,
      stopped: () => stopped,
      onAcknowledged: (one) => acknowledged.set(one.responseId, one),
    }),
  );
  if (inAttempt) {
    await killInAttempt(server);
    kills.attempt += 1;
  } else {
    await pause(30 + chance() * 400);
    await server.kill();
    kills.load += 1;
  }
  stopped = true;
  return (await Promise.all(load)).filter((one) => one !== undefined);
}

/** After the backlog has been worked on for a moment: the next delivery gets no answer, and the kill comes while it waits. */
async function killInAttempt(server: ServerProcess): Promise<void> {
  await pause(chance() * 1500);
  const { came, release } = receiver.holdNext();
  const enough = new AbortController();
  await Promise.race([came, pause(2000, undefined, { signal: enough.signal }).catch(() => {})]);
  enough.abort();
  await server.kill();
  release();
}

/** A sender that got no answer sends the same again; whether the first one was kept or not, one response may come of it. */
async function sendAgain(url: string, formId: string, unanswered: Submission[]): Promise<void> {
  for (const submission of unanswered) {
    const responseId = await submit(url, formId, submission);
    resent += 1;
    if (responseId === undefined) failures.push(`${submission.key} was not accepted when it was sent again`);
    else acknowledged.set(responseId, { key: submission.key, responseId });
  }
}

/**
 * Something must be delivered again soon after the start, as long as anything waits. What the dead server had sent does not count, nor does the time that
 * this test kept it down to look at what the kill left.
 */
async function checkResume(round: number, restartedAt: number): Promise<void> {
  if (acknowledged.size <= receiver.deliveries.size) return;
  const resumed = () => receiver.lastAt > restartedAt;
  while (!resumed() && performance.now() - restartedAt < resumeLimitMs) await pause(10);
  if (resumed()) {
    resumes.push(receiver.lastAt - restartedAt);
    return;
  }
  const waiting = acknowledged.size - receiver.deliveries.size;
  failures.push(
    `round ${round}: work did not go on within ${resumeLimitMs / 1000} s; the start took ${Math.round(startMs)} ms, ${waiting} responses wait: ${openTasks()}`,
  );
}

/** What the store says of the tasks that are not done, for whoever must find out why nothing goes on. */
function openTasks(): string {
  const db = new DatabaseSync(join(dir, 'formstead.sqlite'), { readOnly: true });
  const rows = db
    .prepare(
      `SELECT kind, status, count(*) AS n, min(run_at) - ? AS due, max(attempts) AS attempts FROM tasks
       WHERE status IN ('pending', 'running', 'retrying') GROUP BY kind, status`,
    )
    .all(Date.now());
  db.close();
  return rows
    .map((row) => `${row.n} ${row.kind} ${row.status} (due in ${row.due} ms, ${row.attempts} attempts)`)
    .join(', ');
}

/** `verify` on what the kill left: every receipt, every signature, every response with its work, every delivery with its task. */
async function reconcile(round: number, unanswered: number): Promise<void> {
  const { problems, responses, pending } = await verifyDir(dir);
  failures.push(...problems.map((problem) => `round ${round}: ${problem}`));
  // What had no answer yet may have been kept or not.
  if (responses < acknowledged.size || responses > acknowledged.size + unanswered)
    failures.push(`round ${round}: ${acknowledged.size} acknowledged, ${responses} kept`);
  console.log(
    `round ${round}: ${acknowledged.size} acknowledged, ${responses} kept, ${pending} to be understood, ${receiver.deliveries.size} delivered`,
  );
}

/** Everything that was accepted is worked off, then what is missing is counted. */
async function settle(url: string, formId: string): Promise<void> {
  const api = await login(url, admin.email, admin.password);
  for (;;) {
    const { items } = await api.get<{ items: { depth: number; running: number }[] }>('/queues');
    const open = items.reduce((sum, { depth, running }) => sum + depth + running, 0);
    if (open === 0) break;
    if (performance.now() - receiver.lastAt > stallMs) {
      failures.push(`${open} tasks are open and nothing was delivered for ${stallMs / 1000} s`);
      break;
    }
    await pause(200);
  }
  const kept = await everyResponseId(api, formId);
  const delivered = new Set([...receiver.deliveries.values()].map(({ responseId }) => responseId));
  const few = (ids: string[]) => ids.slice(0, 5).join(', ');
  const lost = [...acknowledged.keys()].filter((id) => !kept.has(id));
  const strange = [...kept].filter((id) => !acknowledged.has(id));
  const undelivered = [...kept].filter((id) => !delivered.has(id));
  if (lost.length > 0) failures.push(`${lost.length} acknowledged responses are missing: ${few(lost)}`);
  if (strange.length > 0)
    failures.push(`${strange.length} responses are kept that nobody was told of: ${few(strange)}`);
  if (undelivered.length > 0)
    failures.push(`${undelivered.length} responses were never delivered: ${few(undelivered)}`);
  const perResponse = Map.groupBy(receiver.deliveries.entries(), ([, { responseId }]) => responseId);
  const twice = [...perResponse.values()].filter((entries) => entries.length > 1);
  if (twice.length > 0) failures.push(`${twice.length} responses were delivered under two webhook-ids`);
}

/** Takes something out of the store of the killed server, behind its back. */
function plant(what: string): void {
  const db = new DatabaseSync(join(dir, 'formstead.sqlite'));
  const { changes } = db.prepare(plants[what]!).run();
  db.close();
  if (changes !== 1) throw new Error(`nothing to plant: no ${what} was there to be removed`);
}

/** Attempts that a kill cut off, by kind of task: the receiver answers every webhook, so nothing else makes a second attempt. */
function cutOff(): string {
  const db = new DatabaseSync(join(dir, 'formstead.sqlite'), { readOnly: true });
  const rows = db
    .prepare('SELECT kind, sum(attempts - 1) AS n FROM tasks WHERE attempts > 1 GROUP BY kind ORDER BY kind')
    .all();
  db.close();
  return rows.map(({ kind, n }) => `${kind} ${n}`).join(', ') || 'none';
}

function report(pending: number, dead: number): void {
  failures.push(...receiver.problems);
  const repeats = [...receiver.deliveries.values()].filter(({ times }) => times > 1).length;
  const seconds = (ms: number | undefined) => ((ms ?? 0) / 1000).toFixed(1);
  const sorted = resumes.toSorted((a, b) => a - b);
  console.log(`
${kills.load + kills.attempt + kills.start} kills, seed ${values.seed}: ${kills.load} under load, ${kills.attempt} in a webhook attempt, ${kills.start} before the restarted server listened
  responses  ${acknowledged.size} acknowledged, ${resent} of them sent again because the answer was lost
  tasks      ${pending} responses not understood, ${dead} dead; attempts that a kill cut off: ${cutOff()}
  webhooks   ${receiver.deliveries.size} ids, ${repeats} of them came more than once (same id, same body)
  went on    after ${seconds(sorted[sorted.length >> 1])} s in the median, ${seconds(sorted.at(-1))} s at most (${resumes.length} kills with work waiting; limit 15 s)
  ${failures.length === 0 ? 'nothing lost, nothing kept twice, nothing forgotten' : `${failures.length} FAILURES\n  ${failures.slice(0, 30).join('\n  ')}`}`);
  if (failures.length > 0) process.exitCode = 1;
}

try {
  await main();
} finally {
  receiver.stop();
  if (failures.length > 0 && !values.plant) console.log(`The data directory is left for a look: ${dir}`);
  else rmSync(dir, { recursive: true, force: true });
}
