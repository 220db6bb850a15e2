import { readFileSync } from 'node:fs';
import { type Db, type Document, MongoClient, type MongoClientOptions, MongoServerError } from 'mongodb';
import { AppError } from '#domain/errors.ts';

export type MongoOptions = {
  /** `mongodb://` or `mongodb+srv://`, with the name of the database, user and password in it. */
  url: string;
  /** Certificate of the authority that signed the server's, PEM. */
  caFile?: string;
  /** Connections of this process at most. */
  poolSize?: number;
  /** How long to wait for a server, for a connection to it, and for its answer, each. Milliseconds. */
  operationTimeoutMs?: number;
  /**
   * Accepts a server that is no replica set. Such a server can roll acknowledged writes back, or acknowledge them from memory: for tests on a stand-in.
   */
  allowStandalone?: boolean;
  /** Told of every command as it is sent: its name, and its body. */
  onCommand?: (name: string, body: Document) => void;
};

/** What the promise of a 202 rests on: on the journals of a majority before it is answered. */
export const durable = { w: 'majority', journal: true } as const;

/** Claims and heartbeats may be lost in a crash without harm: the lease's end finds what a lost claim leaves. */
export const hasty = { w: 1 } as const;

/** What every field of ours is called when it repeats: an index, a key or an id is taken. */
export const isDuplicate = (err: unknown): boolean => err instanceof MongoServerError && err.code === 11000;

/** `patienceMs`: how long a connection waits for an answer; counting and building indexes take longer than anybody waits for a commit. */
export function createClient(options: MongoOptions, patienceMs?: number): MongoClient {
  const { operationTimeoutMs = 2000 } = options;
  const settings: MongoClientOptions = {
    appName: 'formstead',
    writeConcern: durable,
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    maxPoolSize: options.poolSize ?? 50,
    serverSelectionTimeoutMS: operationTimeoutMs,
    connectTimeoutMS: operationTimeoutMs,
    // A server that is frozen keeps its connections open and says nothing.
    socketTimeoutMS: patienceMs ?? operationTimeoutMs,
    waitQueueTimeoutMS: operationTimeoutMs,
    // A short heartbeat: what is back is found within a second.
    heartbeatFrequencyMS: 1000,
    minHeartbeatFrequencyMS: 200,
    ignoreUndefined: true,
    ...(options.caFile !== undefined && { ca: readFileSync(options.caFile) }),
  };
  const { onCommand } = options;
  const client = new MongoClient(options.url, { ...settings, monitorCommands: onCommand !== undefined });
  if (onCommand) client.on('commandStarted', ({ commandName, command }) => onCommand(commandName, command));
  return client;
}

/**
 * Errors: `storage-unavailable` when the server does not answer, or cannot keep the promise.
 */
export async function assertKeepsPromise(db: Db, options: MongoOptions): Promise<void> {
  if (options.allowStandalone) return;
  const hello = await db.command({ hello: 1 });
  if (typeof hello.setName === 'string' || hello.msg === 'isdbgrid') return;
  throw new AppError('storage-unavailable', {
    detail:
      'The MongoDB server is no member of a replica set: it could acknowledge responses that a crash takes back. Start it with --replSet rs0 and run rs.initiate() once; one node is enough.',
  });
}

/** What MongoDB said is for the log, not for whoever sent a response. */
export function unavailable(detail: string, cause?: unknown): AppError {
  return new AppError('storage-unavailable', { detail, retryAfterSeconds: 5, cause });
}

/** Runs a read or an idempotent write; whatever goes wrong in the driver or the server becomes `storage-unavailable`. */
export async function answered<T>(what: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (err) {
    if (err instanceof AppError) throw err;
    throw unavailable(what, err);
  }
}

/**
 * What the driver tries again, and what is looked up after an answer that was lost, has its own time each: added up, somebody would wait for 4 s and more. The
 * work goes on and may still happen, as with every commit that is refused. Errors: `storage-unavailable` after `ms`.
 */
export async function inTime<T>(what: string, ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(unavailable(what)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
