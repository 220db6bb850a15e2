import { Queue } from 'bullmq';
import { openConnection, type RedisAddress, tellOf, untilReady } from '#adapters/redis/connection.ts';
import { type QueueName, queueNames } from '#domain/task.ts';
import type { Log } from '#ports/log.ts';
import type { QueueControl, TaskQueue } from '#ports/task-queue.ts';
import { clearQueue } from './clear.ts';
import { failsFast, waits } from './connection-options.ts';
import { type Consumer, startConsumer } from './consumer.ts';
import type { JobData } from './job.ts';
import { countWaiting, createProducer, type Producer } from './producer.ts';
import { createSparseWarn } from './sparse-log.ts';
import { within } from './within.ts';

export type BullmqQueueOptions = RedisAddress & {
  /** Begins every key. Several installations may share one Redis under different ones. */
  prefix?: string;
  /** Offers that one queue holds at most, over all processes. */
  window?: number;
  log?: Log;
};

/**
 * The task queue of several processes. `concurrency`, `pause` and `resume` of the port are this process's own. A task that was offered with two counts of
 * attempts may be handed out twice at once; the claim in the store decides. `depths` counts over all processes: `waiting` is what nobody works on,
 * `active` includes what a worker that died has not given up yet, `concurrency` is this process's, `paused` is true when this process or all of them are. It rejects while Redis is away.
 */
export type BullmqQueue = TaskQueue & QueueControl;

type Lane = {
  queue: Queue<JobData>;
  producer: Producer;
  consumer: Consumer | undefined;
  concurrency: number;
  paused: boolean;
};

const defaultWindow = 10_000;
/** A start waits this long for Redis, and then goes on without it. */
const firstConnectionMs = 3000;
/** An end waits this long for the last offers to arrive. */
const farewellMs = 2000;
/** Of the stream in which BullMQ tells what happens to jobs. Nobody here reads it; Bull Board does. */
const keptEvents = 1000;

/** Task queue on Redis by BullMQ. Redis carries ids and nothing else, may be lost at any moment, and all goes on when it is back. */
export async function openBullmqQueue(options: BullmqQueueOptions): Promise<BullmqQueue> {
  const { prefix = 'formstead', window = defaultWindow, log } = options;
  const redis = openConnection(options, failsFast);
  const sparseWarn = createSparseWarn(log);
  const lanes = new Map<QueueName, Lane>(queueNames.map((name) => [name, openLane(name)]));
  let closed = false;
  tellOf(redis, log);

  function openLane(name: QueueName): Lane {
    const queue = new Queue<JobData>(name, {
      connection: redis,
      prefix,
      skipVersionCheck: true,
      streams: { events: { maxLen: keptEvents } },
    });
    // Of the connection, which tells of itself.
    queue.on('error', () => {});
    const producer = createProducer({
      queue,
      window,
      isConnected: () => redis.status === 'ready',
      onDropped: (offers, err) =>
        sparseWarn({ err, queue: name, offers }, 'offers dropped, the reconciler will find them'),
    });
    return { queue, producer, consumer: undefined, concurrency: 0, paused: false };
  }

  function lanesOf(name: QueueName | undefined): Lane[] {
    return name === undefined ? [...lanes.values()] : [lanes.get(name)!];
  }

  /** BullMQ waits for its first connection, however long. */
  function mustBeConnected(): void {
    if (redis.status !== 'ready') throw new Error('Redis is not connected');
  }

  async function couldFetch(name: QueueName): Promise<boolean> {
    mustBeConnected();
    const { queue } = lanes.get(name)!;
    return !(await queue.isPaused()) && (await countWaiting(queue)) > 0;
  }

  async function depthOf(queue: QueueName, lane: Lane) {
    const [waiting, active, pausedEverywhere] = await Promise.all([
      countWaiting(lane.queue),
      lane.queue.getActiveCount(),
      lane.queue.isPaused(),
    ]);
    return { queue, waiting, active, concurrency: lane.concurrency, paused: lane.paused || pausedEverywhere };
  }

  await untilReady(redis, firstConnectionMs);
  return {
    offer(offers) {
      if (closed) return;
      for (const offer of offers) lanes.get(offer.queue)?.producer.offer(offer);
    },
    consume(name, concurrency, work) {
      const lane = lanes.get(name)!;
      if (lane.consumer !== undefined) throw new Error(`the queue ${name} is consumed already`);
      lane.concurrency = concurrency;
      lane.consumer = startConsumer({
        queue: name,
        prefix,
        concurrency,
        work,
        paused: lane.paused,
        connect: () => openConnection(options, waits),
        couldFetch,
        onError: (err) => sparseWarn({ err, queue: name }, 'worker had an error, goes on'),
        log,
      });
    },
    pause(name) {
      for (const lane of lanesOf(name)) {
        lane.paused = true;
        lane.consumer?.pause();
      }
    },
    resume(name) {
      for (const lane of lanesOf(name)) {
        lane.paused = false;
        lane.consumer?.resume();
      }
    },
    async depths() {
      mustBeConnected();
      return Promise.all([...lanes].map(([name, lane]) => depthOf(name, lane)));
    },
    async pauseEverywhere(name) {
      mustBeConnected();
      await Promise.all(lanesOf(name).map((lane) => lane.queue.pause()));
    },
    async resumeEverywhere(name) {
      mustBeConnected();
      await Promise.all(lanesOf(name).map((lane) => lane.queue.resume()));
    },
    async clear(name) {
      mustBeConnected();
      for (const lane of lanesOf(name)) await clearQueue(redis, lane.queue);
    },
    async close() {
      // What still runs may offer what follows from it, for other processes.
      await Promise.all([...lanes.values()].map((lane) => lane.consumer?.close()));
      closed = true;
      await within(farewellMs, Promise.all([...lanes.values()].map((lane) => lane.producer.flushed())));
      await Promise.all([...lanes.values()].map((lane) => lane.queue.close()));
      redis.disconnect();
    },
  };
}
