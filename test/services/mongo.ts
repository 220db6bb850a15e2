import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { freePort } from '../support/free-port.ts';
import { type Service, startService } from './service.ts';

/*
 * A server that speaks MongoDB's protocol and can be had from a package registry: SecantusDB, on WiredTiger. Nobody who runs Formstead needs it. It is
 * GPL-2.0 and runs as a process of its own. What it cannot show is in docs/reference/conformance.md.
 */
const version = '0.7.0b3';
const requirements = new URL('secantusdb.txt', import.meta.url).pathname;

/** Errors: without Python 3 with `venv`, or without a package registry. */
async function install(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'formstead-services');
  const place = join(cache, `secantusdb-${version}`);
  if (existsSync(place)) return place;
  await mkdir(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, 'unfinished-'));
  run('python3', '-m', 'venv', unfinished);
  run(
    join(unfinished, 'bin/python'),
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    '-r',
    requirements,
  );
  // An environment knows its own path only in its scripts, which are not used.
  renameSync(unfinished, place);
  return place;
}

function run(command: string, ...args: string[]): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}`);
}

/** A fresh, empty server on loopback. */
export async function startMongo(): Promise<Service> {
  const place = await install();
  const dir = mkdtempSync(join(tmpdir(), 'formstead-mongo-'));
  const port = await freePort();
  const python = join(place, 'bin/python');
  const script = join(place, 'bin/secantusd-py');
  const args = [script, '--host', '127.0.0.1', '--port', String(port), '--storage-path', dir];
  const url = `mongodb://127.0.0.1:${port}/`;
  return startService({
    name: 'MongoDB stand-in',
    url,
    // Each acknowledged write is on the disk, as a replica set's journal has it.
    command: [python, ...args, '--sync-on-commit'],
    async ready() {
      const client = new MongoClient(url, { serverSelectionTimeoutMS: 500 });
      await client
        .db('admin')
        .command({ ping: 1 })
        .finally(() => client.close());
    },
    ended: () => rmSync(dir, { recursive: true, force: true }),
  });
}
