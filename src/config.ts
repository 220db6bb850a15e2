import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { checkSettings } from '#domain/config/checks.ts';
import { usableCpus } from '#domain/config/cpu-quota.ts';
import { type Environment, type ReadFile, readSettings, type ValuesOf } from '#domain/config/read.ts';
import * as kind from '#domain/config/setting.ts';

export type { Environment, ReadFile } from '#domain/config/read.ts';
export type { ConfigMistake, Machine } from '#domain/config/setting.ts';

const {
  addresses,
  bytes,
  cidrs,
  duration,
  email,
  flag,
  integer,
  oneOf,
  path,
  port,
  secret,
  secrets,
  text,
  timeOfDay,
  timeZone,
  url,
} = kind;

const secretKeyLimits = { min: 32, max: 1024, cure: 'Make one with: openssl rand -base64 48' };

const mostWorkers = 256;

const serving = {
  host: text({
    env: 'FORMSTEAD_HOST',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,253}$/,
    format: 'address or host name',
    about: 'Where the API listens.',
  }),
  port: port({ env: 'FORMSTEAD_PORT', default: '8080', about: 'The port of the API.' }),
  tlsCertificateFile: path({
    env: 'FORMSTEAD_TLS_CERTIFICATE_FILE',
    about:
      'Certificate of the API with the chain to its authority, PEM: it serves HTTPS, TLS 1.2 at least, and nothing else. Read again at SIGHUP.',
  }),
  tlsKeyFile: path({ env: 'FORMSTEAD_TLS_KEY_FILE', about: 'The key of that certificate, PEM, without a password.' }),
  trustedProxies: addresses({
    env: 'FORMSTEAD_TRUSTED_PROXIES',
    about: 'Proxies whose `X-Forwarded-For` counts, for rate limits and the audit log alike.',
  }),
  metricsPort: port({
    env: 'FORMSTEAD_METRICS_PORT',
    about:
      'Prometheus metrics at `/metrics` and the health of the process at `/health`, on a port of their own; unset, there are none.',
  }),
  metricsHost: text({
    env: 'FORMSTEAD_METRICS_HOST',
    default: '127.0.0.1',
    pattern: /^[A-Za-z0-9.:_-]{1,253}$/,
    format: 'address or host name',
    about: 'Where the metrics listen. They ask for no password.',
  }),
  logLevel: oneOf({
    env: 'FORMSTEAD_LOG_LEVEL',
    values: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    about: 'The least important lines that are logged.',
  }),
  timeZone: timeZone({ env: 'FORMSTEAD_TIME_ZONE', about: 'Schedules and the daily partitions of exports follow it.' }),
  shutdownGraceMs: duration({
    env: 'FORMSTEAD_SHUTDOWN_GRACE',
    default: '10s',
    max: '10m',
    about: 'How long requests and tasks may finish after SIGTERM.',
  }),
};

const keeping = {
  dataDir: path({
    env: 'FORMSTEAD_DATA_DIR',
    default: './data',
    about: 'Database, exports, models and generated secrets. One server at a time.',
  }),
  diskReserveBytes: bytes({
    env: 'FORMSTEAD_DISK_RESERVE',
    default: '256MB',
    max: '1TB',
    about: 'With less free space responses are refused with 503, so that what is accepted can be worked off.',
  }),
  taskRetentionMs: duration({
    env: 'FORMSTEAD_TASK_RETENTION',
    default: '7d',
    // By the row of the last daily export a later start knows that one was missed, and a day may have 25 hours.
    min: '2d',
    max: '3650d',
    about:
      'How long finished tasks can be asked for. A daily export that was missed is made up because the row of the one before is there. Dead letters stay.',
  }),
  idempotencyLifeMs: duration({
    env: 'FORMSTEAD_IDEMPOTENCY_LIFE',
    default: '72h',
    min: '72h',
    max: '365d',
    about: 'How long an idempotency key stands for its first answer.',
  }),
  receiptSignIntervalMs: duration({
    env: 'FORMSTEAD_RECEIPT_SIGN_INTERVAL',
    default: '10s',
    min: '1s',
    max: '1h',
    about: 'How often the head of a growing receipt chain is signed.',
  }),
  exportAt: timeOfDay({ env: 'FORMSTEAD_EXPORT_AT', default: '02:00', about: 'When the daily export begins.' }),
  sqliteSynchronous: oneOf({
    env: 'FORMSTEAD_SQLITE_SYNCHRONOUS',
    values: ['full', 'normal'],
    default: 'full',
    about:
      'Leave it. `normal` loses acknowledged responses in a power cut; it exists to show that the power-cut test notices.',
  }),
};

const stack = {
  mongodbUrl: url({
    env: 'MONGODB_URL',
    protocols: ['mongodb:', 'mongodb+srv:'],
    secret: true,
    about:
      'The database, with its name, user and password in the URL. Set together with `REDIS_URL` to run the stack; unset, the embedded size keeps everything in the data directory.',
  }),
  mongodbCaFile: path({
    env: 'MONGODB_CA_FILE',
    about:
      'Certificate of the authority that signed the database server’s, PEM, for TLS with an authority of your own.',
  }),
  mongodbPoolSize: integer({
    env: 'FORMSTEAD_MONGODB_POOL',
    default: '50',
    min: 2,
    max: 1000,
    about: 'Connections of one process to the database at most.',
  }),
  mongodbTimeoutMs: duration({
    env: 'FORMSTEAD_MONGODB_TIMEOUT',
    default: '2s',
    min: '100ms',
    max: '60s',
    about:
      'How long a process waits for the database, for a connection to it, and for an answer, each. A request that waits for it is answered 503 within this time in all.',
  }),
  mongodbStandalone: flag({
    env: 'FORMSTEAD_MONGODB_STANDALONE',
    default: 'off',
    about:
      'Leave it. `on` accepts a database that is no replica set and can lose what was answered with 202; it exists for tests.',
  }),
  redisUrl: url({
    env: 'REDIS_URL',
    protocols: ['redis:', 'rediss:'],
    secret: true,
    about:
      'The queues and the cache, with user, password and database number in the URL; `rediss:` for TLS. See `MONGODB_URL`.',
  }),
  redisCaFile: path({ env: 'REDIS_CA_FILE', about: 'The same for Redis.' }),
  redisPrefix: text({
    env: 'FORMSTEAD_REDIS_PREFIX',
    default: 'formstead',
    pattern: /^[A-Za-z0-9_-]{1,64}$/,
    format: 'letters, digits, `_` and `-`',
    about: 'Begins every key in Redis. Installations that share one need different ones.',
  }),
  workers: {
    ...integer({
      env: 'FORMSTEAD_WORKERS',
      min: 1,
      max: mostWorkers,
      about:
        'API processes of one `serve`, under a supervisor that replaces one that dies, hangs or grows. With 1 there is no supervisor. The embedded size is one process.',
    }),
    shownDefault: 'in the stack the CPUs this process may use',
  },
  apiMemoryBytes: bytes({
    env: 'FORMSTEAD_API_MEMORY',
    default: '512MB',
    min: '64MB',
    max: '1TB',
    about: 'An API process that holds more memory (resident set) is replaced, without a refused request.',
  }),
};

const access = {
  secretKey: secret({
    env: 'FORMSTEAD_SECRET_KEY',
    ...secretKeyLimits,
    about:
      'All keys come from it. Unset, one is made at the first start and kept in the data directory (`secret.key`).',
  }),
  secretKeyPrevious: secrets({
    env: 'FORMSTEAD_SECRET_KEY_PREVIOUS',
    ...secretKeyLimits,
    about: 'Earlier secret keys: what they signed and sealed still holds, nothing new is made with them.',
  }),
  adminEmail: email({
    env: 'FORMSTEAD_ADMIN_EMAIL',
    about: 'The first administrator, made when there is no user yet.',
  }),
  adminPassword: secret({
    env: 'FORMSTEAD_ADMIN_PASSWORD',
    min: 12,
    max: 256,
    cure: 'Choose a password of 12 to 256 characters.',
    about:
      'The password of that administrator. Unset, one is made at the first start, shown once and kept in a file only you can read.',
  }),
  accessTokenLifeMs: duration({
    env: 'FORMSTEAD_ACCESS_TOKEN_LIFE',
    default: '1h',
    min: '1m',
    max: '24h',
    about: 'How long an access token lives.',
  }),
  refreshTokenLifeMs: duration({
    env: 'FORMSTEAD_REFRESH_TOKEN_LIFE',
    default: '30d',
    min: '1h',
    max: '365d',
    about: 'How long a login can be renewed without the password.',
  }),
  loginFailures: integer({
    env: 'FORMSTEAD_LOGIN_FAILURES',
    default: '5',
    min: 1,
    max: 1000,
    about: 'Failed logins to one account within the window, after which it answers 429.',
  }),
  loginFailuresPerAddress: integer({
    env: 'FORMSTEAD_LOGIN_FAILURES_PER_ADDRESS',
    default: '50',
    min: 1,
    max: 100000,
    about: 'The same from one address, whatever the accounts.',
  }),
  loginWindowMs: duration({
    env: 'FORMSTEAD_LOGIN_WINDOW',
    default: '15m',
    min: '1s',
    max: '24h',
    about: 'The window of the two settings above.',
  }),
  argon2Parallel: integer({
    env: 'FORMSTEAD_ARGON2_PARALLEL',
    default: '2',
    min: 1,
    max: 16,
    about: 'Passwords that one process checks at once; each takes the memory below.',
  }),
  argon2MemoryKib: integer({
    env: 'FORMSTEAD_ARGON2_MEMORY',
    default: '19456',
    min: 8,
    max: 262144,
    unit: 'KiB',
    about: 'Memory of one password hash. Less is for tests.',
  }),
};

const limits = {
  rateLimit: flag({
    env: 'FORMSTEAD_RATE_LIMIT',
    default: 'on',
    about: '`off` for load tests. Failed logins are throttled all the same.',
  }),
  responsesPerMinute: integer({
    env: 'FORMSTEAD_RESPONSES_PER_MINUTE',
    default: '60',
    min: 1,
    max: 1000000,
    about: 'Responses from one address to one form.',
  }),
  requestsPerMinute: integer({
    env: 'FORMSTEAD_REQUESTS_PER_MINUTE',
    default: '6000',
    min: 1,
    max: 1000000,
    about: 'Requests from one address; posts of responses are counted apart, to as many.',
  }),
  responseLimitBytes: bytes({
    env: 'FORMSTEAD_RESPONSE_LIMIT',
    default: '256kB',
    min: '1kB',
    max: '16MB',
    about: 'Longest body of a response.',
  }),
  definitionLimitBytes: bytes({
    env: 'FORMSTEAD_DEFINITION_LIMIT',
    default: '1MB',
    min: '1kB',
    max: '16MB',
    about: 'Longest body of a form definition and of every request not named here.',
  }),
  examplesLimitBytes: bytes({
    env: 'FORMSTEAD_EXAMPLES_LIMIT',
    default: '16MB',
    min: '1kB',
    max: '256MB',
    about: 'Longest body of an import of examples.',
  }),
  eventStreams: integer({
    env: 'FORMSTEAD_EVENT_STREAMS',
    default: '200',
    min: 0,
    max: 100000,
    about: 'Event streams that may be open at once in one process.',
  }),
};

const working = {
  concurrencyHigh: integer({
    env: 'FORMSTEAD_CONCURRENCY_HIGH',
    default: 'cpus',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `high-priority` that run at once.',
  }),
  concurrencyDefault: integer({
    env: 'FORMSTEAD_CONCURRENCY_DEFAULT',
    default: '4',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `default` that run at once.',
  }),
  concurrencyBatched: integer({
    env: 'FORMSTEAD_CONCURRENCY_BATCHED',
    default: '1',
    min: 1,
    max: 256,
    about: 'Tasks of the queue `batched` that run at once.',
  }),
  webhookTimeoutMs: duration({
    env: 'FORMSTEAD_WEBHOOK_TIMEOUT',
    default: '15s',
    min: '100ms',
    max: '60s',
    about: 'One attempt, connect to last byte.',
  }),
  webhookAllow: cidrs({
    env: 'FORMSTEAD_WEBHOOK_ALLOW',
    about: 'Private networks that webhooks may reach, such as `127.0.0.0/8` in tests. Metadata addresses never.',
  }),
  model: text({
    env: 'FORMSTEAD_MODEL',
    about:
      'GGUF file or registered model name of the local language model. This release has none yet and warns; rules and trained heads do the work.',
  }),
  analyticsMemoryBytes: bytes({
    env: 'FORMSTEAD_ANALYTICS_MEMORY',
    default: '512MB',
    min: '64MB',
    max: '1TB',
    about: 'Memory of the process that writes Parquet files.',
  }),
};

export const sections = [
  { title: 'Serving', settings: serving },
  { title: 'Keeping', settings: keeping },
  { title: 'The stack', settings: stack },
  { title: 'Access', settings: access },
  { title: 'Limits', settings: limits },
  { title: 'Working', settings: working },
] as const;

/** The table: one row for each setting. The reference page is generated from it. */
export const settings = { ...serving, ...keeping, ...stack, ...access, ...limits, ...working };

/** Frozen to the bottom. Durations are milliseconds, sizes bytes; the names say so. */
export type Config = ValuesOf<typeof settings> & { readonly workers: number };

export type LoadedConfig =
  | { config: Config; warnings: kind.ConfigMistake[] }
  | { mistakes: kind.ConfigMistake[]; warnings: kind.ConfigMistake[] };

/** The configuration, or everything that is wrong with it at once. Errors: none; an unreadable secret file is a mistake. */
export function loadConfig(
  env: Environment,
  readFile: ReadFile = readTextFile,
  machine: kind.Machine = thisMachine(),
): LoadedConfig {
  const { values: read, failed, mistakes } = readSettings(settings, env, readFile, machine);
  // Its default is the one that depends on another setting.
  const cpus = read.mongodbUrl === undefined ? 1 : Math.min(machine.cpus, mostWorkers);
  const values: Config = { ...read, workers: read.workers ?? cpus };
  const together = checkSettings(values, failed);
  const all = [...mistakes, ...together.mistakes];
  return all.length > 0
    ? { mistakes: all, warnings: together.warnings }
    : { config: deepFreeze(values), warnings: together.warnings };
}

/** The only place that looks at the environment of the process. */
export function readEnvironment(): Environment {
  return { ...process.env };
}

/** Every setting with its value as the operator would write it, secrets only as set or unset: for `doctor`. */
export function describeConfig(config: Config): { name: string; value: string }[] {
  return Object.entries<kind.Setting<unknown>>(settings).map(([key, setting]) => {
    const value: unknown = config[key as keyof Config];
    const isSet = Array.isArray(value) ? value.length > 0 : value !== undefined;
    return { name: setting.env, value: !isSet ? 'unset' : setting.secret ? 'set (secret)' : setting.show(value) };
  });
}

function readTextFile(file: string): string {
  return readFileSync(file, 'utf8');
}

function thisMachine(): kind.Machine {
  return {
    cpus: usableCpus(availableParallelism(), readTextFile),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    absolutePath: (relative) => resolve(relative),
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
