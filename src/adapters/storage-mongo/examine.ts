import { AppError } from '#domain/errors.ts';
import { queueNames } from '#domain/task.ts';
import { assertKeepsPromise, createClient, type MongoOptions } from './connection.ts';
import { assertKnownSchema } from './migrations.ts';
import { assertNoMove } from './moves.ts';

export type MongoSeen =
  /** What the driver says; it names the server, and no password. */
  | { away: string }
  | {
      /** Undefined: it is a member of none. */
      replicaSet: string | undefined;
      /** What would keep a start from using the database, each with its cure. */
      problems: string[];
      deadTasks: number;
    };

/** Looks at a database as a start would, at everything at once, and writes nothing. Errors: none. */
export async function examineMongo(options: MongoOptions): Promise<MongoSeen> {
  try {
    await using client = createClient(options);
    const db = client.db();
    const hello = await db.command({ hello: 1 });
    const checks = [assertKeepsPromise(db, options), assertKnownSchema(db), assertNoMove(db)];
    const found = await Promise.all(checks.map(problemOf));
    const dead = { queue: { $in: [...queueNames] }, status: 'failed' };
    return {
      replicaSet: hello.setName,
      problems: found.filter((problem) => problem !== undefined),
      deadTasks: await db.collection('tasks').countDocuments(dead),
    };
  } catch (err) {
    return { away: (err as Error).message };
  }
}

function problemOf(check: Promise<unknown>): Promise<string | undefined> {
  return check.then(
    () => undefined,
    (err: unknown) => {
      if (err instanceof AppError) return err.detail;
      throw err;
    },
  );
}
