import { join } from 'node:path';
import { createAuditor } from '#app/audit.ts';
import { createModels, type Models } from '#app/models.ts';
import type { Config, Environment } from '#config.ts';
import type { AuditEntry } from '#domain/audit.ts';
import { AppError } from '#domain/errors.ts';
import type { ModelPurpose } from '#domain/model.ts';
import { ModelError } from '#domain/model-error.ts';
import { builtInModels } from '#domain/models/built-in.ts';
import { mergeRegistries } from '#domain/models/registry.ts';
import type { Log } from '#ports/log.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextModel } from '#ports/text-model.ts';
import { tuningFile } from './model-tuning.ts';
import { isStack } from './size.ts';
import { mongoOptions } from './stack.ts';

/** Where the models of a configuration are, and which of them its settings name. */
export const modelPlaces = (config: Config) => ({
  directory: join(config.dataDir, 'models'),
  set: { text: config.model, embedding: config.embeddingModel },
});

export type ModelOptions = {
  /** Bytes of memory this machine or container has. */
  machineMemoryBytes: number;
  /** Where pip's own settings are found. */
  environment: Environment;
  /** Base of the simple API of a registry of Python packages, instead of pip's. */
  index?: string | undefined;
};

/**
 * The model files of an installation, for a command. The store is opened only to write into the audit log, so that a download of an hour keeps no server from
 * starting. Errors: `value-refused` for a registry file with mistakes.
 */
export async function openModels(config: Config, options: ModelOptions): Promise<Models> {
  const [
    { createModelFiles },
    { readRegistryFile },
    { pipSettings },
    { createDiskSpace },
    { createIds },
    { systemClock: clock },
  ] = await Promise.all([
    import('#adapters/models-fs/model-files.ts'),
    import('#adapters/models-fs/registry-file.ts'),
    import('#adapters/models-fs/pip-settings.ts'),
    import('#adapters/disk-statfs/disk-space.ts'),
    import('#adapters/ids-uuid/ids.ts'),
    import('#adapters/clock-system/clock.ts'),
  ]);
  const own = config.modelRegistryFile === undefined ? [] : await readRegistryFile(config.modelRegistryFile);
  const pip = pipSettings(options.environment, options.index);
  const places = modelPlaces(config);
  const files = createModelFiles({
    ...places,
    clock,
    disk: createDiskSpace({ directory: config.dataDir }),
    reserveBytes: config.diskReserveBytes,
    network: { ca: pip.ca, idleMs: 30_000, pauseMs: 1000 },
    index: () => pip.index,
  });
  return createModels({
    files,
    registry: mergeRegistries(own, builtInModels),
    set: places.set,
    memory: {
      text: config.modelMemoryBytes,
      embedding: config.embeddingMemoryBytes,
      machine: options.machineMemoryBytes,
    },
    clock,
    audit: createAuditor({ ids: createIds({ clock }), clock }),
    keep: (entry) => keepEntry(config, entry, clock),
  });
}

/** What runs the models of a purpose. */
const engines = { text: 'node-llama-cpp', embedding: 'onnxruntime-node' } as const;

/**
 * One installed language model, run as a server would run it; without a reference the one in use. `again`: what was measured of it is forgotten first.
 * Errors: `value-refused` with a sentence where there is no such model.
 */
export async function openLanguageModel(
  config: Config,
  reference: string | undefined,
  { log, again = false }: { log: Log; again?: boolean },
): Promise<TextModel> {
  const [{ createModelStore }, { createTextLlama }, { createTuningFile }, { systemClock: clock }] = await Promise.all([
    import('#adapters/models-fs/model-store.ts'),
    import('#adapters/text-llama/text-llama.ts'),
    import('#adapters/text-llama/tuning-file.ts'),
    import('#adapters/clock-system/clock.ts'),
  ]);
  const { directory, set } = modelPlaces(config);
  const store = createModelStore({ directory, set: reference === undefined ? set : { text: reference }, clock });
  const model = await store.active('text').catch((err: unknown) => {
    if (!(err instanceof ModelError)) throw err;
    // The store takes what a command names for what a setting names.
    throw new AppError('value-refused', { detail: err.message.replace(', which the settings name,', '') });
  });
  if (!model)
    throw new AppError('value-refused', {
      detail: 'No language model is in use. Name an installed one, or choose it: formstead models use NAME',
    });
  const { sha256 } = model.entry.files.find(({ role }) => role === 'model')!;
  if (again) await createTuningFile(tuningFile(config)).forget(sha256);
  return createTextLlama({
    // The same one to the end, whatever is chosen meanwhile.
    active: async () => model,
    memoryBytes: config.modelMemoryBytes,
    threads: config.modelThreads,
    cores: config.cpus,
    tuningFile: tuningFile(config),
    clock,
    log,
  });
}

/** The model in use for each purpose, or why it cannot be used. Writes nothing but the checksum of a file that a setting names. Errors: none but a defect. */
export async function lookAtModels(
  config: Config,
): Promise<{ purpose: ModelPurpose; model?: InstalledModel | undefined; fault?: string }[]> {
  const [{ createModelStore }, { systemClock: clock }, { isInstalled, notInstalled }] = await Promise.all([
    import('#adapters/models-fs/model-store.ts'),
    import('#adapters/clock-system/clock.ts'),
    import('#adapters/child-process/packages.ts'),
  ]);
  const store = createModelStore({ ...modelPlaces(config), clock });
  return await Promise.all(
    (['text', 'embedding'] as const).map(async (purpose) => {
      try {
        const model = await store.active(purpose);
        if (model && !isInstalled(engines[purpose])) return { purpose, fault: `${notInstalled(engines[purpose])}.` };
        return { purpose, model };
      } catch (err) {
        if (!(err instanceof ModelError)) throw err;
        return { purpose, fault: err.message };
      }
    }),
  );
}

/** Opens the store for one entry. False when there is none yet, or a running server of the embedded size has it. */
async function keepEntry(config: Config, entry: AuditEntry, clock: { now(): number }): Promise<boolean> {
  try {
    const storage = await openStorage(config, clock);
    if (storage === undefined) return false;
    try {
      await storage.commit({ change: { op: 'none' }, audit: [entry] });
    } finally {
      await storage.close();
    }
    return true;
  } catch (err) {
    if (err instanceof AppError && err.code === 'storage-unavailable') return false;
    throw err;
  }
}

async function openStorage(config: Config, clock: { now(): number }): Promise<Storage | undefined> {
  if (isStack(config)) {
    const mongo = await import('#adapters/storage-mongo/storage.ts');
    return await mongo.openMongoStorage({ ...mongoOptions(config), clock });
  }
  const sqlite = await import('#adapters/storage-sqlite/storage.ts');
  if (!sqlite.databaseExists(config.dataDir)) return undefined;
  return await sqlite.openSqliteStorage({ dir: config.dataDir, synchronous: config.sqliteSynchronous });
}
