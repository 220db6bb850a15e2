import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
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

/** There is no Docker engine on this machine, and none can be started. */
export class NoEngine extends Error {}

/** Errors: `NoEngine`; Compose can neither be found nor fetched. */
export async function openDocker(): Promise<Docker> {
  const env: NodeJS.ProcessEnv = { ...process.env, DOCKER_BUILDKIT: '1' };
  // An engine that does not answer is none.
  const works = (...args: string[]) =>
    spawnSync('docker', args, { env, stdio: 'ignore', timeout: 20_000, killSignal: 'SIGKILL' }).status === 0;
  if (!works('--version')) throw new NoEngine('there is no Docker (test/stack/fetch-tools installs it)');
  const engine = works('info') ? undefined : await startEngine(env);
  if (!works('compose', 'version')) {
    env.DOCKER_CONFIG = join(cache, 'cli');
    if (!existsSync(join(env.DOCKER_CONFIG, 'cli-plugins/docker-compose')))
      await run(join(import.meta.dirname, 'fetch-compose'), [env.DOCKER_CONFIG], { env, timeout: 300_000 }).catch(
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
  if (process.getuid?.() !== 0) throw new NoEngine('no Docker engine runs, and only root can start one');
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
  let isGone = false;
  const gone = new Promise<void>((resolve) => {
    const note = () => {
      isGone = true;
      resolve();
    };
    child.once('exit', note).once('error', note);
  });
  const end = async () => {
    child.kill('SIGTERM');
    await Promise.race([gone, sleep(30_000, undefined, { ref: false })]);
    child.kill('SIGKILL');
    await gone;
    rmSync(place, { recursive: true, force: true });
  };
  const until = performance.now() + 60_000;
  const answers = () => spawnSync('docker', ['info'], { env, stdio: 'ignore', timeout: 10_000 }).status === 0;
  while (!answers()) {
    if (performance.now() > until || isGone) {
      const said = lastWords(join(place, 'log'));
      await end();
      throw new NoEngine(`dockerd does not start here: ${said}`);
    }
    await sleep(300);
  }
  await probe(env, place).catch(async (err: unknown) => {
    await end();
    throw new NoEngine(`dockerd starts and can run no container: ${err}`);
  });
  return { end };
}

/** An engine may start where it may neither mount nor make networks and control groups: then it runs nothing. */
async function probe(env: NodeJS.ProcessEnv, place: string): Promise<void> {
  // The engine's own init: a single file that needs no other.
  const { stdout: init } = await run('sh', ['-c', 'readlink -f "$(command -v docker-init)" || true']);
  if (init === '') return;
  cpSync(init.trim(), join(place, 'init'));
  const image = 'formstead-probe';
  const limits = { env, timeout: 60_000 };
  await run('tar', ['-C', place, '-cf', join(place, 'image.tar'), 'init']);
  await run('docker', ['import', join(place, 'image.tar'), image], limits);
  await run('docker', ['run', '--rm', '--memory', '64m', '--pids-limit', '16', image, '/init', '--version'], limits);
  await run('docker', ['image', 'rm', image], limits);
}

/** What the engine's log says of its end. */
function lastWords(log: string): string {
  const said = existsSync(log) ? readFileSync(log, 'utf8').trim() : '';
  return said.split('failed to start daemon: ').at(-1)!.slice(-400);
}
