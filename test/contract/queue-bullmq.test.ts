import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { openBullmqQueue } from '../../src/adapters/queue-bullmq/bullmq-queue.ts';
import { noRedis, removeKeys, suiteRedis } from '../support/redis.ts';
import { skipWithout } from '../support/services.ts';
import { taskQueueContract } from './task-queue.ts';

const redis = await suiteRedis();

if (redis === undefined) {
  test('queue-bullmq: the contract of task queues', (t) => skipWithout(t, noRedis));
} else {
  const { url, stop } = redis;
  const run = `test-${randomUUID()}`;
  let rules = 0;
  after(async () => {
    await removeKeys(url, run);
    await stop();
  });
  taskQueueContract('queue-bullmq', async () => {
    const window = 40;
    return { queue: await openBullmqQueue({ url, prefix: `${run}-${rules++}`, window }), window };
  });
}
