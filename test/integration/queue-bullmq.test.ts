import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { Log } from '#ports/log.ts';
import type { Offer } from '#ports/task-queue.ts';
import {
  type BullmqQueue,
  type BullmqQueueOptions,
  openBullmqQueue,
} from '../../src/adapters/queue-bullmq/bullmq-queue.ts';
import { failsFast, waits } from '../../src/adapters/queue-bullmq/connection-options.ts';
import { startConsumer } from '../../src/adapters/queue-bullmq/consumer.ts';
import { openConnection } from '../../src/adapters/redis/connection.ts';
import type { QueueChildArguments } from '../support/queue-child.ts';
import { type OwnRedis, ownRedis } from '../support/redis.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';

const program = fileURLToPath(new URL('../support/queue-child.ts', import.meta.url));
const limit = { timeout: 30_000 };

function offer(id: string, rest: Partial<Offer> = {}): Offer {
  return { id, attempts: 0, queue: 'default', priority: 4, ...rest };
}

function offers(count: number, name = 't'): Offer[] {
  return Array.from({ length: count }, (_, i) => offer(`${name}${i}`));
}

/** Until the condition holds; a test's time limit ends the wait. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(5);
}

async function opened(redis: OwnRedis, options: BullmqQueueOptions): Promise<BullmqQueue> {
  const queue = await openBullmqQueue(options);
  redis.beforeEnd(() => queue.close());
  return queue;
}

/** What waits in the queue `default`; undefined while Redis is away. */
async function waiting(queue: BullmqQueue): Promise<number | undefined> {
  const rows = await queue.depths().catch(() => []);
  return rows.find((row) => row.queue === 'default')?.waiting;
}

/** A log that keeps its phrases. */
function phrases(): { log: Log; said: string[] } {
  const said: string[] = [];
  const keep = (_fields: object, message: string) => void said.push(message);
  const log: Log = { debug: keep, info: keep, warn: keep, error: keep, child: () => log };
  return { log, said };
}

/** A process that consumes until it is killed, at the latest at the end of the test. */
async function startChild(t: TestContext, args: QueueChildArguments) {
  const child = spawn(process.execPath, [program, JSON.stringify(args)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Half a coverage file, left by a kill, would spoil the report of the whole run.
    env: { ...process.env, NODE_V8_COVERAGE: '' },
  });
  const closed = once(child, 'close');
  const lines: { line: string; at: number }[] = [];
  createInterface(child.stdout).on('line', (line) => lines.push({ line, at: performance.now() }));
  const kill = async () => {
    child.kill('SIGKILL');
    await closed;
  };
  t.after(kill);
  const heard = (word: string) => lines.some(({ line }) => line === word);
  await until(() => heard('open'));
  return {
    kill,
    closed,
    /** Ids whose work has started, or ended, in order. */
    told: (word: 'start' | 'end') =>
      lines.filter(({ line }) => line.startsWith(`${word} `)).map(({ line }) => line.slice(word.length + 1)),
    lines,
    async tell(word: 'pause' | 'resume' | 'close') {
      child.stdin.write(`${word}\n`);
      await until(() => heard(`heard ${word}`));
    },
  };
}

test('Redis is killed and comes back empty: what is offered then is worked on', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const { log, said } = phrases();
  const queue = await opened(redis, { url: redis.url, log });
  const ran: string[] = [];
  const held = Promise.withResolvers<void>();
  queue.consume('default', 2, async ({ id }) => {
    ran.push(id);
    if (id === 'held' && ran.length === 1) await held.promise;
  });
  queue.consume('batched', 1, async ({ id }) => void ran.push(id));
  queue.offer([offer('held')]);
  await until(() => ran.includes('held'));

  await redis.kill();
  for (const one of offers(3, 'lost')) queue.offer([one]);
  const asked = performance.now();
  await assert.rejects(queue.depths());
  assert.ok(performance.now() - asked < 1000, 'depths() does not wait for Redis');
  held.resolve();
  await sleep(1500);

  await redis.start();
  await until(async () => (await waiting(queue)) === 0);
  queue.offer([offer('held'), ...offers(3, 'lost'), offer('other', { queue: 'batched' })]);
  await until(() => ran.length === 6);
  assert.deepEqual(ran.toSorted(), ['held', 'held', 'lost0', 'lost1', 'lost2', 'other']);
  assert.ok(said.includes('Redis is away, trying again every second') && said.includes('Redis is back'));
  assert.equal(said.filter((phrase) => phrase.startsWith('offers dropped')).length, 1, 'one line for all of them');
});

test('Redis is flushed while work runs and waits: all of it can be offered again', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const queue = await opened(redis, { url: redis.url });
  const ran: string[] = [];
  const held = Promise.withResolvers<void>();
  queue.consume('default', 1, async ({ id }) => {
    ran.push(id);
    await held.promise;
  });
  queue.offer([offer('runs'), offer('waits')]);
  await until(async () => ran.length === 1 && (await waiting(queue)) === 1);
  const admin = new Redis(redis.url);
  await admin.flushall();
  await admin.quit();
  assert.equal(await waiting(queue), 0);
  queue.offer([offer('runs'), offer('waits')]);
  await until(async () => (await waiting(queue)) === 2);
  held.resolve();
  await until(() => ran.length === 3);
  assert.deepEqual(ran, ['runs', 'runs', 'waits']);
});

test('two processes share the work, and no offer is in two hands at once', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const { url } = redis;
  const queue = await opened(redis, { url, prefix: 'shared' });
  const start = () => startChild(t, { url, prefix: 'shared', concurrency: 3, workMs: 20 });
  const children = await Promise.all([start(), start()]);
  const all = offers(60);
  // Each is offered again and again, as a reconciler does.
  for (let round = 0; round < 5; round++) {
    queue.offer(all);
    await sleep(30);
  }
  const ends = () => children.flatMap((child) => child.told('end'));
  await until(async () => new Set(ends()).size === all.length && (await waiting(queue)) === 0);
  for (const child of children) assert.ok(child.told('start').length > 5, 'each of the two has worked');
  const running = new Set<string>();
  for (const { line } of children.flatMap((child) => child.lines).toSorted((a, b) => a.at - b.at)) {
    const [word = '', id = ''] = line.split(' ');
    if (word === 'end') running.delete(id);
    if (word !== 'start') continue;
    assert.ok(!running.has(id), `${id} is in two hands`);
    running.add(id);
  }
});

test('what a killed process was working on comes to another within 20 s', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const { url } = redis;
  const queue = await opened(redis, { url });
  const child = await startChild(t, { url, prefix: 'formstead', concurrency: 1, workMs: 60_000 });
  queue.offer([offer('orphan')]);
  await until(() => child.told('start').includes('orphan'));
  const ran: string[] = [];
  queue.consume('default', 1, async ({ id }) => void ran.push(id));
  await child.kill();
  const killed = performance.now();
  queue.offer([offer('orphan')]);
  await until(() => ran.includes('orphan'));
  const seconds = (performance.now() - killed) / 1000;
  assert.ok(seconds < 20, `${seconds.toFixed(1)} s`);
  assert.deepEqual(ran, ['orphan']);
});

test('a process that pauses stops only itself; paused everywhere, nobody starts anything', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const { url } = redis;
  const queue = await opened(redis, { url });
  const ran: string[] = [];
  queue.consume('default', 5, async ({ id }) => void ran.push(id));
  const child = await startChild(t, { url, prefix: 'formstead', concurrency: 5, workMs: 1 });

  queue.pause('default');
  queue.offer(offers(20, 'there'));
  await until(() => child.told('end').length === 20);
  assert.deepEqual(ran, []);
  queue.resume('default');

  await child.tell('pause');
  queue.offer(offers(20, 'here'));
  await until(() => ran.length === 20);
  assert.equal(child.told('start').length, 20);
  await child.tell('resume');

  await queue.pauseEverywhere();
  queue.offer(offers(20, 'nowhere'));
  await until(async () => (await waiting(queue)) === 20);
  assert.ok((await queue.depths()).every((row) => row.paused));
  await sleep(1500);
  assert.equal(await waiting(queue), 20);
  assert.equal(ran.length + child.told('start').length, 40);

  await queue.resumeEverywhere();
  await until(() => ran.length + child.told('start').length === 60);
});

test('cleared queues are empty, accept what they held before, and stay paused', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const queue = await opened(redis, { url: redis.url, prefix: 'a*b' });
  const other = await opened(redis, { url: redis.url, prefix: 'axb' });
  await queue.pauseEverywhere('default');
  queue.offer(offers(30));
  other.offer(offers(3));
  await until(async () => (await waiting(queue)) === 30 && (await waiting(other)) === 3);
  // A job that is in no list: BullMQ takes it for one that it has.
  const admin = new Redis(redis.url);
  await admin.hset('a*b:default:stuck@0', 'name', 'task');
  await admin.quit();
  queue.offer([offer('stuck')]);
  await sleep(50);
  assert.equal(await waiting(queue), 30);

  await queue.clear();
  assert.equal(await waiting(queue), 0);
  assert.equal(await waiting(other), 3, 'another prefix is not touched');
  queue.offer([...offers(30), offer('stuck')]);
  await until(async () => (await waiting(queue)) === 31);
  const ran: string[] = [];
  queue.consume('default', 5, async ({ id }) => void ran.push(id));
  await sleep(300);
  assert.deepEqual(ran, []);
  await queue.resumeEverywhere('default');
  await until(() => ran.length === 31);
});

test('clearing while work runs does it no harm', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const queue = await opened(redis, { url: redis.url });
  const ran: string[] = [];
  queue.consume('default', 4, async ({ id }) => {
    ran.push(id);
    await sleep(2);
  });
  for (let round = 0; round < 10; round++) {
    queue.offer(offers(50, `r${round}-`));
    await sleep(10);
    await queue.clear();
  }
  await until(async () => (await waiting(queue)) === 0);
  queue.offer(offers(20, 'after'));
  await until(() => ran.filter((id) => id.startsWith('after')).length === 20);
  assert.equal(new Set(ran).size, ran.length);
});

test(
  'a worker that seems stuck is made anew, without a slot too many and without an end of what it runs',
  limit,
  async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const queue = await opened(redis, { url: redis.url });
    const { log, said } = phrases();
    const started: string[] = [];
    const first = Promise.withResolvers<void>();
    const others = Promise.withResolvers<void>();
    const consumer = startConsumer({
      queue: 'default',
      prefix: 'formstead',
      concurrency: 3,
      paused: false,
      connect: () => openConnection(redis, waits),
      // Says that there is something to fetch when there is nothing: then even a sound worker fetches nothing.
      couldFetch: async () => true,
      work: async ({ id }) => {
        started.push(id);
        await (id === 'first' ? first : others).promise;
      },
      onError: ({ message }) => void said.push(message),
      log,
    });
    redis.beforeEnd(() => consumer.close());
    queue.offer([offer('first')]);
    await until(() => said.length === 1);
    assert.deepEqual(said, ['worker fetched nothing although something waits, made anew']);
    queue.offer(offers(5));
    await until(() => started.length === 3);
    await sleep(300);
    assert.equal(started.length, 3, 'two beside the first');
    first.resolve();
    others.resolve();
    await until(() => started.length === 6);
    assert.deepEqual(started.toSorted(), ['first', 't0', 't1', 't2', 't3', 't4']);
  },
);

test('a connection on which a Redis says nothing is given up for a new one', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const connections = [openConnection({ url: redis.url }, waits), openConnection({ url: redis.url }, failsFast)];
  redis.beforeEnd(async () => {
    for (const each of connections) each.disconnect();
  });
  // `once` of node:events would end with the first error.
  const all = (event: 'ready' | 'reconnecting') =>
    Promise.all(connections.map((each) => new Promise<void>((resolve) => each.once(event, () => resolve()))));
  await all('ready');
  redis.freeze();
  const [waiting, refused] = connections.map((each) => each.ping());
  // Of itself the connection would stay: the kernel of a Redis that hangs still acknowledges what comes in.
  await Promise.all([all('reconnecting'), assert.rejects(refused!)]);
  redis.thaw();
  assert.equal(await waiting, 'PONG');
});

test('a process starts without Redis, and works once it is there', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  await redis.kill();
  const queue = await opened(redis, { url: redis.url });
  const ran: string[] = [];
  queue.consume('default', 1, async ({ id }) => void ran.push(id));
  queue.offer([offer('early')]);
  await assert.rejects(queue.depths(), /not connected/);
  await redis.start();
  await until(async () => (await waiting(queue)) === 0);
  queue.offer([offer('late')]);
  await until(() => ran.length === 1);
  assert.deepEqual(ran, ['late']);
});

for (const [state, strike] of [
  ['is gone', 'kill'],
  ['hangs', 'freeze'],
] as const) {
  test(`closing while Redis ${state} waits for the work and then ends within seconds`, limit, async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const queue = await openBullmqQueue({ url: redis.url });
    const held = Promise.withResolvers<void>();
    const ran: string[] = [];
    queue.consume('default', 1, async ({ id }) => {
      ran.push(id);
      await held.promise;
    });
    queue.consume('batched', 1, async () => {});
    queue.offer([offer('a')]);
    await until(() => ran.length === 1);
    await redis[strike]();
    queue.offer([offer('b')]);
    await sleep(300);
    let closed = false;
    const closing = queue.close().then(() => {
      closed = true;
    });
    await sleep(300);
    assert.equal(closed, false, 'a still runs');
    held.resolve();
    const ended = performance.now();
    await closing;
    assert.ok(performance.now() - ended < 6000);
  });
}

test('a process whose queue is closed ends by itself', limit, async (t) => {
  const redis = await ownRedis(t);
  if (redis === undefined) return;
  const { url } = redis;
  const queue = await opened(redis, { url });
  const child = await startChild(t, { url, prefix: 'formstead', concurrency: 2, workMs: 1 });
  queue.offer(offers(5));
  await until(() => child.told('end').length === 5);
  await redis.kill();
  await sleep(300);
  await child.tell('close');
  const [code] = await child.closed;
  assert.equal(code, 0);
});

test('a password is needed where Redis wants one', limit, async (t) => {
  const redis = await ownRedis(t, ['--requirepass', 'p@ss word']);
  if (redis === undefined) return;
  const address = new URL(redis.url);
  address.password = 'p@ss word';
  const queue = await opened(redis, { url: address.href });
  const ran: string[] = [];
  queue.consume('default', 1, async ({ id }) => void ran.push(id));
  queue.offer([offer('a')]);
  await until(() => ran.length === 1);

  const { log, said } = phrases();
  const stranger = await opened(redis, { url: redis.url, log });
  await assert.rejects(stranger.depths());
  assert.deepEqual(said, ['Redis is away, trying again every second']);
});

test('TLS is verified, with a certificate authority of one’s own where one is named', limit, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-tls-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const day = 86_400_000;
  const { key, cert } = selfSignedCertificate({
    names: ['localhost'],
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
  });
  const [keyFile, certFile] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  writeFileSync(keyFile, key);
  writeFileSync(certFile, cert);
  const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-auth-clients', 'no'];
  const redis = await ownRedis(t, ['--tls-port', '{port}', '--port', '0', ...files]);
  if (redis === undefined) return;
  const url = redis.url.replace('redis://127.0.0.1', 'rediss://localhost');
  const queue = await opened(redis, { url, caFile: certFile });
  const ran: string[] = [];
  queue.consume('default', 1, async ({ id }) => void ran.push(id));
  queue.offer([offer('a')]);
  await until(() => ran.length === 1);

  const distrustful = await opened(redis, { url });
  await assert.rejects(distrustful.depths(), /not connected/);
  await assert.rejects(openBullmqQueue({ url, caFile: join(dir, 'nowhere.pem') }), /ENOENT/);
});
