import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isStack, leftOfLostDatabase, openAdapters, openLog } from '#compose.ts';
import { type Config, describeConfig, loadConfig, readEnvironment } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import { certificateFindings } from './doctor/certificates.ts';
import { directoryFindings } from './doctor/data-directory.ts';
import { deadLetters, type Finding } from './doctor/finding.ts';
import { machineMemory } from './doctor/machine-memory.ts';
import { mailFindings } from './doctor/mail.ts';
import { modelFindings } from './doctor/models.ts';
import { stackFindings } from './doctor/stack.ts';
import { version } from './version.ts';

const oldestNode = [24, 7] as const;
/** One server idles below 160 MB; DuckDB, a training and a full load come on top. */
const memoryWanted = 1024 ** 3;

/** Looks at the machine and the configuration as `serve` would meet them. Changes nothing but probe files that it removes. */
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
    if (existsSync(join(config.dataDir, 'formstead.sqlite'))) return [{ level: 'fault', what: err.detail }];
    return [await noDatabaseFinding(config)];
  }
}

async function noDatabaseFinding(config: Config): Promise<Finding> {
  const left = await leftOfLostDatabase(config);
  if (left.length === 0) return { level: 'ok', what: 'no database yet: the first start makes it' };
  return {
    level: 'fault',
    what: `formstead.sqlite is missing in ${config.dataDir}, where an installation has left ${left.join(' and ')}`,
    cure: 'Restore it from a backup, or set FORMSTEAD_DATA_DIR to where it is; a start would make an empty one. If there never was one, move the rest away.',
  };
}
