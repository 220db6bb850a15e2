import type { Config } from '#config.ts';
import { mongoOptions, redisOptions } from './stack.ts';

/** The servers of the stack, each looked at by itself. Writes nothing. Errors: none. */
export async function examineStack(config: Config) {
  const [{ examineMongo }, { examineRedis }] = await Promise.all([
    import('#adapters/storage-mongo/examine.ts'),
    import('#adapters/redis/examine.ts'),
  ]);
  const [mongodb, redis] = await Promise.all([examineMongo(mongoOptions(config)), examineRedis(redisOptions(config))]);
  return { mongodb, redis };
}
