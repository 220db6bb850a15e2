import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { isStack, openAdapters, openLog } from '#compose.ts';
import { type Config, describeConfig, loadConfig, readEnvironment } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import { certificateFindings } from './doctor/certificates.ts';
import { deadLetters, type Finding } from './doctor/finding.ts';
import { machineMemory } from './doctor/machine-memory.ts';
import { mailFindings } from './doctor/mail.ts';
import { modelFindings } from './doctor/models.ts';
import { stackFindings } from './doctor/stack.ts';
import { version } from './version.ts';

const oldestNode = [24, 7] as const;
/** One server idles below 160 MB; DuckDB, a training and a full load come on top. */
const memoryWanted = 1024 ** 3;
const slowFsyncMs = 20;

/** Looks at the machine and the configuration as `serve` would meet them. Changes nothing but a probe file that it removes. */
export async function doctor(options: { settings?: boolean }): Promise<void> {
  const loaded = loadConfig(readEnvironment());
  const findings: Finding[] = [nodeFinding(), memoryFinding()];
  const named = (level: Finding['level']) => (mistake: { name: string; problem: string; cure: string }) => ({
    level,
    what: `${mistake.name}: ${mistake.problem}`,
    cure: mistake.cure,
  });
  findings.push(...loaded.warnings.map(named('warning')));
  if ('mistakes' in loaded) findings.push(...loaded.mistakes.map(named('fault')));
  else {
    findings.push({ level: 'ok', what: 'the configuration can be read' });
    findings.push(
      ...directoryFindings(loaded.config),
      await portFinding(loaded.config),
      ...(await certificateFindings(loaded.config, Date.now())),
      ...(await (isStack(loaded.config) ? stackFindings : storeFindings)(loaded.config)),
      ...(await modelFindings(loaded.config)),
      ...(await mailFindings(loaded.config)),
    );
    if (options.settings)
      for (const { name, value } of describeConfig(loaded.config)) console.log(`  ${name.padEnd(40)} ${value}`);
  }
  for (const { level, what, cure } of findings)
    console.log(`${level.padEnd(8)} ${what}${cure ? `\n         ${cure}` : ''}`);
  const faults = findings.filter(({ level }) => level === 'fault').length;
  console.log(
    faults === 0
      ? '\nNothing keeps Formstead from running here.'
      : `\n${faults} ${faults === 1 ? 'thing must' : 'things must'} be mended first.`,
  );
  process.exitCode = faults === 0 ? 0 : 1;
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const good = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (good) return { level: 'ok', what: `Node ${process.versions.node}` };
  return {
    level: 'fault',
    what: `Node ${process.versions.node} is too old`,
    cure: 'Use the Node that npm ci brings: npm start, or node_modules/.bin/node.',
  };
}

function memoryFinding(): Finding {
  const bytes = machineMemory();
  const what = `${(bytes / 1024 ** 3).toFixed(1)} GiB of memory`;
  return bytes >= memoryWanted
    ? { level: 'ok', what }
    : { level: 'warning', what, cure: 'Exports and trainings want 1 GiB; give the container or machine more.' };
}

function directoryFindings(config: Config): Finding[] {
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
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const what = `${(free / 1024 ** 3).toFixed(1)} GiB free on the disk of the data directory`;
  if (free < config.diskReserveBytes) {
    findings.push({
      level: 'fault',
      what: `${what}: responses would be refused`,
      cure: 'Free some space, or lower FORMSTEAD_DISK_RESERVE.',
    });
  } else findings.push({ level: free < config.diskReserveBytes * 4 ? 'warning' : 'ok', what });
  findings.push(fsyncFinding(there));
  return findings;
}

/** Every acceptance waits for one: the machine's honest answer to how fast durable can be. */
function fsyncFinding(folder: string): Finding {
  const probe = join(folder, `.formstead-doctor-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const file = openSync(probe, 'w');
  try {
    const times: number[] = [];
    for (let i = 0; i < 20; i += 1) {
      const from = performance.now();
      writeSync(file, 'x'.repeat(4096));
      fsyncSync(file);
      times.push(performance.now() - from);
    }
    const median = times.toSorted((a, b) => a - b)[10]!;
    const what = `an fsync takes ${median.toFixed(2)} ms`;
    if (median < slowFsyncMs) return { level: 'ok', what };
    return {
      level: 'warning',
      what,
      cure: 'Each acceptance waits for one, though many share it. A local SSD helps; a network disk does not.',
    };
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

async function portFinding({ host, port }: Config): Promise<Finding> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (err: NodeJS.ErrnoException) => {
      const cure =
        err.code === 'EADDRINUSE'
          ? 'If that is Formstead itself, all is well; else set FORMSTEAD_PORT.'
          : 'Set FORMSTEAD_HOST and FORMSTEAD_PORT to what this user may use.';
      resolve({
        level: err.code === 'EADDRINUSE' ? 'warning' : 'fault',
        what: `${host}:${port} cannot be listened on (${err.code})`,
        cure,
      });
    });
    server.listen({ host, port }, () => server.close(() => resolve({ level: 'ok', what: `${host}:${port} is free` })));
  });
}

/** Opens an existing store for reading, as `verify` does: schema, secret, first numbers. */
async function storeFindings(config: Config): Promise<Finding[]> {
  const log = await openLog({ logLevel: 'error' });
  try {
    const adapters = await openAdapters(config, { log, version, readOnly: true });
    try {
      const depths = await adapters.storage.tasks.depths(Date.now());
      const dead = depths.reduce((sum, { failed }) => sum + failed, 0);
      return [{ level: 'ok', what: 'the database opens, and its secret is there' }, ...deadLetters(dead)];
    } finally {
      await adapters.close();
    }
  } catch (err) {
    if (!(err instanceof AppError)) throw err;
    if (!existsSync(join(config.dataDir, 'formstead.sqlite')))
      return [{ level: 'ok', what: 'no database yet: the first start makes it' }];
    return [{ level: 'fault', what: err.detail }];
  }
}
