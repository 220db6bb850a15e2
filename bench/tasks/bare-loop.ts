import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { createIds } from '../../src/adapters/ids-uuid/ids.ts';
import { taskRow } from '../../src/adapters/storage-sqlite/tables.ts';
import { type BareStep, openBareWrites } from './bare-writes.ts';
import { nextTask, type Side } from './side.ts';

const ids = createIds({ clock: systemClock });

/** The three steps of a batch of new tasks, each to be on disk before the next. */
function* steps(size: number): Generator<BareStep> {
  const batch = Array.from({ length: size }, () => ({ task: nextTask(ids), token: ids.next('lse') }));
  yield { sql: 'insert', rows: batch.map(({ task }) => taskRow(task)) };
  const now = Date.now();
  yield { sql: 'claim', rows: batch.map(({ task, token }) => [token, now + 8000, now, task.id]) };
  yield { sql: 'settle', rows: batch.map(({ task, token }) => [Date.now(), task.id, token]) };
}

function* sizes(count: number, batch: number): Generator<number> {
  for (let done = 0; done < count; done += batch) yield Math.min(batch, count - done);
}

/** Everything on the calling thread: it does nothing else while the disk writes. */
export function openBareLoop(file: string, batch: number): Side {
  const bare = openBareWrites(file);
  return {
    async run(count) {
      for (const size of sizes(count, batch)) for (const step of steps(size)) bare.write(step);
    },
    succeeded: async () => bare.succeeded(),
    close: async () => bare.close(),
  };
}

/** The writes on a thread of their own, as in a server that must go on answering; `lanes` batches are under way at once. */
export function openBareThread(file: string, batch: number, lanes: number): Side {
  const worker = new Worker(new URL('./bare-thread.ts', import.meta.url), { workerData: { file } });
  const waiting: ((answer: number) => void)[] = [];
  worker.on('message', (answer: number) => waiting.shift()?.(answer));
  // Answers come in the order of the messages.
  const ask = (message: BareStep | 'succeeded') =>
    new Promise<number>((resolve) => {
      waiting.push(resolve);
      worker.postMessage(message);
    });
  return {
    async run(count) {
      const todo = sizes(count, batch);
      const lane = async () => {
        for (const size of todo) for (const step of steps(size)) await ask(step);
      };
      await Promise.all(Array.from({ length: lanes }, lane));
    },
    succeeded: () => ask('succeeded'),
    async close() {
      worker.postMessage('close');
      await once(worker, 'exit');
    },
  };
}
