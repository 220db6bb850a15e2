import { join } from 'node:path';
import { moveStore } from '#app/move.ts';
import { verifyStore } from '#app/verify.ts';
import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';
import type { Clock } from '#ports/clock.ts';
import type { KeyRing } from '#ports/key-ring.ts';
import type { Storage } from '#ports/storage.ts';
import type { TransferTarget } from '#ports/store-transfer.ts';
import { isStack } from './size.ts';
import { mongoOptions } from './stack.ts';

export type OpenMove = {
  run(progress: Parameters<typeof moveStore>[1]): ReturnType<typeof moveStore>;
  close(): Promise<void>;
};

/**
 * The move of the installation in the directory `from` into the stack that the configuration names. Nothing is written yet.
 * Errors: `value-refused` (no stack is named; the directory's secret key is not among those of the stack), `storage-unavailable` (no installation there,
 * a server uses it, the database does not answer).
 */
export async function openMove(config: Config, from: string): Promise<OpenMove> {
  if (!isStack(config)) {
    throw new AppError('value-refused', {
      detail:
        'Set MONGODB_URL, REDIS_URL and FORMSTEAD_SECRET_KEY to those of the stack that the installation is to move into.',
    });
  }
  const [sqlite, mongo, keys, secretFile, { systemClock: clock }] = await Promise.all([
    import('#adapters/storage-sqlite/transfer.ts'),
    import('#adapters/storage-mongo/transfer.ts'),
    import('#adapters/keyring-node/key-ring.ts'),
    import('#adapters/keyring-node/secret-file.ts'),
    import('#adapters/clock-system/clock.ts'),
  ]);
  const source = sqlite.openSqliteTransfer(from);
  let target: TransferTarget;
  try {
    const problem = secretProblem(await secretFile.loadSecret(from), config);
    if (problem !== undefined) throw new AppError('value-refused', { detail: problem });
    target = await mongo.openMongoTransfer(mongoOptions(config));
  } catch (err) {
    await source.close();
    throw err;
  }
  const keyRing = keys.createKeyRing({ current: config.secretKey!, previous: config.secretKeyPrevious });
  return {
    run: (progress) =>
      moveStore(
        {
          source,
          target,
          keyRing,
          clock,
          openFiles: () => openFiles(config, from, clock),
          verify: (which, seen) => verify({ which, config, from, keyRing, clock }, seen),
        },
        progress,
      ),
    close: async () => void (await Promise.all([source.close(), target.close()])),
  };
}

type Loaded = Awaited<ReturnType<typeof import('#adapters/keyring-node/secret-file.ts').loadSecret>>;

/** What keeps this secret from being used any further; undefined where there is no such file, and the server was given its secret otherwise. */
function secretProblem(found: Loaded, config: Config): string | undefined {
  if (found === undefined) return undefined;
  if ('mistake' in found) return `${found.mistake.problem}. ${found.mistake.cure}`;
  if ([config.secretKey, ...config.secretKeyPrevious].includes(found.secret)) return undefined;
  return (
    `The secret key in ${found.path} is not the one of the stack: sealed webhook secrets could not be opened, and tokens and idempotency keys would be unknown. ` +
    `Set FORMSTEAD_SECRET_KEY to it (FORMSTEAD_SECRET_KEY_FILE=${found.path}), or add it to FORMSTEAD_SECRET_KEY_PREVIOUS, for every process of the stack.`
  );
}

async function openFiles(config: Config, from: string, clock: Clock) {
  const { openFileBlobs } = await import('#adapters/blobs-fs/blobs.ts');
  const [source, target] = await Promise.all([
    openFileBlobs({ directory: join(from, 'blobs'), clock, readOnly: true }),
    openFileBlobs({ directory: join(config.dataDir, 'blobs'), clock }),
  ]);
  return { source, target };
}

async function verify(
  deps: { which: 'source' | 'target'; config: Config; from: string; keyRing: KeyRing; clock: Clock },
  progress: (seen: number) => void,
) {
  const storage = await openStorage(deps);
  try {
    return await verifyStore({ ...deps, storage, taskRetentionMs: deps.config.taskRetentionMs }, progress);
  } finally {
    await storage.close();
  }
}

async function openStorage(deps: {
  which: 'source' | 'target';
  config: Config;
  from: string;
  clock: Clock;
}): Promise<Storage> {
  if (deps.which === 'source') {
    const { openSqliteStorage } = await import('#adapters/storage-sqlite/storage.ts');
    return openSqliteStorage({ dir: deps.from, readOnly: true });
  }
  const { openMongoStorage } = await import('#adapters/storage-mongo/storage.ts');
  return openMongoStorage({ ...mongoOptions(deps.config), clock: deps.clock, unfinishedMove: true });
}
