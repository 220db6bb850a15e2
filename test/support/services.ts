import type { TestContext } from 'node:test';

/** Something this test needs is not here: skipped on a laptop with the reason, a failure where REQUIRE_SERVICES=1 says that everything must be. */
export function skipWithout(t: TestContext, reason: string): void {
  if (process.env.REQUIRE_SERVICES === '1') throw new Error(`${reason}, and REQUIRE_SERVICES=1 wants it`);
  t.skip(reason);
}

/** The MongoDB server for tests, without a database's name. */
export const mongoUrl = (): string | undefined => process.env.MONGODB_URL;

export const noMongo = 'MONGODB_URL is not set (npm run services -- <command> starts what the tests need)';
