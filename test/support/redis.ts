import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { skipWithout } from './services.ts';

export type TestRedis = {
  url: string;
  /** Ends it without a word, and all it holds with it: nothing is written to a disk. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  /** Keeps its connections and answers nothing any more, until it is killed or thawed. */
  freeze(): void;
  thaw(): void;
};

export type OwnRedis = TestRedis & {
  /** What is to be closed at the end of the test while this Redis is still there. */
  beforeEnd(end: () => Promise<unknown>): void;
};

const binary = (process.env.PATH ?? '')
  .split(delimiter)
  .map((dir) => join(dir, 'redis-server'))
  .find(isExecutable);

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A Redis of this test's own on a free port, gone with the test; undefined, and the test skipped, where there is no `redis-server`. */
export async function ownRedis(t: TestContext, options: string[] = []): Promise<OwnRedis | undefined> {
  const redis = await startRedis(options);
  if (redis === undefined) {
    skipWithout(t, 'redis-server is not in PATH');
    return undefined;
  }
  // Hooks of node:test run in the order they were given: this one would come before those of what works on the Redis.
  const ends: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    await Promise.all(ends.map((end) => end()));
    await redis.kill();
  });
  return { ...redis, beforeEnd: (end) => void ends.push(end) };
}

/** Removes what a test has left in a Redis that may be somebody's. */
export async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url);
  const keys = await redis.keys(`${prefix}*`);
  if (keys.length > 0) await redis.unlink(...keys);
  await redis.quit();
}

/** For a suite: the Redis that `REDIS_URL` names, or one of its own; undefined where there is neither. */
export async function suiteRedis(): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const given = process.env.REDIS_URL;
  if (given !== undefined) return { url: given, stop: async () => {} };
  const redis = await startRedis([]);
  return redis && { url: redis.url, stop: redis.kill };
}

export const noRedis = 'redis-server is not in PATH and REDIS_URL is not set';

async function startRedis(options: string[]): Promise<TestRedis | undefined> {
  if (binary === undefined) return undefined;
  const program = binary;
  const port = await freePort();
  const dir = mkdtempSync(join(tmpdir(), 'formstead-redis-'));
  const plain = options.includes('--tls-port') ? [] : ['--port', String(port)];
  const tls = options.map((option) => (option === '{port}' ? String(port) : option));
  const fixed = ['--bind', '127.0.0.1', '--dir', dir, '--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  let child: ReturnType<typeof spawn>;
  let ended: Promise<unknown> = Promise.resolve();

  async function start(): Promise<void> {
    mkdirSync(dir, { recursive: true });
    child = spawn(program, [...plain, ...tls, ...fixed], { stdio: 'ignore' });
    ended = new Promise((resolve) => child.once('exit', resolve));
    let exited = false;
    void ended.then(() => {
      exited = true;
    });
    while (!(await accepts(port))) {
      if (exited) throw new Error('redis-server did not start');
      await sleep(10);
    }
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    async kill() {
      child.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
