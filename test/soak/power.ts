/**
 * Power cuts: the server writes to an ext4 image on a loop device; in mid-load the writers are stopped and the image is copied, which is what a power cut
 * leaves on an honest disk: the device's content, without whatever the page cache still held. The copy is mounted (its journal is replayed), opened and
 * verified: nothing acknowledged may be missing. Then the same with `synchronous=normal`, which must lose something: that proves that this test can fail.
 * Needs root (losetup, mount, mkfs.ext4). Usage: node test/soak/power.ts [--cuts 20] [--normal-cuts 6]
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type Acknowledged,
  admin,
  everyResponseId,
  loadClient,
  login,
  publishForm,
  serverEnv,
  startServer,
  verifyDir,
} from './world.ts';

const { values } = parseArgs({
  options: { cuts: { type: 'string', default: '20' }, 'normal-cuts': { type: 'string', default: '6' } },
});
const clients = 32;
const work = mkdtempSync(join(tmpdir(), 'formstead-power-'));
const mounted = new Set<string>();

function command(name: string, ...args: string[]): void {
  execFileSync(name, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function mount(image: string, at: string): void {
  mkdirSync(at, { recursive: true });
  command('mount', '-o', 'loop,noatime', image, at);
  mounted.add(at);
}

function unmount(at: string): void {
  if (!mounted.delete(at)) return;
  command('umount', at);
}

type Cut = { acknowledged: number; lost: number; problems: string[] };

async function cut(synchronous: 'full' | 'normal', n: number): Promise<Cut> {
  const image = join(work, `disk-${n}.img`);
  const after = join(work, `after-${n}.img`);
  const live = join(work, 'live');
  const recovered = join(work, 'recovered');
  command('truncate', '-s', '256M', image);
  command('mkfs.ext4', '-q', '-F', image);
  mount(image, live);
  const env = {
    ...serverEnv(join(live, 'data')),
    FORMSTEAD_SQLITE_SYNCHRONOUS: synchronous,
    FORMSTEAD_DISK_RESERVE: '1MB',
  };
  const server = await startServer(env);
  const acknowledged = new Map<string, Acknowledged>();
  let atTheCut = acknowledged;
  let formId = '';
  try {
    const api = await login(server.url, admin.email, admin.password);
    formId = await publishForm(api);
    // What came before the load is on disk in either mode: only the responses are in question.
    command('sync', '-f', live);
    let stopped = false;
    const load = Array.from({ length: clients }, (_, client) =>
      loadClient({
        url: () => server.url,
        formId,
        name: `c${client}`,
        stopped: () => stopped,
        onAcknowledged: (one) => acknowledged.set(one.responseId, one),
      }),
    );
    await pause(600 + Math.random() * 1200);
    process.kill(server.pid, 'SIGSTOP');
    // Answers that were on their way arrive; what the server would acknowledge later does not count, and it gets no chance to.
    await pause(100);
    stopped = true;
    atTheCut = new Map(acknowledged);
    copyFileSync(image, after, constants.COPYFILE_FICLONE);
    await server.kill();
    await Promise.all(load);
  } finally {
    await server.kill().catch(() => {});
    unmount(live);
  }
  mount(after, recovered);
  try {
    return await recover(join(recovered, 'data'), formId, atTheCut, synchronous);
  } finally {
    unmount(recovered);
    rmSync(image, { force: true });
    rmSync(after, { force: true });
  }
}

async function recover(
  dataDir: string,
  formId: string,
  acknowledged: Map<string, Acknowledged>,
  synchronous: string,
): Promise<Cut> {
  const server = await startServer({
    ...serverEnv(dataDir),
    FORMSTEAD_SQLITE_SYNCHRONOUS: synchronous,
    FORMSTEAD_DISK_RESERVE: '1MB',
  });
  try {
    const api = await login(server.url, admin.email, admin.password);
    const kept = await everyResponseId(api, formId);
    const lost = [...acknowledged.keys()].filter((id) => !kept.has(id)).length;
    const { problems } = await verifyDir(dataDir);
    return { acknowledged: acknowledged.size, lost, problems };
  } finally {
    await server.stop();
  }
}

async function series(synchronous: 'full' | 'normal', cuts: number): Promise<Cut[]> {
  const done: Cut[] = [];
  for (let n = 1; n <= cuts; n += 1) {
    const one = await cut(synchronous, n);
    done.push(one);
    console.log(
      `${synchronous} cut ${n}: ${one.acknowledged} acknowledged, ${one.lost} lost${one.problems.length ? `, ${one.problems.join('; ')}` : ''}`,
    );
  }
  return done;
}

if (process.getuid?.() !== 0) {
  console.error('This test mounts disk images and needs root: sudo npm run test:power');
  process.exit(2);
}
try {
  const full = await series('full', Number(values.cuts));
  const normal = await series('normal', Number(values['normal-cuts']));
  const sum = (cuts: Cut[], of: (one: Cut) => number) => cuts.reduce((total, one) => total + of(one), 0);
  const lost = sum(full, (one) => one.lost);
  const problems = sum(full, (one) => one.problems.length);
  const lostNormal = sum(normal, (one) => one.lost);
  console.log(`
synchronous=FULL:   ${full.length} cuts, ${sum(full, (one) => one.acknowledged)} acknowledged, ${lost} lost, ${problems} problems (must be 0 and 0)
synchronous=NORMAL: ${normal.length} cuts, ${sum(normal, (one) => one.acknowledged)} acknowledged, ${lostNormal} lost (must not be 0: the test can fail)`);
  if (lost > 0 || problems > 0 || (normal.length > 0 && lostNormal === 0)) process.exitCode = 1;
} finally {
  for (const at of mounted) unmount(at);
  rmSync(work, { recursive: true, force: true });
}
