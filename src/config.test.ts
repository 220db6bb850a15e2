import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Config, describeConfig, loadConfig, readEnvironment, sections, settings } from './config.ts';
import { configurationPage } from './domain/config/reference.ts';

const machine = {
  cpus: 6,
  timeZone: 'Europe/Vienna',
  absolutePath: (path: string) => `/srv/${path.replace('./', '')}`,
};
const noFiles = (path: string): string => {
  throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
};
const key = 'k'.repeat(32);

function load(env: Record<string, string | undefined>, files: Record<string, string> = {}) {
  return loadConfig(env, (path) => files[path] ?? noFiles(path), machine);
}
function good(env: Record<string, string | undefined>, files?: Record<string, string>): Config {
  const loaded = load(env, files);
  assert.ok('config' in loaded, JSON.stringify(loaded));
  return loaded.config;
}
function bad(env: Record<string, string | undefined>, files?: Record<string, string>) {
  const loaded = load(env, files);
  assert.ok('mistakes' in loaded, `no mistake in ${JSON.stringify(env)}`);
  return loaded.mistakes;
}
function warned(env: Record<string, string | undefined>): string[] {
  return load(env).warnings.map((warning) => warning.name);
}

test('an empty environment is a working embedded server on the loopback, without mistakes or warnings', () => {
  const loaded = load({});
  assert.ok('config' in loaded);
  assert.deepEqual(loaded.warnings, []);
  const { config } = loaded;
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.port, 8080);
  assert.equal(config.dataDir, '/srv/data');
  assert.equal(config.timeZone, 'Europe/Vienna');
  assert.equal(config.concurrencyHigh, 6);
  assert.equal(config.concurrencyDefault, 4);
  assert.equal(config.concurrencyBatched, 8);
  assert.equal(config.workers, 1);
  assert.equal(config.cpus, 6);
  assert.equal(config.metricsPort, undefined);
  assert.equal(config.secretKey, undefined);
  assert.equal(config.model, undefined);
  assert.deepEqual(config.trustedProxies, []);
  assert.equal(config.rateLimit, true);
  assert.equal(config.responseLimitBytes, 256_000);
  assert.equal(config.idempotencyLifeMs, 72 * 3_600_000);
  assert.equal(config.webhookTimeoutMs, 15_000);
  assert.deepEqual(config.exportAt, { hour: 2, minute: 0 });
  assert.equal(config.sqliteSynchronous, 'full');
  assert.equal(config.argon2MemoryKib, 19_456);
});

test('the types come out of the table', () => {
  const config = good({});
  const level: 'debug' | 'info' | 'warn' | 'error' = config.logLevel;
  const port: number = config.port;
  // @ts-expect-error a setting without a default may be undefined
  const metricsPort: number = config.metricsPort;
  const change = (): void => {
    // @ts-expect-error the configuration cannot be changed
    config.port = 1;
  };
  // @ts-expect-error no such setting
  const nothing: unknown = config.doesNotExist;
  assert.deepEqual([level, port, metricsPort, nothing], ['info', 8080, undefined, undefined]);
  assert.throws(change, TypeError);
});

test('the configuration is frozen to the bottom', () => {
  const config = good({ FORMSTEAD_TRUSTED_PROXIES: '10.0.0.7' });
  assert.ok(Object.isFrozen(config));
  assert.ok(Object.isFrozen(config.trustedProxies));
  assert.ok(Object.isFrozen(config.trustedProxies[0]));
  assert.ok(Object.isFrozen(config.exportAt));
});

test('a variable set to nothing counts as not set, and white space around a value does not matter', () => {
  const config = good({
    FORMSTEAD_PORT: '',
    FORMSTEAD_MODEL: '  ',
    FORMSTEAD_LOG_LEVEL: ' WARN ',
    FORMSTEAD_SECRET_KEY: '',
    MONGODB_URL: '',
  });
  assert.equal(config.port, 8080);
  assert.equal(config.model, undefined);
  assert.equal(config.logLevel, 'warn');
  assert.equal(config.secretKey, undefined);
});

for (const [name, value, at, expected] of [
  ['FORMSTEAD_PORT', '0', 'port', 0],
  ['FORMSTEAD_PORT', '65535', 'port', 65535],
  ['FORMSTEAD_HOST', '::1', 'host', '::1'],
  ['FORMSTEAD_TIME_ZONE', 'America/Argentina/Buenos_Aires', 'timeZone', 'America/Argentina/Buenos_Aires'],
  ['FORMSTEAD_TIME_ZONE', 'Etc/GMT-5', 'timeZone', 'Etc/GMT-5'],
  ['FORMSTEAD_RATE_LIMIT', 'false', 'rateLimit', false],
  ['FORMSTEAD_RATE_LIMIT', 'On', 'rateLimit', true],
  ['FORMSTEAD_EXPORT_AT', '23:59', 'exportAt', { hour: 23, minute: 59 }],
  ['FORMSTEAD_RESPONSE_LIMIT', '1.5MB', 'responseLimitBytes', 1_500_000],
  ['FORMSTEAD_RESPONSE_LIMIT', '64kib', 'responseLimitBytes', 65_536],
  ['FORMSTEAD_WEBHOOK_TIMEOUT', '60s', 'webhookTimeoutMs', 60_000],
  ['FORMSTEAD_WEBHOOK_TIMEOUT', '1m', 'webhookTimeoutMs', 60_000],
  ['FORMSTEAD_SHUTDOWN_GRACE', '0', 'shutdownGraceMs', 0],
  ['FORMSTEAD_ADMIN_EMAIL', 'Berta@Example.ORG', 'adminEmail', 'berta@example.org'],
  ['FORMSTEAD_WORKERS', '1', 'workers', 1],
  ['FORMSTEAD_CONCURRENCY_HIGH', 'cpus', 'concurrencyHigh', 6],
  ['FORMSTEAD_SECRET_KEY', ` ${key} `, 'secretKey', ` ${key} `],
  ['FORMSTEAD_SECRET_KEY_PREVIOUS', `${key}1,${key}2\n${key}3`, 'secretKeyPrevious', [`${key}1`, `${key}2`, `${key}3`]],
] as const) {
  test(`${name}=${JSON.stringify(value).slice(0, 50)} is understood`, () =>
    assert.deepEqual(good({ [name]: value })[at], expected));
}

test('where the system has no IANA time zone, UTC is the default', () => {
  for (const timeZone of ['Etc/Unknown', '-03:00', undefined]) {
    const loaded = loadConfig({}, noFiles, { ...machine, timeZone });
    assert.equal('config' in loaded && loaded.config.timeZone, 'UTC', timeZone);
  }
  // What Node makes of TZ is read by the real machine in a process of its own.
  const script = `import { loadConfig } from './src/config.ts'; console.log(loadConfig({}).config.timeZone);`;
  for (const [TZ, zone] of [
    ['', 'UTC'],
    ['GMT-3', 'UTC'],
    ['UTC+3', 'UTC'],
    ['Europe/Oslo', 'Europe/Oslo'],
  ] as const) {
    const args = ['--input-type=module-typescript', '-e', script];
    assert.equal(execFileSync(process.execPath, args, { env: { TZ }, encoding: 'utf8' }).trim(), zone, `TZ=${TZ}`);
  }
});

test('a data directory with a question mark in its path is a mistake, the default one in such a working directory too', () => {
  const [mistake, ...others] = bad({ FORMSTEAD_DATA_DIR: 'what?/data' });
  assert.deepEqual([mistake?.name, others], ['FORMSTEAD_DATA_DIR', []]);
  assert.match(mistake?.problem ?? '', /^is "\/srv\/what\?\/data"/);
  assert.match(mistake?.cure ?? '', /^Rename it/);
  const here = { ...machine, absolutePath: (path: string) => `/what?/${path}` };
  assert.ok('mistakes' in loadConfig({}, noFiles, here));
  assert.ok('config' in loadConfig({ FORMSTEAD_DATA_DIR: 'd' }, noFiles, machine));
});

test('lists of networks are separated by commas or spaces; a bare address is a network of one where addresses are asked for', () => {
  const config = good({
    FORMSTEAD_TRUSTED_PROXIES: '10.0.0.7, fd00::1 172.16.0.0/12',
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8,::1/128',
  });
  assert.deepEqual(config.trustedProxies, [
    { text: '10.0.0.7', address: '10.0.0.7', prefix: 32, family: 'ipv4' },
    { text: 'fd00::1', address: 'fd00::1', prefix: 128, family: 'ipv6' },
    { text: '172.16.0.0/12', address: '172.16.0.0', prefix: 12, family: 'ipv4' },
  ]);
  assert.deepEqual(
    config.webhookAllow.map((network) => network.text),
    ['127.0.0.0/8', '::1/128'],
  );
});

for (const [name, value, cure] of [
  ['FORMSTEAD_PORT', '80a', /whole number from 0 to 65535/],
  ['FORMSTEAD_PORT', '65536', /0 to 65535/],
  ['FORMSTEAD_PORT', '-1', /0 to 65535/],
  ['FORMSTEAD_PORT', '80.5', /whole number/],
  ['FORMSTEAD_PORT', '0x50', /whole number/],
  ['FORMSTEAD_PORT', 'tcp://10.0.0.1:80', /enableServiceLinks/],
  ['FORMSTEAD_PORT', 'cpus', /whole number/],
  ['FORMSTEAD_HOST', 'my host', /address or host name/],
  ['FORMSTEAD_TRUSTED_PROXIES', '10.0.0.256', /addresses or networks/],
  ['FORMSTEAD_TRUSTED_PROXIES', 'nginx', /addresses or networks/],
  ['FORMSTEAD_WEBHOOK_ALLOW', '127.0.0.1', /networks such as/],
  ['FORMSTEAD_WEBHOOK_ALLOW', '10.0.0.0/33', /networks such as/],
  ['FORMSTEAD_TIME_ZONE', 'Europe/Atlantis', /IANA/],
  ['FORMSTEAD_TIME_ZONE', '+05:30', /name of the IANA/],
  ['FORMSTEAD_TIME_ZONE', '-0530', /name of the IANA/],
  ['FORMSTEAD_LOG_LEVEL', 'verbose', /debug, info, warn, error/],
  ['FORMSTEAD_RATE_LIMIT', 'maybe', /on or off/],
  ['FORMSTEAD_RATE_LIMIT', 'constructor', /on or off/],
  ['FORMSTEAD_WEBHOOK_TIMEOUT', '61s', /100ms to 60s/],
  ['FORMSTEAD_WEBHOOK_TIMEOUT', '15', /500ms, 15s/],
  ['FORMSTEAD_WEBHOOK_TIMEOUT', '15 seconds', /500ms, 15s/],
  ['FORMSTEAD_IDEMPOTENCY_LIFE', '71h', /72h to 365d/],
  ['FORMSTEAD_TASK_RETENTION', '47h', /2d to 3650d/],
  ['FORMSTEAD_ACCESS_TOKEN_LIFE', '25h', /1m to 24h/],
  ['FORMSTEAD_RESPONSE_LIMIT', '256 kilo', /256kB/],
  ['FORMSTEAD_DISK_RESERVE', '256', /with its unit, such as 256kB/],
  ['FORMSTEAD_RESPONSE_LIMIT', '1GB', /1kB to 16MB/],
  ['FORMSTEAD_EXPORT_AT', '24:00', /00:00 to 23:59/],
  ['FORMSTEAD_EXPORT_AT', '2', /hh:mm/],
  ['FORMSTEAD_ADMIN_EMAIL', 'admin', /admin@example\.org/],
  ['FORMSTEAD_ADMIN_EMAIL', 'a@b@c', /admin@example\.org/],
  ['FORMSTEAD_ARGON2_MEMORY', '7', /8 to 262144/],
  ['FORMSTEAD_DATA_DIR', 'a\u0000b', /control characters/],
] as const) {
  test(`${name}=${JSON.stringify(value)} is a mistake that quotes the value and says the cure`, () => {
    const mistakes = bad({ [name]: value });
    assert.equal(mistakes.length, 1, JSON.stringify(mistakes));
    assert.equal(mistakes[0]?.name, name);
    assert.ok(mistakes[0]?.problem.includes(JSON.stringify(value)), mistakes[0]?.problem);
    assert.match(mistakes[0]?.cure ?? '', cure);
  });
}

test('all mistakes are reported at once, each with its name, its problem and its cure', () => {
  const mistakes = bad({
    FORMSTEAD_PORT: 'many',
    FORMSTEAD_SECRET_KEY: 'short',
    FORMSTEAD_PROT: '1',
    FORMSTEAD_ADMIN_PASSWORD: 'marmalade-otter-57',
    REDIS_URL: 'redis://localhost',
  });
  assert.deepEqual(
    mistakes.map((mistake) => mistake.name),
    ['FORMSTEAD_PORT', 'FORMSTEAD_SECRET_KEY', 'FORMSTEAD_PROT', 'REDIS_URL', 'FORMSTEAD_ADMIN_PASSWORD'],
  );
  for (const { problem, cure } of mistakes) assert.ok(problem.length > 5 && cure.length > 5);
});

for (const [name, meant] of [
  ['FORMSTEAD_PROT', 'FORMSTEAD_PORT'],
  ['FORMSTEAD_DATADIR', 'FORMSTEAD_DATA_DIR'],
  ['FORMSTEAD_LOGLEVEL', 'FORMSTEAD_LOG_LEVEL'],
  ['FORMSTEAD_TRUSTED_PROXY', 'FORMSTEAD_TRUSTED_PROXIES'],
  ['FORMSTEAD_SECRETKEY_FILE', 'FORMSTEAD_SECRET_KEY_FILE'],
  ['FORMSTEAD_WEBHOOKS_ALLOW', 'FORMSTEAD_WEBHOOK_ALLOW'],
] as const) {
  test(`${name} is a mistake: did you mean ${meant}?`, () => {
    assert.deepEqual(bad({ [name]: 'x' }), [{ name, problem: 'is not a setting', cure: `Did you mean ${meant}?` }]);
  });
}

test('a name that is near nothing is a mistake without a guess; names of other programs are none of ours', () => {
  assert.match(bad({ FORMSTEAD_UNICORNS: '1' })[0]?.cure ?? '', /^Unset it/);
  assert.match(bad({ FORMSTEAD_SERVICE_HOST: '10.0.0.1' })[0]?.cure ?? '', /enableServiceLinks/);
  assert.match(bad({ FORMSTEAD_PORT_FILE: '/x' })[0]?.cure ?? '', /set FORMSTEAD_PORT/);
  good({ HOME: '/root', PORT: '1', FORMS: 'x', formstead_port: 'x' });
});

test('a secret comes from a file when NAME_FILE names one, without the line break at its end', () => {
  const env = { FORMSTEAD_SECRET_KEY_FILE: '/run/secrets/key' };
  for (const end of ['', '\n', '\r\n', '\n\n']) {
    assert.equal(good(env, { '/run/secrets/key': `${key}${end}` }).secretKey, key);
  }
  assert.equal(good(env, { '/run/secrets/key': ` ${key} \n` }).secretKey, ` ${key} `, 'only line breaks are cut off');
});

test('the variable and its file together are a mistake', () => {
  const [mistake] = bad({ FORMSTEAD_SECRET_KEY: key, FORMSTEAD_SECRET_KEY_FILE: '/f' }, { '/f': key });
  assert.equal(mistake?.name, 'FORMSTEAD_SECRET_KEY');
  assert.match(mistake?.problem ?? '', /FORMSTEAD_SECRET_KEY_FILE/);
});

test('a file that is missing, unreadable or empty is a mistake with its path and a cure', () => {
  const env = { FORMSTEAD_SECRET_KEY_FILE: '/f' };
  const [missing] = bad(env);
  assert.equal(missing?.name, 'FORMSTEAD_SECRET_KEY_FILE');
  assert.match(missing?.problem ?? '', /\/f cannot be read \(ENOENT\)/);
  const denied = loadConfig(
    env,
    () => {
      throw Object.assign(new Error('denied'), { code: 'EACCES' });
    },
    machine,
  );
  assert.ok('mistakes' in denied);
  assert.match(denied.mistakes[0]?.problem ?? '', /EACCES/);
  assert.match(denied.mistakes[0]?.cure ?? '', /may read/);
  assert.match(bad(env, { '/f': '\n' })[0]?.problem ?? '', /is empty/);
});

test('no secret is ever printed: not in a mistake, not in a warning, not by doctor', () => {
  const marked = 'MARKMARKMARKMARKMARKMARKMARK';
  const files = { '/f': marked };
  const found = [
    load({ FORMSTEAD_SECRET_KEY: marked }),
    load({ FORMSTEAD_SECRET_KEY_FILE: '/f' }, files),
    load({ FORMSTEAD_SECRET_KEY_PREVIOUS: `${key},${marked}` }),
    load({ FORMSTEAD_SECRET_KEY: marked.repeat(50) }),
    load({ FORMSTEAD_ADMIN_PASSWORD: marked }),
    load({ FORMSTEAD_ADMIN_PASSWORD: `password${marked}`.repeat(20) }),
    load({ MONGODB_URL: marked, REDIS_URL: `http://${marked}` }),
    load({ MONGODB_URL: `mongodb://u:${marked}@db`, REDIS_URL: `redis://:${marked}@cache` }),
  ];
  for (const loaded of found) {
    assert.ok('mistakes' in loaded && loaded.mistakes.length > 0);
    assert.ok(!JSON.stringify(loaded).includes('MARK'), JSON.stringify(loaded));
  }
  const config = good({
    FORMSTEAD_SECRET_KEY: marked.repeat(2),
    FORMSTEAD_ADMIN_EMAIL: 'a@example.org',
    FORMSTEAD_ADMIN_PASSWORD: `${marked}-7q`,
  });
  const shown = describeConfig(config);
  assert.ok(!JSON.stringify(shown).includes('MARK'));
  assert.equal(shown.find((one) => one.name === 'FORMSTEAD_SECRET_KEY')?.value, 'set (secret)');
  assert.equal(shown.find((one) => one.name === 'MONGODB_URL')?.value, 'unset');
  assert.equal(shown.find((one) => one.name === 'FORMSTEAD_WEBHOOK_TIMEOUT')?.value, '15s');
  assert.equal(shown.find((one) => one.name === 'FORMSTEAD_DISK_RESERVE')?.value, '256MB');
  assert.equal(shown.find((one) => one.name === 'FORMSTEAD_EXPORT_AT')?.value, '02:00');
  assert.equal(shown.find((one) => one.name === 'FORMSTEAD_RATE_LIMIT')?.value, 'on');
});

test('a secret key of 31 characters is refused, of 32 taken, and so with earlier ones', () => {
  assert.match(bad({ FORMSTEAD_SECRET_KEY: 'k'.repeat(31) })[0]?.problem ?? '', /31 characters, at least 32/);
  assert.equal(good({ FORMSTEAD_SECRET_KEY: key }).secretKey, key);
  assert.match(bad({ FORMSTEAD_SECRET_KEY_PREVIOUS: `${key},short` })[0]?.problem ?? '', /5 characters/);
});

const mongo = 'mongodb://a:27017,b:27017,c:27017/formstead?replicaSet=rs0';

test('the stack is run with a database of several hosts, a Redis and a secret key', () => {
  const config = good({ MONGODB_URL: mongo, REDIS_URL: 'rediss://:pass@cache:6380/1', FORMSTEAD_SECRET_KEY: key });
  assert.equal(config.mongodbUrl, mongo);
  assert.equal(config.redisUrl, 'rediss://:pass@cache:6380/1');
});

test('the stack has an API process for each CPU that may be used, unless told otherwise', () => {
  const env = { MONGODB_URL: mongo, REDIS_URL: 'redis://cache', FORMSTEAD_SECRET_KEY: key };
  assert.equal(good(env).workers, 6);
  assert.equal(good({ ...env, FORMSTEAD_WORKERS: '2' }).workers, 2);
});

for (const [why, env, name] of [
  ['MongoDB without Redis', { MONGODB_URL: mongo, FORMSTEAD_SECRET_KEY: key }, 'MONGODB_URL'],
  ['Redis without MongoDB', { REDIS_URL: 'rediss://cache' }, 'REDIS_URL'],
  ['the stack without a secret key', { MONGODB_URL: mongo, REDIS_URL: 'redis://cache' }, 'FORMSTEAD_SECRET_KEY'],
  [
    'a MongoDB URL without the name of a database',
    { MONGODB_URL: 'mongodb://a:27017,b:27017/?replicaSet=rs0', REDIS_URL: 'redis://cache', FORMSTEAD_SECRET_KEY: key },
    'MONGODB_URL',
  ],
  ['a certificate without its key', { FORMSTEAD_TLS_CERTIFICATE_FILE: '/c' }, 'FORMSTEAD_TLS_CERTIFICATE_FILE'],
  ['a key without its certificate', { FORMSTEAD_TLS_KEY_FILE: '/k' }, 'FORMSTEAD_TLS_KEY_FILE'],
  ['several workers in the embedded size', { FORMSTEAD_WORKERS: '2' }, 'FORMSTEAD_WORKERS'],
  [
    'an admin password without an e-mail',
    { FORMSTEAD_ADMIN_PASSWORD: 'marmalade-otter-57' },
    'FORMSTEAD_ADMIN_PASSWORD',
  ],
  [
    'a common admin password',
    { FORMSTEAD_ADMIN_EMAIL: 'a@b.org', FORMSTEAD_ADMIN_PASSWORD: 'password1234' },
    'FORMSTEAD_ADMIN_PASSWORD',
  ],
  [
    'the e-mail as password',
    { FORMSTEAD_ADMIN_EMAIL: 'berta@example.org', FORMSTEAD_ADMIN_PASSWORD: 'berta@example.org' },
    'FORMSTEAD_ADMIN_PASSWORD',
  ],
  [
    'metrics on the port of the API',
    { FORMSTEAD_PORT: '9000', FORMSTEAD_METRICS_PORT: '9000' },
    'FORMSTEAD_METRICS_PORT',
  ],
  [
    'refresh tokens that die first',
    { FORMSTEAD_ACCESS_TOKEN_LIFE: '24h', FORMSTEAD_REFRESH_TOKEN_LIFE: '23h' },
    'FORMSTEAD_REFRESH_TOKEN_LIFE',
  ],
] as const) {
  test(`settings that do not fit together are a mistake: ${why}`, () => {
    assert.deepEqual(
      bad(env).map((mistake) => mistake.name),
      [name],
    );
  });
}

test('any free port for the API and for the metrics is not a clash', () => {
  const config = good({ FORMSTEAD_PORT: '0', FORMSTEAD_METRICS_PORT: '0' });
  assert.equal(config.metricsPort, 0);
});

test('a check whose setting is wrong by itself does not report it a second time', () => {
  assert.deepEqual(
    bad({ FORMSTEAD_ADMIN_EMAIL: 'nobody', FORMSTEAD_ADMIN_PASSWORD: 'marmalade-otter-57' }).map(
      (mistake) => mistake.name,
    ),
    ['FORMSTEAD_ADMIN_EMAIL'],
  );
});

for (const [env, name] of [
  [{ FORMSTEAD_HOST: '0.0.0.0' }, 'FORMSTEAD_HOST'],
  [{ FORMSTEAD_HOST: '::' }, 'FORMSTEAD_HOST'],
  [{ FORMSTEAD_RATE_LIMIT: 'off' }, 'FORMSTEAD_RATE_LIMIT'],
  [{ FORMSTEAD_SQLITE_SYNCHRONOUS: 'normal' }, 'FORMSTEAD_SQLITE_SYNCHRONOUS'],
  [{ FORMSTEAD_ARGON2_MEMORY: '64' }, 'FORMSTEAD_ARGON2_MEMORY'],
  [{ FORMSTEAD_TRUSTED_PROXIES: '0.0.0.0/0' }, 'FORMSTEAD_TRUSTED_PROXIES'],
  [{ FORMSTEAD_WEBHOOK_ALLOW: '::/0' }, 'FORMSTEAD_WEBHOOK_ALLOW'],
  [{ FORMSTEAD_SECRET_KEY: key, FORMSTEAD_SECRET_KEY_PREVIOUS: key }, 'FORMSTEAD_SECRET_KEY_PREVIOUS'],
] as const) {
  test(`${JSON.stringify(env)} starts, with a warning`, () => {
    good(env);
    assert.deepEqual(warned(env), [name]);
  });
}

for (const env of [
  { FORMSTEAD_HOST: '0.0.0.0', FORMSTEAD_TRUSTED_PROXIES: '172.16.0.0/12' },
  { FORMSTEAD_HOST: '0.0.0.0', FORMSTEAD_TLS_CERTIFICATE_FILE: '/c', FORMSTEAD_TLS_KEY_FILE: '/k' },
  { FORMSTEAD_HOST: 'localhost' },
  { FORMSTEAD_HOST: '127.0.0.53' },
]) {
  test(`${JSON.stringify(env)} starts without a warning`, () => {
    good(env);
    assert.deepEqual(warned(env), []);
  });
}

test('the environment of the process is copied, not handed out', () => {
  const env = readEnvironment();
  assert.equal(env.PATH, process.env.PATH);
  assert.notEqual(env, process.env);
});

test('no two rows share a variable, and no key stands in two sections', () => {
  const rows = sections.flatMap((section) => Object.entries(section.settings));
  assert.equal(new Set(rows.map(([name]) => name)).size, rows.length);
  assert.equal(new Set(rows.map(([, setting]) => setting.env)).size, rows.length);
  assert.equal(Object.keys(settings).length, rows.length);
});

test('every default is written in the format of its own setting', () => {
  for (const setting of Object.values(settings)) assert.doesNotThrow(() => setting.fallback(machine), setting.env);
});

test('the committed reference page is what the table says', () => {
  const page = readFileSync(new URL('../docs/reference/configuration.md', import.meta.url), 'utf8');
  assert.equal(page, configurationPage(sections), 'run: node src/cli/pages/config-reference.ts --write');
});

test('the reference page names every setting once, with a meaning and no default for secrets', () => {
  const page = configurationPage(sections);
  for (const setting of Object.values(settings)) {
    const rows = page.split('\n').filter((line) => line.startsWith(`| \`${setting.env}\` |`));
    assert.equal(rows.length, 1, setting.env);
    assert.ok(setting.about.endsWith('.'), setting.env);
    if (setting.secret) assert.match(rows[0] ?? '', /_FILE`\) \| (?:unset|none) \|/);
  }
});
