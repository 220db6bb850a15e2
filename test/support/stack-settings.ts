import { after, type TestContext } from 'node:test';
import { MongoClient } from 'mongodb';
import { directory } from './command-line.ts';
import { stackEnvironment, testEnvironment } from './program.ts';
import { removeKeys } from './redis.ts';
import { mongoUrl, noMongo, skipWithout } from './services.ts';

const used: Record<string, string>[] = [];
// After all tests of the file: the hooks of a test run in the order they were given, and its processes would be told of the end after their database is gone.
after(async () => {
  for (const env of used) {
    const client = new MongoClient(env.MONGODB_URL!);
    await client.db().dropDatabase();
    await client.close();
    // A Redis of the test's own has ended with it.
    if (env.REDIS_URL === process.env.REDIS_URL) await removeKeys(env.REDIS_URL!, env.FORMSTEAD_REDIS_PREFIX!);
  }
});

/** Settings of a stack of this test's own, whose database and keys go in the end; undefined, and the test skipped, where there is no MongoDB or no Redis. */
export function stackFor(t: TestContext, settings: Record<string, string> = {}): Record<string, string> | undefined {
  if (mongoUrl() === undefined || process.env.REDIS_URL === undefined)
    return void skipWithout(t, `${noMongo}; REDIS_URL too`);
  const dir = directory(t);
  const env = testEnvironment(dir, { ...stackEnvironment(dir), ...settings });
  used.push(env);
  return env;
}
