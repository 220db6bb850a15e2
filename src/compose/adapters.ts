import { join } from 'node:path';
import type { Config } from '#config.ts';
import type { Log } from '#ports/log.ts';
import { openMailer } from './mail.ts';
import { tuningFile } from './model-tuning.ts';
import { modelPlaces } from './models.ts';
import { isStack } from './size.ts';

export type Adapters = Awaited<ReturnType<typeof openAdapters>>;

export type OpenOptions = {
  log: Log;
  version: string;
  /** For looking only, beside a running server. */
  readOnly?: boolean;
  role?: { api: boolean };
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

/** What touches the world. Errors: those of the size (embedded.ts, stack.ts). */
export async function openAdapters(config: Config, options: OpenOptions) {
  const { log } = options;
  const load = await loadModules();
  const clock = load.clock.systemClock;
  const ids = load.ids.createIds({ clock });
  const metrics = load.metrics.createMetrics({ version: options.version, log });
  const open = isStack(config) ? (await import('./stack.ts')).openStack : (await import('./embedded.ts')).openEmbedded;
  const { readOnly = false, role, onFatal } = options;
  const size = await open(config, { clock, log, metrics, readOnly, answers: role?.api === true, onFatal });
  const { storage, queue, cache, secret, shared } = size;
  const keyRing = load.keyRing.createKeyRing({ current: secret, previous: config.secretKeyPrevious });
  const blobs = await load.blobs
    .openFileBlobs({ directory: join(config.dataDir, 'blobs'), clock, readOnly, alone: !shared })
    .catch(async (err: unknown) => {
      // Its threads would keep a command from ending.
      await size.close();
      throw err;
    });
  const models = load.models.createModelStore({ ...modelPlaces(config), clock });
  const textModel = load.textModel.createTextLlama({
    active: () => models.active('text'),
    memoryBytes: config.modelMemoryBytes,
    threads: config.modelThreads,
    tuningFile: tuningFile(config),
    cores: config.cpus,
    clock,
    log,
  });
  const embedder = load.embedder.createOnnxEmbedder({
    active: () => models.active('embedding'),
    memoryBytes: config.embeddingMemoryBytes,
    cores: config.cpus,
    log,
  });
  const reader = load.reader.createThreadedReader();
  const classifier = load.classifier.createNgramClassifier();
  const tagger = load.tagger.createCrfTagger();
  const disk = load.disk.createDiskSpace({ directory: config.dataDir });
  const engine = load.engine.createDuckdbEngine({
    folder: join(config.dataDir, 'queries'),
    ...engineLimits(config),
    room: async () => (await disk.read()).freeBytes - config.diskReserveBytes,
    onEnd: (cause) => log.warn({ cause }, 'query process ended'),
  });
  const mailer = await openMailer(config);
  return {
    version: options.version,
    clock,
    log,
    metrics,
    storage,
    queue,
    cache,
    shared,
    ids,
    keyRing,
    pause: load.pause.systemPause,
    textModel,
    reader,
    classifier,
    tagger,
    blobs,
    models,
    embedder,
    mailer,
    exportWriter: load.exports.createDuckdbExportWriter({ memoryBytes: config.analyticsMemoryBytes }),
    engine,
    disk,
    diskOf: (directory: string) => load.disk.createDiskSpace({ directory }),
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
      await Promise.all([reader, classifier, tagger, textModel, embedder, engine, mailer].map((one) => one.close()));
      await size.close();
      metrics.close();
    },
  };
}

/** Of what answers queries: the server has a processor for itself where there are several. */
export const engineLimits = (config: Pick<Config, 'analyticsMemoryBytes' | 'cpus'>) => ({
  memoryBytes: config.analyticsMemoryBytes,
  threads: Math.max(1, config.cpus - 1),
});

/** All at once: they are read from disk while others are being compiled. */
function loadModules() {
  return all({
    clock: import('#adapters/clock-system/clock.ts'),
    pause: import('#adapters/clock-system/pause.ts'),
    textModel: import('#adapters/text-llama/text-llama.ts'),
    ids: import('#adapters/ids-uuid/ids.ts'),
    keyRing: import('#adapters/keyring-node/key-ring.ts'),
    blobs: import('#adapters/blobs-fs/blobs.ts'),
    disk: import('#adapters/disk-statfs/disk-space.ts'),
    metrics: import('#adapters/metrics-prom/metrics.ts'),
    validator: import('#adapters/validator-ajv/ajv-validator.ts'),
    passwordFile: import('#adapters/password-file-fs/password-file.ts'),
    passwords: import('#adapters/passwords-argon2/password-hasher.ts'),
    tokens: import('#adapters/tokens-jose/access-tokens.ts'),
    embedder: import('#adapters/embedder-onnx/onnx-embedder.ts'),
    reader: import('#adapters/extractor-rules/threaded-reader.ts'),
    classifier: import('#adapters/classifier-ngram/classifier.ts'),
    tagger: import('#adapters/tagger-crf/tagger.ts'),
    webhook: import('#adapters/webhook-http/webhook-http.ts'),
    models: import('#adapters/models-fs/model-store.ts'),
    exports: import('#adapters/analytics-duckdb/export-writer.ts'),
    engine: import('#adapters/analytics-duckdb/engine/analytics-engine.ts'),
  });
}

async function all<P extends Record<string, Promise<unknown>>>(
  promises: P,
): Promise<{ [K in keyof P]: Awaited<P[K]> }> {
  const entries = await Promise.all(Object.entries(promises).map(async ([name, promise]) => [name, await promise]));
  return Object.fromEntries(entries);
}
