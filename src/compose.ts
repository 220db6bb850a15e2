import type { Config } from '#config.ts';
import { type QueueName, queueNames } from '#domain/task.ts';
import type { Log } from '#ports/log.ts';
import { type Adapters, openAdapters, openLog } from './compose/adapters.ts';
import { createApi } from './compose/api.ts';
import { openComparison } from './compose/comparison.ts';
import { leftOfLostDatabase } from './compose/embedded.ts';
import { examineStack } from './compose/examination.ts';
import { lookAtMail } from './compose/mail.ts';
import { lookAtModels, openLanguageModel, openModels } from './compose/models.ts';
import { isStack } from './compose/size.ts';
import { listenForMetrics, type MetricsSnapshot, openSupervision, type Supervision } from './compose/supervision.ts';
import { loadTls, lookAtCertificates } from './compose/tls.ts';
import { createUseCases, type UseCases } from './compose/use-cases.ts';
import { createWorkers, modelQueue } from './compose/workers.ts';

/*
 * The composition root: the only place where adapters are chosen and things are wired.
 *
 *   adapters (what touches the world) → use cases → workers and API → a running program
 */
export {
  type Adapters,
  createUseCases,
  examineStack,
  isStack,
  leftOfLostDatabase,
  lookAtCertificates,
  lookAtMail,
  lookAtModels,
  type MetricsSnapshot,
  openAdapters,
  openComparison,
  openLanguageModel,
  openLog,
  openModels,
  openSupervision,
  type Supervision,
  type UseCases,
};

export type Program = {
  /** Where the API listens, with the port that was taken; undefined without one. */
  url: string | undefined;
  /** The administrator that this first start has made; `password` only when it was generated, and then it is in `passwordFile` too. */
  firstAdmin: { email: string; password: string | undefined } | undefined;
  passwordFile: { path: string; exists(): Promise<boolean> };
  /** Takes no further connection and answers on those there are, until none is left or the milliseconds are over. */
  drain(ms: number): Promise<void>;
  /** Reads certificate and key again, for the connections to come. Errors: `value-refused`, and those before go on. */
  renewCertificate(): Promise<void>;
  /** Rejects when the store cannot commit. */
  ready(): Promise<void>;
  metrics: Pick<Adapters['metrics'], 'snapshot' | 'counted'>;
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
  /** A supervisor shows the metrics of this process with those of others, and lets one alone make the first administrator. */
  supervised?: boolean;
};

/** What a kill loses of the counts of refused responses. */
const refusalFlushMs = 5_000;

const defaultAdminEmail = 'admin@formstead.local';

/** Opens, wires and starts everything that the role asks for; resolves when the first response can be accepted, or the first task be done. */
export async function startProgram(config: Config, options: StartOptions): Promise<Program> {
  const { role } = options;
  const tls = role.api ? await loadTls(config) : undefined;
  const adapters = await openAdapters(config, options);
  const { storage, clock, log } = adapters;
  let nudge = () => {};
  const useCases = createUseCases(adapters, config, () => nudge());
  // One process, one boot: whoever held a lease before is gone. Where others work on the same store, leases run out by themselves.
  if (!adapters.shared) await storage.tasks.voidLeases(clock.now());

  let stopping = false;
  const shuttingDown = () => stopping;
  const server = role.api
    ? createApi(adapters, useCases, config, {
        version: options.version,
        shuttingDown,
        tls,
        runsModel: role.queues.includes(modelQueue),
      })
    : undefined;
  const url = await server?.listen({ host: config.host, port: config.port });
  const metricsServer = options.supervised
    ? undefined
    : await listenForMetrics(config, { ...adapters, shuttingDown, ready: () => storage.ping() });
  // Not before everything else has succeeded: a password that was made by a start that failed would be known to nobody.
  const admin = { email: config.adminEmail ?? defaultAdminEmail, password: config.adminPassword };
  const ensured = role.api ? await useCases.users.ensureAdmin(admin) : ({ created: false } as const);
  registerGauges(adapters);
  const workers = role.queues.length === 0 ? undefined : createWorkers(adapters, useCases, config, role.queues);
  if (workers) nudge = workers.nudge;
  workers?.start();
  const duties = startDuties({ ...useCases, ...(role.api && { engine: adapters.engine }) }, config, log);

  return {
    url,
    metrics: adapters.metrics,
    ready: () => storage.ping(),
    passwordFile: adapters.passwordFile,
    firstAdmin: ensured.created ? { email: ensured.user.email, password: ensured.generatedPassword } : undefined,
    drain: async (ms) => server?.drain(ms),
    async renewCertificate() {
      const renewed = server && (await loadTls(config));
      if (renewed) server.renew(renewed);
    },
    async stop(graceMs = config.shutdownGraceMs) {
      stopping = true;
      duties.halt();
      const cutOff = setTimeout(() => server?.cutOff(), graceMs);
      await Promise.all([server?.close(), workers?.stop(graceMs)]);
      clearTimeout(cutOff);
      await duties.finish();
      await metricsServer?.close();
      await adapters.close();
    },
  };
}

/** What the process does by itself from time to time, and once more at its end. */
function startDuties(
  { receipts, refusals, engine }: Pick<UseCases, 'receipts' | 'refusals'> & { engine?: Adapters['engine'] },
  config: Config,
  log: Log,
) {
  const sign = () =>
    receipts.signHead().catch((err: unknown) => log.warn({ err }, 'receipt head not signed, tried again'));
  const tidy = () =>
    engine?.tidy().catch((err: unknown) => log.warn({ err }, 'copies for queries not tidied, tried again'));
  void tidy();
  const timers = [
    setInterval(() => void tidy(), 60_000),
    setInterval(() => void sign(), config.receiptSignIntervalMs),
    setInterval(() => void refusals.flush(), refusalFlushMs),
  ];
  for (const timer of timers) timer.unref();
  return {
    halt: () => timers.forEach(clearInterval),
    async finish(): Promise<void> {
      await sign();
      await refusals.flush();
    },
  };
}

function registerGauges({ storage, metrics, disk }: Adapters): void {
  metrics.gauge('formstead_disk_free_bytes', {}, async () => (await disk.read()).freeBytes);
  metrics.gauge('formstead_receipts_sequence', {}, async () => (await storage.receipts.head())?.seq ?? 0);
  metrics.gauge('formstead_audit_unsealed', {}, () => storage.audit.unsealedCount());
  for (const part of ['database', 'wal', 'indexes']) {
    metrics.gauge('formstead_storage_bytes', { part }, async () => (await storage.sizes())[part]);
  }
}
