import type { Config } from '#config.ts';
import { startMetricsServer } from '#http/metrics-server.ts';
import type { Log } from '#ports/log.ts';
import { type Adapters, openAdapters, openLog } from './compose/adapters.ts';
import { createApi } from './compose/api.ts';
import { createUseCases, type UseCases } from './compose/use-cases.ts';
import { createWorkers } from './compose/workers.ts';

/*
 * The composition root: the only place where adapters are chosen and things are wired.
 *
 *   adapters (what touches the world) → use cases → workers and API → a running program
 */
export { type Adapters, createUseCases, openAdapters, openLog, type UseCases };

export type Program = {
  /** Where the API listens, with the port that was taken. */
  url: string;
  /** The administrator that this first start has made; `password` only when it was generated, and then it is in `passwordFile` too. */
  firstAdmin: { email: string; password: string | undefined } | undefined;
  passwordFile: { path: string; exists(): Promise<boolean> };
  /** Stops in order: no new requests, tasks finished or handed back, head signed, store closed. Milliseconds of grace for what runs. */
  stop(graceMs?: number): Promise<void>;
};

export type StartOptions = {
  log: Log;
  version: string;
  onFatal: (err: Error) => void;
  /** False: the API alone; what it accepts waits in the store for a program with workers. */
  workers?: boolean;
};

const defaultAdminEmail = 'admin@formstead.local';

/** Opens, wires and starts everything; resolves when the first response can be accepted. */
export async function startProgram(config: Config, options: StartOptions): Promise<Program> {
  const adapters = await openAdapters(config, options);
  const { storage, clock, metrics, log } = adapters;
  let nudge = () => {};
  const useCases = createUseCases(adapters, config, () => nudge());
  // One process, one boot: whoever held a lease before is gone.
  await storage.tasks.voidLeases(clock.now());

  let stopping = false;
  const server = createApi(adapters, useCases, config, { version: options.version, shuttingDown: () => stopping });
  const url = await server.listen({ host: config.host, port: config.port });
  const metricsServer =
    config.metricsPort &&
    (await startMetricsServer({ host: config.metricsHost, port: config.metricsPort, metrics, log }));
  // Not before everything else has succeeded: a password that was made by a start that failed would be known to nobody.
  const ensured = await useCases.users.ensureAdmin({
    email: config.adminEmail ?? defaultAdminEmail,
    password: config.adminPassword,
  });
  registerGauges(adapters);
  const workers = options.workers === false ? undefined : createWorkers(adapters, useCases, config);
  if (workers) nudge = workers.nudge;
  workers?.start();
  const sign = () =>
    useCases.receipts.signHead().catch((err: unknown) => log.warn({ err }, 'receipt head not signed, tried again'));
  const signing = setInterval(() => void sign(), config.receiptSignIntervalMs);
  signing.unref();

  return {
    url,
    passwordFile: adapters.passwordFile,
    firstAdmin: ensured.created ? { email: ensured.user.email, password: ensured.generatedPassword } : undefined,
    async stop(graceMs = config.shutdownGraceMs) {
      stopping = true;
      clearInterval(signing);
      const cutOff = setTimeout(() => server.server.closeAllConnections(), graceMs);
      await Promise.all([server.close(), workers?.stop(graceMs)]);
      clearTimeout(cutOff);
      await sign();
      if (metricsServer) await metricsServer.close();
      await adapters.close();
    },
  };
}

function registerGauges({ storage, metrics, disk }: Adapters): void {
  metrics.gauge('formstead_disk_free_bytes', {}, async () => (await disk.read()).freeBytes);
  metrics.gauge('formstead_receipts_sequence', {}, async () => (await storage.receipts.head())?.seq ?? 0);
  metrics.gauge('formstead_audit_unsealed', {}, () => storage.audit.unsealedCount());
  for (const part of ['database', 'wal']) {
    metrics.gauge('formstead_storage_bytes', { part }, async () => (await storage.sizes())[part]);
  }
}
