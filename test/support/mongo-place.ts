import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import type { Json } from '#domain/json.ts';
import type { NewTask } from '#domain/task.ts';
import { systemClock } from '../../src/adapters/clock-system/clock.ts';
import { type MongoOptions, openMongoStorage } from '../../src/adapters/storage-mongo/storage.ts';
import { aTask } from '../contract/storage/documents.ts';
import type { Place } from '../contract/storage/kit.ts';

/** A database of its own on the server. */
export function mongoPlace(serverUrl: string): Place & { options: MongoOptions } {
  const url = new URL(serverUrl);
  url.pathname = `/formstead_${randomUUID().replaceAll('-', '')}`;
  // The machine may be busy with other tests: what is too slow here is not wrong.
  const options: MongoOptions = { url: url.href, allowStandalone: true, operationTimeoutMs: 15_000 };
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  return {
    options,
    open: () => open(options),
    opener: { module: import.meta.url, args: { ...options, onCommand: undefined } as unknown as Json },
    // What contains itself has no end in BSON.
    spoiled: (commit) => ({
      ...commit,
      tasks: [...(commit.tasks ?? []), { ...aTask(), queue: circle } as unknown as NewTask],
    }),
    check: async () => {},
    async clear() {
      const client = new MongoClient(url.href);
      await client.db().dropDatabase();
      await client.close();
    },
  };
}

export const open = (options: MongoOptions) => openMongoStorage({ ...options, clock: systemClock });
