import type { Config } from '#config.ts';
import { type QueueName, queueNames } from '#domain/task.ts';
import { startMetricsServer } from '#http/metrics-server.ts';
import type { Log } from '#ports/log.ts';
import { type Adapters, openAdapters, openLog } from './compose/adapters.ts';
import { createApi } from './compose/api.ts';
import { isStack } from './compose/size.ts';
import { createUseCases, type UseCases } from './compose/use-cases.ts';
import { createWorkers } from './compose/workers.ts';

/*
 * The composition root: the only place where adapters are chosen and things are wired.
 *
 *   adapters (what touches the world) → use cases → workers and API → a running program
 */
export { type Adapters, createUseCases, isStack, openAdapters, openLog, type UseCases };

export type Program = {
  /** Where the API listens, with the port that was taken; undefined without one. */
  url: string | undefined;
  /** The administrator that this first start has made; `password` only when it was generated, and then it is in `passwordFile` too. */
  firstAdmin: { email: string; password: string | undefined } | undefined;
  passwordFile: { path: string; exists(): Promise<boolean> };
  /** Stops in order: no new requests, tasks finished or handed back, head signed, store closed. Milliseconds of grace for what runs. */
  stop(graceMs?: number): Promise<void>;
};

/** What a process does. One that does nothing of a queue leaves its tasks in the store, for a process that does. */
export type Role = { api: boolean; queues: readonly QueueName[] };

/** The embedded size does everything in one process; in the stack `serve` is the API alone. */
export function servingRole(config: Config): Role {
  return { api: true, queues: isStack(config) ? [] : queueNames };
}

export type StartOptions = {
  log: Log;
  version: string;
  onFatal: (err: Error) => void;
  role: Role;
};

const defaultAdminEmail = 'admin@formstead.local';
/** In the stack every process has its metrics there unless told otherwise: each is alone in its container. */
const stackMetricsPort = 9464;

/** Opens, wires and starts everything that the role asks for; resolves when the first response can be accepted, or the first task be done. */
export async function startProgram(config: Config, options: StartOptions): Promise<Program> {
  const { role } = options;
  const adapters = await openAdapters(config, options);
  const { storage, clock, log } = adapters;
  let nudge = () => {};
  const useCases = createUseCases(adapters, config, () => nudge());
  // One process, one boot: whoever held a lease before is gone. Where others work on the same store, leases run out by themselves.
  if (!adapters.shared) await storage.tasks.voidLeases(clock.now());

  let stopping = false;
  const shuttingDown = () => stopping;
  const server = role.api
    ? createApi(adapters, useCases, config, { version: options.version, shuttingDown })
    : undefined;
  const url = await server?.listen({ host: config.host, port: config.port });
  const metricsServer = await listenForMetrics(adapters, config, shuttingDown);
  // Not before everything else has succeeded: a password that was made by a start that failed would be known to nobody.
  const admin = { email: config.adminEmail ?? defaultAdminEmail, password: config.adminPassword };
  const ensured = role.api ? await useCases.users.ensureAdmin(admin) : ({ created: false } as const);
  registerGauges(adapters);
  const workers = role.queues.length === 0 ? undefined : createWorkers(adapters, useCases, config, role.queues);
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
      const cutOff = setTimeout(() => server?.server.closeAllConnections(), graceMs);
      await Promise.all([server?.close(), workers?.stop(graceMs)]);
      clearTimeout(cutOff);
      await sign();
      await metricsServer?.close();
      await adapters.close();
    },
  };
}

async function listenForMetrics({ storage, metrics, log }: Adapters, config: Config, shuttingDown: () => boolean) {
  const port = config.metricsPort ?? (isStack(config) ? stackMetricsPort : undefined);
  if (port === undefined) return undefined;
  return startMetricsServer({
    host: config.metricsHost,
    port,
    metrics,
    log,
    shuttingDown,
    ready: () => storage.ping(),
  });
}

function registerGauges({ storage, metrics, disk }: Adapters): void {
  metrics.gauge('formstead_disk_free_bytes', {}, async () => (await disk.read()).freeBytes);
  metrics.gauge('formstead_receipts_sequence', {}, async () => (await storage.receipts.head())?.seq ?? 0);
  metrics.gauge('formstead_audit_unsealed', {}, () => storage.audit.unsealedCount());
  for (const part of ['database', 'wal', 'indexes']) {
    metrics.gauge('formstead_storage_bytes', { part }, async () => (await storage.sizes())[part]);
  }
}
