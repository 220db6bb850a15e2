import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '#config.ts';
import { diskFault } from './disk-fault.ts';
import type { Finding } from './finding.ts';

const slowFsyncMs = 20;

/** Whether the server could keep its files: in the data directory, in the folders that are in it, and how much and how fast. */
export function directoryFindings(config: Pick<Config, 'dataDir' | 'diskReserveBytes'>): Finding[] {
  const { dataDir } = config;
  const there = existsSync(dataDir) ? dataDir : nearestParent(dataDir);
  if (!statSync(there).isDirectory()) {
    return [
      {
        level: 'fault',
        what: `${there} is a file`,
        cure: 'Set FORMSTEAD_DATA_DIR to a directory, or move the file away.',
      },
    ];
  }
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch {
    return [
      {
        level: 'fault',
        what: `${there} cannot be written by this user`,
        cure: `chown it to the user that runs Formstead, or set FORMSTEAD_DATA_DIR.`,
      },
    ];
  }
  const findings: Finding[] = [
    { level: 'ok', what: `data directory ${dataDir}${there === dataDir ? '' : ' (will be made)'}` },
  ];
  if (there === dataDir && (statSync(dataDir).mode & 0o077) !== 0) {
    findings.push({ level: 'warning', what: `${dataDir} can be entered by other users`, cure: `chmod 700 ${dataDir}` });
  }
  findings.push(spaceFinding(there, config.diskReserveBytes), fsyncFinding(there), ...folderFindings(dataDir));
  return findings;
}

function spaceFinding(folder: string, reserveBytes: number): Finding {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const what = `${(free / 1024 ** 3).toFixed(1)} GiB free on the disk of the data directory`;
  if (free >= reserveBytes) return { level: free < reserveBytes * 4 ? 'warning' : 'ok', what };
  return {
    level: 'fault',
    what: `${what}: responses would be refused`,
    cure: 'Free some space, or lower FORMSTEAD_DISK_RESERVE.',
  };
}

/** Every acceptance waits for one: the machine's honest answer to how fast durable can be. */
function fsyncFinding(folder: string): Finding {
  const times: number[] = [];
  try {
    withProbe(folder, (file) => {
      for (let i = 0; i < 20; i += 1) {
        const from = performance.now();
        writeSync(file, 'x'.repeat(4096));
        fsyncSync(file);
        times.push(performance.now() - from);
      }
    });
  } catch (err) {
    return unwritable(folder, err);
  }
  const median = times.toSorted((a, b) => a - b)[10]!;
  const what = `an fsync takes ${median.toFixed(2)} ms`;
  if (median < slowFsyncMs) return { level: 'ok', what };
  return {
    level: 'warning',
    what,
    cure: 'Each acceptance waits for one, though many share it. A local SSD helps; a network disk does not.',
  };
}

/** The first folder with files of the server that this user may not write into: after a restore as root it is all of them, and one cure mends them. */
function folderFindings(dataDir: string): Finding[] {
  const blobs = join(dataDir, 'blobs');
  let folder = blobs;
  try {
    if (existsSync(blobs)) {
      withProbe(blobs);
      for (const entry of readdirSync(blobs, { withFileTypes: true })) {
        folder = join(blobs, entry.name);
        if (entry.isDirectory()) withProbe(folder);
      }
    }
    folder = join(dataDir, 'queries');
    if (existsSync(folder)) withProbe(folder);
    return [];
  } catch (err) {
    return [unwritable(folder, err)];
  }
}

function unwritable(folder: string, err: unknown): Finding {
  const { reason, cure } = diskFault(err) ?? { reason: (err as Error).message, cure: undefined };
  return { level: 'fault', what: `${folder} cannot be written: ${reason}`, ...(cure && { cure }) };
}

/** Opens a file in the folder, and removes it. Errors: those of the file system. */
function withProbe(folder: string, use: (file: number) => void = () => {}): void {
  const probe = join(folder, `.formstead-doctor-${process.pid}`);
  const file = openSync(probe, 'w');
  try {
    use(file);
  } finally {
    closeSync(file);
    rmSync(probe, { force: true });
  }
}

function nearestParent(path: string): string {
  let parent = dirname(path);
  while (!existsSync(parent)) parent = dirname(parent);
  return parent;
}
