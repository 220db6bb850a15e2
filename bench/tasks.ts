/**
 * Tasks per second through commit → offer → claim → handler (empty) → complete with everything the server does for a task (lease, heartbeat, time limit,
 * cancellation, metrics, log, reconciler), beside a bare loop that makes the same durable writes to the same schema and indexes.
 *
 * What "the same durable writes" means: a task costs three, each in a transaction that is on disk (`synchronous=FULL`) before the task's next step begins:
 * its row, its claim, its settlement. Neither side merges two steps of one task, since each must survive what comes after it. Across tasks both share:
 * the program has C tasks under way, and its storage thread commits together what came together; how many rows that were a commit is measured first, and
 * the bare loop then writes as many in each transaction. That is about C/2: while one half is on its way to disk the other half is being worked on.
 * The bare loop runs on this thread without a promise, a message or a read; the program crosses to its storage thread and back three times a task.
 * The last column is the ratio to a bare loop that writes all C rows in one transaction: what the program leaves on the table by not waiting for stragglers.
 *
 * All in one process, in turns, each on a file of its own on the same disk. A ratio is the median of the rounds' ratios, since the machine's speed drifts.
 * Usage: node bench/tasks.ts [--rounds 9] [--seconds 1] [--concurrency 1,10,100] [--dir /tmp]
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openBareLoop } from './tasks/bare-loop.ts';
import { openProgram } from './tasks/program.ts';
import type { Side } from './tasks/side.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    concurrency: { type: 'string', default: '1,10,100' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const target = 0.7;
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;

/** Runs for about the wished time; counts what it did, so that the store can be checked against it. */
function measured(side: Side) {
  let total = 0;
  return {
    side,
    total: () => total,
    /** Tasks a second. */
    async rate(count: number): Promise<number> {
      total += count;
      const from = performance.now();
      await side.run(count);
      return (count / (performance.now() - from)) * 1000;
    },
  };
}

async function compare(dir: string, concurrency: number): Promise<number> {
  mkdirSync(dir);
  const program = await openProgram(join(dir, 'program'), concurrency);
  const own = measured(program);
  await own.rate(50 * concurrency);
  const before = program.transactions();
  // As many tasks a round as fill the wished time; at least as many as make 50 full transactions.
  const sample = 200 * concurrency;
  const count = Math.max(50 * concurrency, Math.round((await own.rate(sample)) * Number(values.seconds)));
  const rowsPerCommit = (3 * sample) / (program.transactions() - before);
  const bare = measured(await openBareLoop(join(dir, 'bare.sqlite'), Math.max(1, Math.round(rowsPerCommit))));
  const full = measured(await openBareLoop(join(dir, 'full.sqlite'), concurrency));
  for (const side of [bare, full]) await side.rate(50 * concurrency);

  const rounds: { own: number; bare: number; full: number }[] = [];
  for (let n = 0; n < Number(values.rounds); n += 1) {
    rounds.push({ own: await own.rate(count), bare: await bare.rate(count), full: await full.rate(count) });
  }
  const ratio = median(rounds.map((one) => one.own / one.bare));
  const rate = (of: 'own' | 'bare') => `${Math.round(median(rounds.map((one) => one[of])))}/s`;
  console.log(
    `concurrency ${concurrency}: ${rate('own')}, bare loop ${rate('bare')} at ${rowsPerCommit.toFixed(1)} rows a commit: ratio ${ratio.toFixed(2)} ` +
      `(at least ${target}); ${median(rounds.map((one) => one.own / one.full)).toFixed(2)} of one with ${concurrency} rows a commit`,
  );
  await program.close();
  for (const { side, total } of [own, bare, full]) {
    const done = await side.succeeded();
    if (done !== total()) throw new Error(`${done} of ${total()} tasks have succeeded in their first attempt`);
  }
  await Promise.all([bare.side.close(), full.side.close()]);
  return ratio;
}

const dir = mkdtempSync(join(values.dir, 'formstead-tasks-'));
try {
  for (const concurrency of values.concurrency.split(',').map(Number)) {
    const ratio = await compare(join(dir, `${concurrency}`), concurrency);
    if (ratio < target) process.exitCode = 1;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
