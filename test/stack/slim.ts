/**
 * What the tests of the stack can ask without stopping anything, for every change: limits, rights, networks, the image, TLS, and a response on its whole way.
 * Where no Docker engine can be had it says so, and ends with 0: everything else that goes wrong is a failure.
 *
 *   npm run test:stack:slim
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Docker, NoEngine, openDocker } from './docker.ts';

/** As in stack.ts. */
const project = 'formstead-test';
// On two CPUs that thirty other processes wanted too: 3.3 minutes with the images that stand in, 8.2 with none.
const minutes = 15;

async function main(): Promise<number> {
  // The files of the installation belong to the users inside the containers.
  if (process.getuid?.() !== 0) return leaveOut('it needs root');
  const tools = spawnSync(join(import.meta.dirname, 'fetch-tools'), { stdio: 'inherit', timeout: 8 * 60_000 });
  let engine: Docker;
  try {
    engine = await openDocker();
  } catch (err) {
    if (err instanceof NoEngine) return leaveOut(err.message);
    throw err;
  }
  try {
    if (tools.status !== 0) throw new Error('not all tools could be installed');
    return await runTests(engine);
  } finally {
    await engine.end();
  }
}

function leaveOut(why: string): number {
  console.log(`The stack in containers was NOT tested: ${why}.`);
  return 0;
}

/** Runs them in a process group of their own. When the time is up it ends all of it, and what they have started. */
async function runTests(engine: Docker): Promise<number> {
  const env = { ...engine.env, FORMSTEAD_TEST_LANE: 'slim' };
  const child = spawn('npm', ['run', '--silent', 'test:stack'], { env, stdio: 'inherit', detached: true });
  let ended = '';
  const end = (why: string) => {
    ended = why;
    process.kill(-child.pid!, 'SIGKILL');
  };
  const watchdog = setTimeout(() => end(`after ${minutes} minutes`), minutes * 60_000);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(`by ${signal}`));
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject).on('exit', (status) => resolve(status ?? 1));
  });
  clearTimeout(watchdog);
  if (ended !== '') {
    console.error(`Ended ${ended}.`);
    await engine.docker('rm', '--force', '--volumes', `${project}-receiver`).catch(() => {});
    await engine.docker('compose', '--project-name', project, 'down', '--volumes', '--timeout', '0');
  }
  return code;
}

process.exitCode = await main();
