/**
 * Power cuts: the server writes to an ext4 image on a loop device; in mid-load the writers are stopped and the image is copied, which is what a power cut
 * leaves on an honest disk: the device's content, without what the page cache still held. The copy is mounted (its journal is replayed), opened and
 * verified: nothing acknowledged may be missing. Then the same with `synchronous=normal`, which must lose something: that proves that this test can fail.
 * Needs root (losetup, mount, mkfs.ext4). Usage: node test/soak/power.ts [--cuts 20] [--normal-cuts 5]
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type Acknowledged,
  admin,
  everyResponseId,
  loadClient,
  login,
  publishForm,
  type ServerProcess,
  serverEnv,
  startServer,
  verifyDir,
} from './world.ts';

const { values } = parseArgs({
  options: { cuts: { type: 'string', default: '20' }, 'normal-cuts': { type: 'string', default: '5' } },
});
const clients = 32;
const imageSize = '256M';
const work = mkdtempSync(join(tmpdir(), 'formstead-power-'));

function command(name: string, ...args: string[]): string {
  return execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

type Disk = {
  path: string;
  /** The device's content as it is now, in a file of its own. */
  copy(to: string): void;
  unmount(): void;
};
const disks = new Set<Disk>();

/** Mounts an image on a loop device that is freed with the mount. */
function mount(image: string, name: string): Disk {
  const path = join(work, name);
  mkdirSync(path, { recursive: true });
  command('mount', '-o', 'loop,noatime', image, path);
  const device = basename(command('findmnt', '-n', '-o', 'SOURCE', path));
  const disk: Disk = {
    path,
    copy(to) {
      // The kernel may write back behind the stopped writers. A copy that was being written to is no moment of the device, so it is taken again.
      for (let before = writesOf(device), after = ''; before !== after; ) {
        before = writesOf(device);
        copyFileSync(image, to, constants.COPYFILE_FICLONE);
        after = writesOf(device);
      }
    },
    unmount() {
      if (disks.delete(disk)) command('umount', path);
    },
  };
  disks.add(disk);
  return disk;
}

/** Writes completed and requests in flight, of /sys/block/<device>/stat (Documentation/block/stat.rst). */
function writesOf(device: string): string {
  const fields = readFileSync(`/sys/block/${device}/stat`, 'utf8').trim().split(/\s+/);
  return `${fields[4]} ${fields[8]}`;
}

type Synchronous = 'full' | 'normal';
type Cut = { acknowledged: number; lost: number; kept: number; problems: string[] };

function envOn(disk: Disk, synchronous: Synchronous): Record<string, string> {
  return {
    ...serverEnv(join(disk.path, 'data')),
    FORMSTEAD_SQLITE_SYNCHRONOUS: synchronous,
    FORMSTEAD_DISK_RESERVE: '1MB',
  };
}

async function cut(synchronous: Synchronous, n: number): Promise<Cut> {
  const image = join(work, `${synchronous}-${n}.img`);
  const after = join(work, `${synchronous}-${n}-after.img`);
  try {
    command('truncate', '-s', imageSize, image);
    command('mkfs.ext4', '-q', '-F', image);
    const { formId, acknowledged } = await loadAndCut(image, after, synchronous);
    return await recover(after, formId, acknowledged, synchronous);
  } finally {
    rmSync(image, { force: true });
    rmSync(after, { force: true });
  }
}

/** Leaves the image as the cut leaves the disk, and tells what had been acknowledged by then. */
async function loadAndCut(image: string, after: string, synchronous: Synchronous) {
  const disk = mount(image, 'live');
  let server: ServerProcess | undefined;
  try {
    server = await startServer(envOn(disk, synchronous));
    const { url, pid } = server;
    const api = await login(url, admin.email, admin.password);
    const formId = await publishForm(api);
    // NORMAL must lose responses, not the form they are looked for by. FULL gets no such help: the form was acknowledged too.
    if (synchronous === 'normal') command('sync', '-f', disk.path);
    const acknowledged = new Map<string, Acknowledged>();
    let stopped = false;
    const load = Array.from({ length: clients }, (_, client) =>
      loadClient({
        url: () => url,
        formId,
        name: `c${client}`,
        stopped: () => stopped,
        onAcknowledged: (one) => acknowledged.set(one.responseId, one),
      }),
    );
    await pause(600 + Math.random() * 1200);
    process.kill(pid, 'SIGSTOP');
    // Answers that are on their way arrive; what the server would acknowledge later does not count, and it gets no chance to.
    await pause(100);
    stopped = true;
    const atTheCut = [...acknowledged.keys()];
    disk.copy(after);
    await server.kill();
    await Promise.all(load);
    return { formId, acknowledged: atTheCut };
  } finally {
    await server?.kill();
    disk.unmount();
  }
}

async function recover(image: string, formId: string, acknowledged: string[], synchronous: Synchronous): Promise<Cut> {
  const disk = mount(image, 'recovered');
  let server: ServerProcess | undefined;
  try {
    const { problems } = await verifyDir(join(disk.path, 'data'));
    server = await startServer(envOn(disk, synchronous));
    const api = await login(server.url, admin.email, admin.password);
    const kept = await everyResponseId(api, formId);
    const lost = acknowledged.filter((id) => !kept.has(id)).length;
    return { acknowledged: acknowledged.length, lost, kept: kept.size, problems };
  } finally {
    await server?.stop();
    disk.unmount();
  }
}

async function series(synchronous: Synchronous, cuts: number): Promise<Cut[]> {
  const done: Cut[] = [];
  for (let n = 1; n <= cuts; n += 1) {
    const one = await cut(synchronous, n);
    done.push(one);
    const problems = one.problems.map((problem) => `\n  ${problem}`).join('');
    console.log(
      `${synchronous} cut ${n}: ${one.acknowledged} acknowledged, ${one.kept} kept, ${one.lost} lost${problems}`,
    );
  }
  return done;
}

async function main(): Promise<void> {
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
}

if (process.getuid?.() !== 0) {
  console.error('This test mounts disk images and needs root: sudo npm run test:power');
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // Lazily, since a server of ours may still hold files open; the loop device goes with the last of them.
    for (const { path } of disks) command('umount', '-l', path);
    rmSync(work, { recursive: true, force: true });
    process.exit(1);
  });
}
try {
  await main();
} finally {
  for (const disk of disks) disk.unmount();
  rmSync(work, { recursive: true, force: true });
}
