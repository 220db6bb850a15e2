import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/* Docker for the tests of the stack: the one that runs on this machine, or else one of their own that ends with them. */
const run = promisify(execFile);
/** What is fetched or made once for all runs. */
export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'formstead-stack');

export type Docker = {
  /** Runs `docker …`; resolves to what it printed. Errors: it ended with another code than 0. */
  docker(...args: string[]): Promise<string>;
  env: NodeJS.ProcessEnv;
  /** Ends the engine, if it is ours. */
  end(): Promise<void>;
};

/** Errors: there is no engine, and none can be started here. */
export async function openDocker(): Promise<Docker> {
  const env: NodeJS.ProcessEnv = { ...process.env, DOCKER_BUILDKIT: '1' };
  const works = (...args: string[]) => spawnSync('docker', args, { env, stdio: 'ignore' }).status === 0;
  if (spawnSync('docker', ['--version'], { stdio: 'ignore' }).status !== 0)
    throw new Error('There is no Docker: apt-get install docker.io debootstrap');
  const engine = works('info') ? undefined : await startEngine(env);
  if (!works('compose', 'version')) {
    env.DOCKER_CONFIG = join(cache, 'cli');
    if (!existsSync(join(env.DOCKER_CONFIG, 'cli-plugins/docker-compose')))
      await run(join(import.meta.dirname, 'fetch-compose'), [env.DOCKER_CONFIG], { env }).catch(
        async (err: unknown) => {
          await engine?.end();
          throw err;
        },
      );
  }
  return {
    env,
    docker: async (...args) => (await run('docker', args, { env, maxBuffer: 64 * 1024 ** 2 })).stdout.trim(),
    end: async () => engine?.end(),
  };
}

/** An engine with its images in the cache directory and everything else in one that goes with it. */
async function startEngine(env: NodeJS.ProcessEnv): Promise<{ end(): Promise<void> }> {
  if (process.getuid?.() !== 0) throw new Error('No Docker engine runs, and only root can start one.');
  const place = mkdtempSync(join(tmpdir(), 'formstead-docker-'));
  mkdirSync(cache, { recursive: true });
  env.DOCKER_HOST = `unix://${place}/socket`;
  const log = openSync(join(place, 'log'), 'w');
  const child: ChildProcess = spawn(
    'dockerd',
    [
      ...['--host', env.DOCKER_HOST, '--data-root', join(cache, 'engine'), '--exec-root', join(place, 'run')],
      ...['--pidfile', join(place, 'pid')],
    ],
    { stdio: ['ignore', log, log] },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const end = async () => {
    child.kill('SIGTERM');
    await gone;
    rmSync(place, { recursive: true, force: true });
  };
  const until = performance.now() + 30_000;
  while (spawnSync('docker', ['info'], { env, stdio: 'ignore' }).status !== 0) {
    if (performance.now() > until || child.exitCode !== null) {
      await end();
      throw new Error('dockerd does not start here');
    }
    await sleep(300);
  }
  return { end };
}
