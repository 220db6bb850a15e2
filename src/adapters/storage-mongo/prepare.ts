import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Db, MongoClient, MongoServerError } from 'mongodb';
import { AppError } from '#domain/errors.ts';

export type PrepareOptions = {
  /** As the program will connect: database, user, password and `replicaSet` are taken from it. */
  url: string;
  caFile?: string;
  /** Where the server is reached over loopback, such as `127.0.0.1:27017`: only there it lets somebody in before the first user is made. */
  via: string;
  /** Under which name the members of the replica set and their clients find this server, such as `mongodb:27017`. */
  member: string;
  adminPassword: string;
};

const admin = 'root';
const electedWithinMs = 30_000;
const code = { authenticationFailed: 18, alreadyInitialized: 23, userNotFound: 11 };
const has = (err: unknown, wanted: number): boolean => err instanceof MongoServerError && err.code === wanted;

/**
 * Makes a new MongoDB server a replica set of one, with an administrator and the user of the program; on one that is prepared already it only sets that
 * user's password and rights again. Says what it has done.
 * Errors: `storage-unavailable` when the URL lacks something, or another administrator's password is in force; the driver's own.
 */
export async function prepareMongo(options: PrepareOptions): Promise<string[]> {
  const wanted = wishes(options.url);
  const done: string[] = [];
  if (!(await isAdmin(options))) {
    await connected(options, false, async (db) => {
      if (await initiate(db, wanted.replicaSet, options.member)) done.push(`replica set ${wanted.replicaSet} made`);
      await untilPrimary(db);
      await db.command({
        createUser: admin,
        pwd: options.adminPassword,
        roles: [{ role: 'root', db: 'admin' }],
      });
      done.push(`administrator ${admin} made`);
    }).catch(explain);
  }
  await connected(options, true, async (db) => {
    await untilPrimary(db);
    const roles = [{ role: 'readWrite', db: wanted.database }];
    const user = db.client.db(wanted.authSource);
    const { users } = await user.command({ usersInfo: wanted.user });
    const made = users.length === 0;
    await user.command({
      ...(made ? { createUser: wanted.user } : { updateUser: wanted.user }),
      pwd: wanted.password,
      roles,
    });
    done.push(`user ${wanted.user} ${made ? 'made' : 'is there, password and rights set'}`);
  });
  return done;
}

function explain(err: unknown): never {
  if (!(err instanceof MongoServerError) || err.code !== 13) throw err;
  const detail =
    'The server has an administrator already, and not with this password. Put back the password that it was prepared with.';
  throw new AppError('storage-unavailable', { detail, cause: err });
}

function wishes(url: string) {
  const { credentials, dbName, replicaSet } = new MongoClient(url).options;
  if (!credentials?.username || !credentials.password || !replicaSet) {
    const detail =
      'MONGODB_URL must name user, password, database and replica set, such as mongodb://user:password@host:27017/formstead?replicaSet=rs0.';
    throw new AppError('storage-unavailable', { detail });
  }
  const { username: user, password, source } = credentials;
  return { user, password, database: dbName, replicaSet, authSource: source };
}

/** Runs `work` on the administrative database, over a connection that waits for no replica set. */
async function connected<T>(options: PrepareOptions, asAdmin: boolean, work: (db: Db) => Promise<T>): Promise<T> {
  const { caFile, via, adminPassword } = options;
  const client = new MongoClient(`mongodb://${via}/admin`, {
    appName: 'formstead-prepare',
    directConnection: true,
    serverSelectionTimeoutMS: 10_000,
    ...(caFile !== undefined && { tls: true, ca: readFileSync(caFile) }),
    ...(asAdmin && { auth: { username: admin, password: adminPassword }, authSource: 'admin' }),
  });
  try {
    return await work(client.db('admin'));
  } finally {
    await client.close();
  }
}

async function isAdmin(options: PrepareOptions): Promise<boolean> {
  return connected(options, true, (db) => db.command({ ping: 1 })).then(
    () => true,
    (err: unknown) => {
      if (has(err, code.authenticationFailed) || has(err, code.userNotFound)) return false;
      throw err;
    },
  );
}

async function initiate(db: Db, name: string, host: string): Promise<boolean> {
  try {
    await db.command({ replSetInitiate: { _id: name, members: [{ _id: 0, host }] } });
    return true;
  } catch (err) {
    if (has(err, code.alreadyInitialized)) return false;
    throw err;
  }
}

async function untilPrimary(db: Db): Promise<void> {
  const until = performance.now() + electedWithinMs;
  while (!(await db.command({ hello: 1 })).isWritablePrimary) {
    if (performance.now() > until)
      throw new AppError('storage-unavailable', { detail: 'The replica set has elected no primary within 30 s.' });
    await sleep(200);
  }
}
