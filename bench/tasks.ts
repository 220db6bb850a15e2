/**
 * Tasks per second through commit → offer → claim → handler (empty) → complete with everything the server does for a task (lease, heartbeat, time limit,
 * cancellation, metrics, log, reconciler), beside bare loops that make the same durable writes to the same schema and indexes.
 *
 * What "the same durable writes" means: a task costs three, each in a transaction that is on disk (`synchronous=FULL`) before the task's next step begins:
 * its row, its claim, its settlement. No side merges two steps of one task, since each must survive what comes after it. Across tasks they share: the
 * program has C tasks under way, and its storage thread commits together what came together. How many rows that are is measured first, and the bare loops
 * then write as many in each transaction, with as many batches under way as make C tasks.
 *
 * - bare, storage thread: a thread that writes what it is given and answers when it is on disk. The ratio of the target: a server cannot hold up its event
 *   loop for every fsync, so a loop that does the work of its storage crosses to a thread too.
 * - bare, same thread: no thread, no promise, no message; the process does nothing else while the disk writes.
 *
 * All in one process, in turns, each on a file of its own on the same disk. A ratio is the median of the rounds' ratios, since the machine's speed drifts.
 * Usage: node bench/tasks.ts [--rounds 9] [--seconds 1] [--concurrency 1,10,100] [--dir /tmp] [--record]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createReport, median } from './baselines.ts';
import { openBareLoop, openBareThread } from './tasks/bare-loop.ts';
import { openProgram } from './tasks/program.ts';
import type { Side } from './tasks/side.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '1,10,100' },
    dir: { type: 'string', default: tmpdir() },
    record: { type: 'boolean', default: false },
  },
});
const target = 0.7;
const { say, record } = createReport('tasks');

/** A side with the count of what it did, against which its store is checked at the end. */
function counted(side: Side) {
  let total = 0;
  return {
    /** Tasks a second. */
    async rate(count: number): Promise<number> {
      total += count;
      const from = performance.now();
      await side.run(count);
      return (count / (performance.now() - from)) * 1000;
    },
    async check(): Promise<void> {
      const done = await side.succeeded();
      if (done !== total) throw new Error(`${done} of ${total} tasks have succeeded in their first attempt`);
    },
  };
}

async function compare(dir: string, concurrency: number): Promise<number> {
  mkdirSync(dir);
  const program = await openProgram(join(dir, 'program'), concurrency);
  const own = counted(program);
  await own.rate(50 * concurrency);
  const before = program.transactions();
  const sample = 200 * concurrency;
  const count = Math.max(50 * concurrency, Math.round((await own.rate(sample)) * Number(values.seconds)));
  const rowsPerCommit = (3 * sample) / (program.transactions() - before);
  const batch = Math.max(1, Math.round(rowsPerCommit));
  const lanes = Math.max(1, Math.round(concurrency / batch));
  const sides = {
    thread: openBareThread(join(dir, 'thread.sqlite'), batch, lanes),
    same: openBareLoop(join(dir, 'same.sqlite'), batch),
  };
  const thread = counted(sides.thread);
  const same = counted(sides.same);
  for (const bare of [thread, same]) await bare.rate(50 * concurrency);

  const rounds: { own: number; thread: number; same: number }[] = [];
  for (let n = 0; n < Number(values.rounds); n += 1) {
    rounds.push({ own: await own.rate(count), thread: await thread.rate(count), same: await same.rate(count) });
  }
  const ratio = (of: 'thread' | 'same') => median(rounds.map((one) => one.own / one[of]));
  const rate = (of: 'own' | 'thread' | 'same') => `${Math.round(median(rounds.map((one) => one[of])))}/s`;
  say(`concurrency ${concurrency}: ${rate('own')} at ${rowsPerCommit.toFixed(1)} rows a commit
  bare, storage thread ${rate('thread')}: ratio ${ratio('thread').toFixed(2)} (at least ${target})
  bare, same thread    ${rate('same')}: ratio ${ratio('same').toFixed(2)}`);
  await program.close();
  for (const side of [own, thread, same]) await side.check();
  await Promise.all([sides.thread.close(), sides.same.close()]);
  return ratio('thread');
}

const dir = mkdtempSync(join(values.dir, 'formstead-tasks-'));
try {
  for (const concurrency of values.concurrency.split(',').map(Number)) {
    const ratio = await compare(join(dir, `${concurrency}`), concurrency);
    if (ratio < target) process.exitCode = 1;
  }
  if (values.record) record();
} finally {
  rmSync(dir, { recursive: true, force: true });
}
