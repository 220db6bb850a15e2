import type { Config } from '#config.ts';
import { AppError } from '#domain/errors.ts';

/** Makes a fresh MongoDB server what the stack needs. Errors: `storage-unavailable`, without MONGODB_URL too. */
export async function prepareMongodb(
  config: Pick<Config, 'mongodbUrl' | 'mongodbCaFile'>,
  at: { via: string; member: string; adminPassword: string },
): Promise<string[]> {
  const { mongodbUrl: url, mongodbCaFile: caFile } = config;
  if (url === undefined) throw new AppError('storage-unavailable', { detail: 'MONGODB_URL is not set.' });
  const { prepareMongo } = await import('#adapters/storage-mongo/prepare.ts');
  return prepareMongo({ ...at, url, caFile });
}
