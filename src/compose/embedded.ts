import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { Log } from '#ports/log.ts';
import { batchObserver, type Size, type SizeDeps } from './size.ts';

/**
 * One process, one data directory: SQLite, and queue and cache in memory.
 * Errors: `storage-unavailable` (data directory in use, schema of a newer release), `value-refused` (the secret file may not be used).
 */
export async function openEmbedded(config: Config, deps: SizeDeps): Promise<Size> {
  const [sqlite, memoryQueue, memoryCache, secretFile] = await Promise.all([
    import('#adapters/storage-sqlite/storage.ts'),
    import('#adapters/queue-memory/memory-queue.ts'),
    import('#adapters/cache-memory/cache.ts'),
    import('#adapters/keyring-node/secret-file.ts'),
  ]);
  const hasDatabase = sqlite.databaseExists(config.dataDir);
  if (deps.readOnly && !hasDatabase) {
    throw new AppError('storage-unavailable', {
      detail: `There is no Formstead database in ${config.dataDir}. Set FORMSTEAD_DATA_DIR to the data directory of the server.`,
    });
  }
  if (!hasDatabase) await warnOfLoss(config, deps.log);
  const secret = config.secretKey ?? (await masterSecret(secretFile, config.dataDir, !hasDatabase));
  const storage = await sqlite.openSqliteStorage({
    dir: config.dataDir,
    synchronous: config.sqliteSynchronous,
    readOnly: deps.readOnly,
    onFatal: deps.onFatal,
    onBatch: batchObserver(deps.metrics),
  });
  const queue = memoryQueue.createMemoryQueue({ log: deps.log });
  return {
    storage,
    queue,
    cache: memoryCache.createMemoryCache({ clock: deps.clock }),
    secret,
    shared: false,
    async close() {
      await queue.close();
      await storage.close();
    },
  };
}

/** What the data directory still holds of an installation whose database is gone, by name; nothing where it is there, or has not been made yet. */
export async function leftOfLostDatabase({ dataDir }: Pick<Config, 'dataDir'>): Promise<string[]> {
  const [{ leftWithoutDatabase }, { secretFileName }] = await Promise.all([
    import('#adapters/storage-sqlite/storage.ts'),
    import('#adapters/keyring-node/secret-file.ts'),
  ]);
  return leftWithoutDatabase(dataDir, [secretFileName, 'blobs']);
}

/** A start that refused would need a hand where a first start was cut off behind the secret; one that says nothing would hide a loss. */
async function warnOfLoss(config: Config, log: Log): Promise<void> {
  const left = await leftOfLostDatabase(config);
  if (left.length === 0) return;
  log.warn(
    { dataDir: config.dataDir, left },
    'an empty database is made beside what an installation has left: if its database is lost, stop, and restore it from a backup',
  );
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
