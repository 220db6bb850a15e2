/**
 * What `GET /api/v1/intelligence/stats` costs: its time, and the longest turn of the thread that answers requests, by the clock and in processor time of its own.
 *
 * Usage: node bench/stats.ts [--responses 5000] [--dir /tmp]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { openSqliteStorage } from '#adapters/storage-sqlite/storage.ts';
import { createIntelligenceStats } from '#app/insight/intelligence-stats.ts';
import { newResponse, type Provenance, type Response, type Understanding } from '#domain/response.ts';
import { median } from './baselines.ts';

const { values } = parseArgs({
  options: { responses: { type: 'string', default: '5000' }, dir: { type: 'string', default: tmpdir() } },
});
const count = Number(values.responses);
const dir = mkdtempSync(join(values.dir, 'formstead-stats-'));
const storage = await openSqliteStorage({ dir });
const clock = { now: () => Date.now() };
const ids = createIds({ clock });
const rounds = 5;

const provenance = (tier: 'rules' | 'head' | 'llm', i: number): Provenance => ({
  tier,
  model: tier === 'llm' ? 'small' : `${tier}/1`,
  ...(tier !== 'rules' && { modelSha256: 'f'.repeat(64) }),
  inputSha256: 'e'.repeat(64),
  milliseconds: (i * 7919) % 997,
  at: 1,
  ...(tier === 'llm' && {
    prompt: 'classify/1',
    grammarSha256: 'd'.repeat(64),
    seed: 1,
    tokens: { prompt: 180, reused: 120, answer: 40 },
    times: { queue: i % 40, firstToken: i % 400 },
  }),
});
/** A response that every tier had something to say about. */
function understandingOf(i: number): Understanding {
  const field = { value: 'ada@example.org', source: 'ada@example.org', start: 10, end: 25, question: 'message' };
  const labelled = provenance(i % 3 === 0 ? 'llm' : 'head', i);
  return {
    language: 'en',
    classify: {
      label: 'billing',
      confidence: 0.9,
      tier: labelled.tier,
      needsReview: i % 5 === 0,
      alternatives: [{ label: 'delivery', confidence: 0.05 }],
      provenance: labelled,
    },
    extract: {
      fields: { email: { ...field, tier: 'rules' }, city: { ...field, tier: 'llm' } },
      provenance: provenance('rules', i),
      llm: { ...provenance('llm', i), dropped: 0 },
    },
    respond: { text: 'Thank you. '.repeat(30), tier: 'llm', draft: true, provenance: provenance('llm', i) },
    trail: (['classify', 'extract', 'respond'] as const).map((part) => ({ part, tier: 'llm', outcome: 'answered' })),
    modelMs: 900,
  };
}

function response(i: number): Response {
  const given = newResponse({
    id: ids.next('rsp'),
    formId: 'frm_bench',
    formVersion: 1,
    answers: { name: 'Ada', message: `${i} `.padEnd(600, 'some words of a message ') },
    metadata: undefined,
    now: clock.now(),
    day: '2026-11-02',
    bodySha256: undefined,
    idempotency: undefined,
    salt: 'ab',
    hiddenDropped: 0,
    steps: [],
  });
  return { ...given, understanding: understandingOf(i) };
}

for (let i = 0; i < count; i += 500)
  await Promise.all(
    Array.from({ length: Math.min(500, count - i) }, (_, k) =>
      storage.commit({ change: { op: 'insert', kind: 'response', doc: response(i + k) } }),
    ),
  );

const { stats } = createIntelligenceStats({
  storage,
  catalog: { form: () => Promise.reject(new Error('no form is named')) },
  textModel: { state: () => Promise.reject() as never },
  calls: { breaker: () => ({ phase: 'closed', failures: 0 }) },
  clock,
});

type Round = { ms: number; turnMs: number; ownMs: number };

/** The longest turn of this thread while `work` runs: by the clock, and what it used of the processor between two looks a millisecond apart. */
async function watched(work: () => Promise<{ responses: number }>): Promise<Round> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const used = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let [before, ownMs] = [used(), 0];
  const looking = setInterval(() => {
    const now = used();
    ownMs = Math.max(ownMs, now - before);
    before = now;
  }, 1);
  delay.enable();
  const from = performance.now();
  const { responses } = await work();
  const ms = performance.now() - from;
  if (responses !== count) throw new Error(`${responses} of ${count} responses were looked at`);
  delay.disable();
  clearInterval(looking);
  return { ms, turnMs: delay.max / 1e6, ownMs };
}

await stats({ limit: count });
const found: Round[] = [];
for (let i = 0; i < rounds; i += 1) found.push(await watched(() => stats({ limit: count })));
const middle = (of: (round: Round) => number) => median(found.map(of)).toFixed(0);
console.log(
  `${count} responses: ${middle(({ ms }) => ms)} ms, longest turn ${middle(({ turnMs }) => turnMs)} ms, ${middle(({ ownMs }) => ownMs)} ms of its own (median of ${rounds})`,
);
await storage.close();
rmSync(dir, { recursive: true });
