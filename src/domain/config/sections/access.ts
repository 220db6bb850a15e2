import { duration, email, integer, secret, secrets } from '../setting.ts';

const secretKeyLimits = { min: 32, max: 1024, cure: 'Make one with: openssl rand -base64 48' };

export const access = {
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
