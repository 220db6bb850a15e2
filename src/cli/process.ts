import { openLog, type Program, type Role, startProgram } from '#compose.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import { configExit, configOrExit } from './settings.ts';
import { version } from './version.ts';

/**
 * Runs a program in this process until it is asked to stop. SIGTERM and SIGINT end it in order and with exit code 0; a second one ends it at once.
 * `roleOf` decides by the configuration what it does; `started` is told once it runs.
 */
export async function runProcess(
  roleOf: (config: Config) => Role,
  started: (program: Program, log: Awaited<ReturnType<typeof openLog>>, config: Config) => Promise<void>,
): Promise<void> {
  const { config, warnings } = configOrExit();
  const log = await openLog(config);
  for (const { name, problem, cure } of warnings)
    log.warn({ setting: name, problem, cure }, 'setting is allowed but questionable');

  // A store that cannot commit or a state nobody foresaw: what is acknowledged is safe on disk, so the safest thing is to end and be started again.
  const die = (err: unknown, message: string): never => {
    log.error({ err }, message);
    log.flush();
    process.exit(1);
  };
  process.on('uncaughtException', (err) => die(err, 'unexpected error, the process ends'));
  process.on('unhandledRejection', (err) => die(err, 'unexpected rejection, the process ends'));

  const program = await startOrExplain();
  let stopping = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      log.info({ signal }, 'stopping');
      program.stop().then(
        () => {
          log.info({}, 'stopped');
          log.flush();
          process.exit(0);
        },
        (err: unknown) => die(err, 'the stop failed'),
      );
    });
  }
  // Now whoever reads that it runs may end it in order.
  await started(program, log, config);
  log.flush();

  async function startOrExplain(): Promise<Program> {
    try {
      return await startProgram(config, {
        log,
        version,
        role: roleOf(config),
        onFatal: (err) => die(err, 'the storage thread has ended, the process ends'),
      });
    } catch (err) {
      if (err instanceof AppError) {
        console.error(`Formstead cannot start: ${err.detail}`);
        process.exit(configExit);
      }
      const { code, address, port } = err as NodeJS.ErrnoException & { address?: string; port?: number };
      if (code === 'EADDRINUSE') {
        const setting = port === config.port ? 'FORMSTEAD_PORT' : 'FORMSTEAD_METRICS_PORT';
        console.error(
          `Formstead cannot start: ${address}:${port} is taken. Stop the other program, or set ${setting}.`,
        );
        process.exit(configExit);
      }
      throw err;
    }
  }
}
