import { join } from 'node:path';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';

export type Adapters = Awaited<ReturnType<typeof openAdapters>>;

export type OpenOptions = {
  log: Log;
  version: string;
  /** For looking only, beside a running server. */
  readOnly?: boolean;
  /** The store has died under us. */
  onFatal?: (err: Error) => void;
};

/** The log of this process: JSON lines on standard output. */
export async function openLog(config: Pick<Config, 'logLevel'>): Promise<Log & { flush(): void }> {
  const [{ createLog }, { systemClock }] = await Promise.all([
    import('#adapters/log-pino/log.ts'),
    import('#adapters/clock-system/clock.ts'),
  ]);
  return createLog({ level: config.logLevel, clock: systemClock });
}

/**
 * What touches the world in the embedded size.
 * Errors: `storage-unavailable` (data directory in use, schema of a newer release), `value-refused` (the secret file may not be used).
 */
export async function openAdapters(config: Config, options: OpenOptions) {
  const { log } = options;
  const load = await loadModules();
  const clock = load.clock.systemClock;
  const ids = load.ids.createIds({ clock });
  const metrics = load.metrics.createMetrics({ version: options.version, log });
  const hasDatabase = load.sqlite.databaseExists(config.dataDir);
  if (options.readOnly && !hasDatabase) {
    throw new AppError('storage-unavailable', {
      detail: `There is no Formstead database in ${config.dataDir}. Set FORMSTEAD_DATA_DIR to the data directory of the server.`,
    });
  }
  const secret = config.secretKey ?? (await masterSecret(load.secretFile, config.dataDir, !hasDatabase));
  const keyRing = load.keyRing.createKeyRing({ current: secret, previous: config.secretKeyPrevious });
  const storage = await load.sqlite.openSqliteStorage({
    dir: config.dataDir,
    synchronous: config.sqliteSynchronous,
    readOnly: options.readOnly,
    onFatal: options.onFatal,
    onBatch: ({ size, commitMs }) => {
      metrics.observe('formstead_storage_batch_size', {}, size);
      metrics.observe('formstead_storage_fsync_seconds', {}, commitMs / 1000);
    },
  });
  const blobs = await load.blobs
    .openFileBlobs({ directory: join(config.dataDir, 'blobs'), clock, readOnly: options.readOnly })
    .catch(async (err: unknown) => {
      // Its threads would keep a command from ending.
      await storage.close();
      throw err;
    });
  const reader = load.reader.createThreadedReader();
  const classifier = load.classifier.createNgramClassifier();
  return {
    clock,
    log,
    metrics,
    storage,
    ids,
    keyRing,
    reader,
    classifier,
    blobs,
    cache: load.cache.createMemoryCache({ clock }),
    exportWriter: load.exports.createDuckdbExportWriter({ memoryBytes: config.analyticsMemoryBytes }),
    disk: load.disk.createDiskSpace({ dataDir: config.dataDir }),
    queue: load.queue.createMemoryQueue({ log }),
    validator: load.validator.createAjvValidator(),
    passwordFile: load.passwordFile.createPasswordFile({ dataDir: config.dataDir }),
    hasher: load.passwords.createPasswordHasher({ atOnce: config.argon2Parallel, memoryKib: config.argon2MemoryKib }),
    tokens: load.tokens.createAccessTokens({
      keyRing,
      clock,
      lifeSeconds: Math.floor(config.accessTokenLifeMs / 1000),
    }),
    transport: load.webhook.createWebhookHttp({ allow: config.webhookAllow.map(({ text }) => text) }),
    async close(): Promise<void> {
      await Promise.all([reader.close(), classifier.close()]);
      await storage.close();
      metrics.close();
    },
  };
}

/** All at once: they are read from disk while others are being compiled. */
function loadModules() {
  return all({
    clock: import('#adapters/clock-system/clock.ts'),
    ids: import('#adapters/ids-uuid/ids.ts'),
    keyRing: import('#adapters/keyring-node/key-ring.ts'),
    secretFile: import('#adapters/keyring-node/secret-file.ts'),
    sqlite: import('#adapters/storage-sqlite/storage.ts'),
    blobs: import('#adapters/blobs-fs/blobs.ts'),
    cache: import('#adapters/cache-memory/cache.ts'),
    disk: import('#adapters/disk-statfs/disk-space.ts'),
    queue: import('#adapters/queue-memory/memory-queue.ts'),
    metrics: import('#adapters/metrics-prom/metrics.ts'),
    validator: import('#adapters/validator-ajv/ajv-validator.ts'),
    passwordFile: import('#adapters/password-file-fs/password-file.ts'),
    passwords: import('#adapters/passwords-argon2/password-hasher.ts'),
    tokens: import('#adapters/tokens-jose/access-tokens.ts'),
    reader: import('#adapters/extractor-rules/threaded-reader.ts'),
    classifier: import('#adapters/classifier-ngram/classifier.ts'),
    webhook: import('#adapters/webhook-http/webhook-http.ts'),
    exports: import('#adapters/analytics-duckdb/export-writer.ts'),
  });
}

async function all<P extends Record<string, Promise<unknown>>>(
  promises: P,
): Promise<{ [K in keyof P]: Awaited<P[K]> }> {
  const entries = await Promise.all(Object.entries(promises).map(async ([name, promise]) => [name, await promise]));
  return Object.fromEntries(entries);
}

async function masterSecret(
  file: typeof import('#adapters/keyring-node/secret-file.ts'),
  dataDir: string,
  mayCreate: boolean,
): Promise<string> {
  const found = await file.loadOrCreateSecret(dataDir, mayCreate);
  if ('secret' in found) return found.secret;
  throw new AppError('value-refused', {
    detail: `${found.mistake.name}: ${found.mistake.problem}. ${found.mistake.cure}`,
  });
}
