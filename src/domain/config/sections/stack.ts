import { bytes, duration, flag, integer, path, text, url } from '../setting.ts';

/** Processes of the API at most. */
export const mostWorkers = 256;

export const stack = {
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
