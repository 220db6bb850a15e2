import type { Config } from '#config.ts';
import { batchObserver, type Size, type SizeDeps } from './size.ts';

/**
 * Many processes: MongoDB holds everything, Redis carries the ids of tasks and what may be forgotten. A start waits for MongoDB, not for Redis.
 * Errors: `storage-unavailable` (no answer, no replica set, schema of a newer release).
 */
export async function openStack(config: Config, { log, metrics, clock, answers }: SizeDeps): Promise<Size> {
  const [mongo, bullmq, redisCache] = await Promise.all([
    import('#adapters/storage-mongo/storage.ts'),
    import('#adapters/queue-bullmq/bullmq-queue.ts'),
    import('#adapters/cache-redis/cache.ts'),
  ]);
  const storage = await mongo.openMongoStorage({
    ...mongoOptions(config),
    clock,
    // The rest is for the way to whoever asked. A worker would only have to begin anew.
    patienceMs: answers ? (config.mongodbTimeoutMs * 3) / 4 : undefined,
    onBatch: batchObserver(metrics),
    onTrouble: (err) => log.warn({ err }, 'the store could not finish something in the background, tried again'),
  });
  const redis = redisOptions(config);
  const [queue, cache] = await Promise.all([
    bullmq.openBullmqQueue({ ...redis, prefix: config.redisPrefix, log }),
    redisCache.openRedisCache({ ...redis, prefix: `${config.redisPrefix}:cache`, log }),
  ]);
  return {
    storage,
    queue,
    cache,
    secret: config.secretKey!,
    shared: true,
    async close() {
      await Promise.all([queue.close(), cache.close()]);
      await storage.close();
    },
  };
}

export const mongoOptions = (config: Config) => ({
  url: config.mongodbUrl!,
  caFile: config.mongodbCaFile,
  poolSize: config.mongodbPoolSize,
  operationTimeoutMs: config.mongodbTimeoutMs,
  allowStandalone: config.mongodbStandalone,
});

export const redisOptions = (config: Config) => ({ url: config.redisUrl!, caFile: config.redisCaFile });
