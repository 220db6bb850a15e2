/**
 * What a training costs the thread that answers requests: its longest turn and the memory of the process, while a form of many examples is uploaded, trained
 * and listed, beside the same process at rest. A turn is measured twice: by the clock, which a busy machine makes longer, and by the processor time that this
 * thread used in it, which is what the program answers for. The target is a longest turn of some tens of milliseconds of it while it trains; an upload is one
 * commit, and its texts are written out in one go.
 *
 * Usage: node bench/learning.ts [--examples 100000] [--dir /tmp]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createNgramClassifier } from '#adapters/classifier-ngram/classifier.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { openSqliteStorage } from '#adapters/storage-sqlite/storage.ts';
import { createAuditor } from '#app/audit.ts';
import { createExamples } from '#app/learning/examples.ts';
import { createHeads } from '#app/learning/heads.ts';
import type { Form } from '#domain/form/form.ts';
import type { Example } from '#domain/learning.ts';

const { values } = parseArgs({
  options: { examples: { type: 'string', default: '100000' }, dir: { type: 'string', default: tmpdir() } },
});
const count = Number(values.examples);
const labels = Array.from({ length: 20 }, (_, i) => ({ name: `label ${i}` }));
const perUpload = 20_000;

const dir = mkdtempSync(join(values.dir, 'formstead-learning-'));
const storage = await openSqliteStorage({ dir });
const classifier = createNgramClassifier();
const clock = { now: () => Date.now() };
const ids = createIds({ clock });
const examples = createExamples({ storage, clock, ids, audit: createAuditor({ ids, clock }), offer() {} });
const heads = createHeads({
  storage,
  examples,
  classifier,
  blobs: { write: async () => {}, remove: async () => {}, describe: async () => undefined },
  clock,
  log: { warn() {} },
});
const caller = { actor: { kind: 'operator', id: 'bench' } } as const;

type Watched = { stallMs: number; cpuMs: number; rssMb: number };

/** The longest turn of the event loop, by the clock and in processor time, and the most memory while `work` runs. */
async function watched(name: string, work: () => Promise<unknown>): Promise<Watched> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const used = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let [before, cpuMs, rssMb] = [used(), 0, 0];
  // Each millisecond a look: what was used between two is what one turn, or several short ones, have used.
  const look = () => {
    const now = used();
    cpuMs = Math.max(cpuMs, now - before);
    before = now;
    rssMb = Math.max(rssMb, process.memoryUsage.rss() / 1e6);
  };
  const looking = setInterval(look, 1);
  delay.enable();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  delay.disable();
  clearInterval(looking);
  look();
  const stallMs = delay.max / 1e6;
  const figure = (value: number, digits: number) => value.toFixed(0).padStart(digits);
  console.log(
    `${name.padEnd(24)} ${seconds.toFixed(1).padStart(6)} s   longest turn ${figure(stallMs, 4)} ms, ${figure(cpuMs, 4)} ms of its own   memory ${figure(rssMb, 5)} MB`,
  );
  return { stallMs, cpuMs, rssMb };
}

const example = (i: number): Example => ({
  text: `label${i % 20} word${(i * 7919) % 9973} thing${(i * 104_729) % 5413} and some more words, number ${i}, to learn from`,
  label: `label ${i % 20}`,
});

const now = clock.now();
const form: Form = {
  id: ids.next('frm'),
  slug: 'bench',
  title: 'Bench',
  status: 'draft',
  definition: { elements: [{ type: 'comment', name: 'message' }] },
  intelligence: { classify: { labels } },
  settings: {},
  version: 0,
  createdAt: now,
  updatedAt: now,
};
await storage.commit({ change: { op: 'insert', kind: 'form', doc: form } });
console.log(`${count} examples of ${labels.length} labels, ${perUpload} in an upload\n`);
await watched('starting the watch', async () => {});
const rest = await watched('at rest', () => new Promise((resolve) => setTimeout(resolve, 2000)));
await watched('uploads', async () => {
  for (let i = 0; i < count; i += perUpload) {
    const items = Array.from({ length: Math.min(perUpload, count - i) }, (_, k) => example(i + k));
    await examples.upload(caller, form.id, items);
  }
});
await watched('a page of one example', () => examples.list(caller, form.id, { limit: 1 }));
await watched('all pages of 1000', async () => {
  let after: string | undefined;
  do after = (await examples.list(caller, form.id, { limit: 1000, after })).next;
  while (after !== undefined);
});
const training = await watched('training', async () => {
  const cause = { taskId: 'tsk_none', lease: 'lse_none' };
  const { reason } = await heads.train(cause, form.id, new AbortController().signal);
  // The commit at the end is refused: there is no such task.
  if (reason !== 'another worker has taken over') throw new Error(`not trained: ${reason}`);
});
console.log(
  `\ntraining ÷ rest: longest turn ${(training.stallMs / rest.stallMs).toFixed(1)} (${training.cpuMs.toFixed(0)} ms of its own), memory ${(training.rssMb / rest.rssMb).toFixed(1)}`,
);
await classifier.close();
await storage.close();
rmSync(dir, { recursive: true });
