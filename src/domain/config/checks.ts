import { passwordProblem } from '../password.ts';
import { mailChecks } from './mail-checks.ts';
import { isLoopback, type Network } from './network.ts';
import type { ConfigMistake } from './setting.ts';

/** The settings that depend on each other. */
export type CheckedSettings = {
  dataDir: string;
  host: string;
  port: number;
  tlsCertificateFile: string | undefined;
  tlsKeyFile: string | undefined;
  metricsPort: number | undefined;
  trustedProxies: readonly Network[];
  webhookAllow: readonly Network[];
  workers: number;
  mongodbUrl: string | undefined;
  mongodbStandalone: boolean;
  redisUrl: string | undefined;
  secretKey: string | undefined;
  secretKeyPrevious: readonly string[];
  adminEmail: string | undefined;
  adminPassword: string | undefined;
  rateLimit: boolean;
  accessTokenLifeMs: number;
  refreshTokenLifeMs: number;
  sqliteSynchronous: 'full' | 'normal';
  argon2MemoryKib: number;
  smtpUrl: string | undefined;
  smtpUser: string | undefined;
  smtpPassword: string | undefined;
  smtpCaFile: string | undefined;
  smtpPlain: boolean;
  mailFrom: string | undefined;
  mailSummaryTo: readonly string[];
};

export type Check = {
  /** Skipped when one of these has a mistake of its own, which would only be repeated in other words. */
  reads: readonly (keyof CheckedSettings)[];
  level: 'mistake' | 'warning';
  find: (settings: CheckedSettings) => ConfigMistake | undefined;
};

// OWASP's least memory for two passes and one lane.
const leastArgon2Kib = 19_456;

const checks: readonly Check[] = [
  {
    reads: ['dataDir'],
    level: 'mistake',
    // DuckDB reads what follows a ? in the path of a snapshot as options, and all SQL of analysts fails.
    find: ({ dataDir }) =>
      dataDir.includes('?')
        ? {
            name: 'FORMSTEAD_DATA_DIR',
            problem: `is ${JSON.stringify(dataDir)}, and SQL cannot be answered from a path with a question mark`,
            cure: 'Rename it, or name a directory whose whole path has none.',
          }
        : undefined,
  },
  {
    reads: ['mongodbUrl', 'redisUrl'],
    level: 'mistake',
    find: ({ mongodbUrl, redisUrl }) => {
      if ((mongodbUrl === undefined) === (redisUrl === undefined)) return undefined;
      const [name, other] = mongodbUrl ? ['MONGODB_URL', 'REDIS_URL'] : ['REDIS_URL', 'MONGODB_URL'];
      const problem = `is set without ${other}; the stack needs both`;
      return { name, problem, cure: `Set ${other} too, or unset both: then everything is kept in FORMSTEAD_DATA_DIR.` };
    },
  },
  {
    reads: ['mongodbUrl'],
    level: 'mistake',
    find: ({ mongodbUrl }) =>
      // Not `new URL`: several hosts with ports are no URL to it.
      mongodbUrl === undefined || /^[a-z+]+:\/\/[^/]+\/[^/?]+/.test(mongodbUrl)
        ? undefined
        : {
            name: 'MONGODB_URL',
            problem: 'names no database',
            cure: 'Put its name behind the host, such as mongodb://user:password@host:27017/formstead?replicaSet=rs0.',
          },
  },
  {
    reads: ['mongodbUrl', 'secretKey'],
    level: 'mistake',
    find: ({ mongodbUrl, secretKey }) =>
      mongodbUrl === undefined || secretKey !== undefined
        ? undefined
        : {
            name: 'FORMSTEAD_SECRET_KEY',
            problem: 'is not set, and all processes of the stack need the same one',
            cure: 'Make one with: openssl rand -base64 48',
          },
  },
  {
    reads: ['mongodbStandalone'],
    level: 'warning',
    find: ({ mongodbStandalone }) =>
      mongodbStandalone
        ? {
            name: 'FORMSTEAD_MONGODB_STANDALONE',
            problem: 'is on: a database that is no replica set can lose responses that were answered with 202',
            cure: 'Unset it. It exists for tests.',
          }
        : undefined,
  },
  {
    reads: ['workers', 'mongodbUrl'],
    level: 'mistake',
    find: ({ workers, mongodbUrl }) =>
      workers === 1 || mongodbUrl !== undefined
        ? undefined
        : {
            name: 'FORMSTEAD_WORKERS',
            problem:
              'asks for several API processes, which only the stack (MongoDB and Redis) has; the embedded size is one process',
            cure: 'Unset it.',
          },
  },
  {
    reads: ['adminEmail', 'adminPassword'],
    level: 'mistake',
    find: ({ adminEmail, adminPassword }) =>
      adminPassword !== undefined && adminEmail === undefined
        ? {
            name: 'FORMSTEAD_ADMIN_PASSWORD',
            problem: 'is set without FORMSTEAD_ADMIN_EMAIL',
            cure: 'Set FORMSTEAD_ADMIN_EMAIL as well, or unset the password: the first start then makes one.',
          }
        : undefined,
  },
  {
    reads: ['adminEmail', 'adminPassword'],
    level: 'mistake',
    find: ({ adminEmail, adminPassword }) => {
      const problem =
        adminPassword === undefined ? undefined : passwordProblem(adminPassword, adminEmail ? [adminEmail] : []);
      return problem === undefined
        ? undefined
        : {
            name: 'FORMSTEAD_ADMIN_PASSWORD',
            problem: `is refused: ${problem}`,
            cure: 'Choose another, or unset it: the first start then makes one.',
          };
    },
  },
  {
    reads: ['tlsCertificateFile', 'tlsKeyFile'],
    level: 'mistake',
    find: ({ tlsCertificateFile, tlsKeyFile }) => {
      if ((tlsCertificateFile === undefined) === (tlsKeyFile === undefined)) return undefined;
      const names = ['FORMSTEAD_TLS_CERTIFICATE_FILE', 'FORMSTEAD_TLS_KEY_FILE'] as const;
      const [name, other] = tlsCertificateFile ? names : [names[1], names[0]];
      const problem = `is set without ${other}; HTTPS needs both`;
      return { name, problem, cure: `Set ${other} too, or unset both: then the API speaks plain HTTP.` };
    },
  },
  {
    reads: ['port', 'metricsPort'],
    level: 'mistake',
    find: ({ port, metricsPort }) =>
      metricsPort !== undefined && metricsPort !== 0 && metricsPort === port
        ? {
            name: 'FORMSTEAD_METRICS_PORT',
            problem: `is ${metricsPort}, which is FORMSTEAD_PORT`,
            cure: 'Give the metrics a port of their own, such as 9464.',
          }
        : undefined,
  },
  {
    reads: ['accessTokenLifeMs', 'refreshTokenLifeMs'],
    level: 'mistake',
    find: ({ accessTokenLifeMs, refreshTokenLifeMs }) =>
      refreshTokenLifeMs < accessTokenLifeMs
        ? {
            name: 'FORMSTEAD_REFRESH_TOKEN_LIFE',
            problem: 'is shorter than FORMSTEAD_ACCESS_TOKEN_LIFE',
            cure: 'Make the refresh token live longer than the access token it renews.',
          }
        : undefined,
  },
  {
    reads: ['secretKey', 'secretKeyPrevious'],
    level: 'warning',
    find: ({ secretKey, secretKeyPrevious }) =>
      secretKey !== undefined && secretKeyPrevious.includes(secretKey)
        ? {
            name: 'FORMSTEAD_SECRET_KEY_PREVIOUS',
            problem: 'contains the current secret key, so nothing was rotated',
            cure: 'Put a new secret into FORMSTEAD_SECRET_KEY and only earlier ones here.',
          }
        : undefined,
  },
  {
    reads: ['host', 'trustedProxies', 'tlsCertificateFile'],
    level: 'warning',
    find: ({ host, trustedProxies, tlsCertificateFile }) =>
      !isLoopback(host) && trustedProxies.length === 0 && tlsCertificateFile === undefined
        ? {
            name: 'FORMSTEAD_HOST',
            problem: `is ${host}: other machines reach this server, and no proxy is named whose X-Forwarded-For counts`,
            cure: 'Behind a proxy, name it in FORMSTEAD_TRUSTED_PROXIES (else all its visitors share one rate limit); without one, give it a certificate (FORMSTEAD_TLS_CERTIFICATE_FILE) or put TLS in front.',
          }
        : undefined,
  },
  {
    reads: ['trustedProxies'],
    level: 'warning',
    find: ({ trustedProxies }) =>
      trustedProxies.some((network) => network.prefix === 0)
        ? {
            name: 'FORMSTEAD_TRUSTED_PROXIES',
            problem: 'trusts every address: any visitor can claim any address, in rate limits and in the audit log',
            cure: 'Name only the addresses of your proxies.',
          }
        : undefined,
  },
  {
    reads: ['webhookAllow'],
    level: 'warning',
    find: ({ webhookAllow }) =>
      webhookAllow.some((network) => network.prefix === 0)
        ? {
            name: 'FORMSTEAD_WEBHOOK_ALLOW',
            problem: 'allows every private network: webhooks can reach whatever this machine can reach',
            cure: 'Name only the networks your receivers are in.',
          }
        : undefined,
  },
  {
    reads: ['rateLimit'],
    level: 'warning',
    find: ({ rateLimit }) =>
      rateLimit
        ? undefined
        : {
            name: 'FORMSTEAD_RATE_LIMIT',
            problem: 'is off: anybody may send as much as the machine takes',
            cure: 'Use it for load tests only.',
          },
  },
  ...mailChecks,
  {
    reads: ['sqliteSynchronous'],
    level: 'warning',
    find: ({ sqliteSynchronous }) =>
      sqliteSynchronous === 'normal'
        ? {
            name: 'FORMSTEAD_SQLITE_SYNCHRONOUS',
            problem: 'is normal: a power cut loses responses that were answered with 202',
            cure: 'Unset it. It exists to show that the power-cut test notices.',
          }
        : undefined,
  },
  {
    reads: ['argon2MemoryKib'],
    level: 'warning',
    find: ({ argon2MemoryKib }) =>
      argon2MemoryKib < leastArgon2Kib
        ? {
            name: 'FORMSTEAD_ARGON2_MEMORY',
            problem: `is ${argon2MemoryKib} KiB: stolen password hashes are guessed faster`,
            cure: `Use it for tests only; OWASP's least is ${leastArgon2Kib}.`,
          }
        : undefined,
  },
];

/** What the settings are wrong about together. The start refuses to run with mistakes; `doctor` shows both. `failed` holds keys that have no valid value. */
export function checkSettings(
  settings: CheckedSettings,
  failed: ReadonlySet<string> = new Set(),
): { mistakes: ConfigMistake[]; warnings: ConfigMistake[] } {
  const found = { mistakes: [] as ConfigMistake[], warnings: [] as ConfigMistake[] };
  for (const check of checks) {
    if (check.reads.some((key) => failed.has(key))) continue;
    const result = check.find(settings);
    if (result) (check.level === 'mistake' ? found.mistakes : found.warnings).push(result);
  }
  return found;
}
