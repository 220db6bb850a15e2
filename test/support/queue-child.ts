import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBullmqQueue } from '../../src/adapters/queue-bullmq/bullmq-queue.ts';

/*
 * A process of its own that consumes the queue `default` until it is killed (test/integration/queue-bullmq.test.ts). Its job is JSON on the command line;
 * it tells of each offer when its work starts and ends, by lines on stdout, and obeys lines on stdin: `pause`, `resume`, `close`.
 */
export type QueueChildArguments = { url: string; prefix: string; concurrency: number; workMs: number };

const { url, prefix, concurrency, workMs } = JSON.parse(process.argv[2]!) as QueueChildArguments;
const say = (line: string) => void writeSync(1, `${line}\n`);

const queue = await openBullmqQueue({ url, prefix });
queue.consume('default', concurrency, async ({ id }) => {
  say(`start ${id}`);
  await sleep(workMs);
  say(`end ${id}`);
});
createInterface(process.stdin).on('line', (line) => {
  if (line === 'pause') queue.pause();
  if (line === 'resume') queue.resume();
  if (line === 'close') void queue.close().then(() => process.stdin.destroy());
  say(`heard ${line}`);
});
say('open');
