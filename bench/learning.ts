/**
 * What a training costs the thread that answers requests: its longest turn and the memory of the process, while a form of many examples is uploaded, trained
 * and listed, beside the same process at rest. The target is a longest turn of some tens of milliseconds while it trains; the upload itself is one request
 * whose body is parsed in one go.
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
import { createLearning } from '#app/learning.ts';
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
const learning = createLearning({
  storage,
  classifier,
  blobs: { write: async () => {}, remove: async () => {}, describe: async () => undefined },
  clock,
  ids,
  audit: createAuditor({ ids, clock }),
  offer() {},
});
const caller = { actor: { kind: 'operator', id: 'bench' } } as const;

/** The longest turn of the event loop in milliseconds and the most memory in MB while `work` runs. */
async function watched(name: string, work: () => Promise<unknown>): Promise<{ stallMs: number; rssMb: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let rssMb = 0;
  const look = () => {
    rssMb = Math.max(rssMb, process.memoryUsage.rss() / 1e6);
  };
  const looking = setInterval(look, 50);
  delay.enable();
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  delay.disable();
  clearInterval(looking);
  look();
  const stallMs = delay.max / 1e6;
  console.log(
    `${name.padEnd(28)} ${seconds.toFixed(1).padStart(6)} s   longest turn ${stallMs.toFixed(0).padStart(4)} ms   memory ${rssMb.toFixed(0).padStart(5)} MB`,
  );
  return { stallMs, rssMb };
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
    await learning.upload(caller, form.id, items);
  }
});
await watched('a page of one example', () => learning.listExamples(caller, form.id, { limit: 1 }));
await watched('all pages of 1000', async () => {
  let after: string | undefined;
  do after = (await learning.listExamples(caller, form.id, { limit: 1000, after })).next;
  while (after !== undefined);
});
const training = await watched('training', async () => {
  const cause = { taskId: 'tsk_none', lease: 'lse_none' };
  const { reason } = await learning.train(cause, form.id, new AbortController().signal);
  // The commit at the end is refused: there is no such task.
  if (reason !== 'another worker has taken over') throw new Error(`not trained: ${reason}`);
});
console.log(
  `\ntraining ÷ rest: longest turn ${(training.stallMs / rest.stallMs).toFixed(1)}, memory ${(training.rssMb / rest.rssMb).toFixed(1)}`,
);
await classifier.close();
await storage.close();
rmSync(dir, { recursive: true });
