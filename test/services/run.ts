/**
 * Starts what the tests of the stack need: a MongoDB stand-in and a Redis, fresh and on loopback. With a command it runs that and stops them again; without one
 * they run until Ctrl-C. A server that MONGODB_URL or REDIS_URL names already is used instead.
 *
 *   npm run services -- npm test
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { startMongo } from './mongo.ts';
import { startRedis } from './redis.ts';
import type { Service } from './service.ts';

const started: Service[] = [];
const given = ['MONGODB_URL', 'REDIS_URL'] as const;
const urls: Record<string, string> = {};

async function startAll(): Promise<void> {
  for (const name of given) {
    const there = process.env[name];
    if (there !== undefined) {
      urls[name] = there;
      continue;
    }
    const service = await (name === 'MONGODB_URL' ? startMongo() : startRedis());
    started.push(service);
    urls[name] = service.url;
    console.error(`${service.name}: ${service.url}`);
  }
}

async function runCommand([command = '', ...args]: string[]): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...urls } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

async function untilAsked(): Promise<number> {
  for (const [name, url] of Object.entries(urls)) console.log(`export ${name}=${url}`);
  // Nothing else keeps the process: the servers' pipes do.
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  return 0;
}

try {
  await startAll();
  const command = process.argv.slice(2);
  process.exitCode = command.length > 0 ? await runCommand(command) : await untilAsked();
} finally {
  await Promise.all(started.map((service) => service.stop()));
}
