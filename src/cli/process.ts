import { openLog, type Program, type Role, startProgram } from '#compose.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { Log, LogFields } from '#ports/log.ts';
import { linkToSupervisor } from './cluster/link.ts';
import { sentencesOf } from './doctor/disk-fault.ts';
import { configExit, type LoadedSettings } from './settings.ts';
import { version } from './version.ts';

type ProcessLog = Log & { flush(): void };

/**
 * Runs a program in this process until it is asked to stop. SIGTERM and SIGINT end it in order and with exit code 0; a second one ends it at once.
 * `started` is told once it runs.
 */
export async function runProcess(
  loaded: LoadedSettings,
  role: Role,
  started: (program: Program, log: ProcessLog, config: Config) => Promise<void>,
): Promise<void> {
  const { config } = loaded;
  const link = linkToSupervisor();
  const log = await openLog(config);
  if (link === undefined) warnOf(loaded, log);
  const die = endOnUnexpected(log);

  const running = startProgram(config, {
    log,
    version,
    role,
    supervised: link !== undefined,
    onFatal: (err) => die(err, 'the storage thread has ended, the process ends'),
  }).catch((err: unknown) => {
    if (err instanceof AppError) return refuseStart(sentencesOf(err));
    return endWhenTaken(err, config);
  });

  let stopping = false;
  const stop = (why: LogFields) => {
    if (stopping) return;
    stopping = true;
    log.info(why, 'stopping');
    running
      .then(async (program) => {
        await program.stop();
        await link?.farewell(program);
      })
      .then(
        () => {
          log.info({}, 'stopped');
          log.flush();
          process.exit(0);
        },
        (err: unknown) => die(err, 'the stop failed'),
      );
  };
  // Before it runs: its health may be asked, and its end wanted, while it starts. Then it starts first.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // In a terminal both the supervisor and its processes are told, and it is the supervisor who may be told twice.
      if (stopping && link === undefined) process.exit(1);
      stop({ signal });
    });
  }
  // A supervisor replaces its processes; one alone takes the new certificate while it runs.
  if (link === undefined && role.api && config.tlsCertificateFile !== undefined)
    process.on('SIGHUP', () => void running.then((program) => renewCertificate(program, log)));
  const program = await running;
  await started(program, log, config);
  log.flush();
  link?.serve(program, {
    drain: () => void program.drain(config.shutdownGraceMs).then(() => stop({ reason: 'replaced' })),
    stop: () => stop({ reason: 'supervisor' }),
  });
}

async function renewCertificate(program: Program, log: Log): Promise<void> {
  try {
    await program.renewCertificate();
    log.info({}, 'certificate read again');
  } catch (err) {
    log.error({ err }, 'the certificate cannot be used, the one before goes on');
  }
}

export function warnOf({ warnings }: LoadedSettings, log: Log): void {
  for (const { name, problem, cure } of warnings)
    log.warn({ setting: name, problem, cure }, 'setting is allowed but questionable');
}

/** A store that cannot commit or a state nobody foresaw: what is acknowledged is safe on disk, so the safest thing is to end and be started again. */
export function endOnUnexpected(log: ProcessLog): (err: unknown, message: string) => never {
  const die = (err: unknown, message: string): never => {
    log.error({ err }, message);
    log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', (err) => die(err, 'unexpected error, the process ends'));
  process.on('unhandledRejection', (err) => die(err, 'unexpected rejection, the process ends'));
  return die;
}

/** Says which port is taken, if that is it, and ends. Errors: throws whatever else it was. */
export function endWhenTaken(err: unknown, config: Config): never {
  const { code, address, port } = err as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code !== 'EADDRINUSE') throw err;
  const setting = port === config.port ? 'FORMSTEAD_PORT' : 'FORMSTEAD_METRICS_PORT';
  return refuseStart(`${address}:${port} is taken. Stop the other program, or set ${setting}.`);
}

/** The operator must change something first: no supervisor or container manager does better by trying again at once. */
export function refuseStart(sentence: string): never {
  console.error(`Formstead cannot start: ${sentence}`);
  process.exit(configExit);
}
