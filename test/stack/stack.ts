/**
 * The stack as it is deployed, from docker-compose.yml itself: what the files promise (test/integration/deploy-files.test.ts) is asked of the running
 * containers, and a response goes its whole way.
 *
 *   npm run test:stack           everything
 *   npm run test:stack:slim      without certbot, testssl.sh, and what kills and stops
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConnectionOptions, connect } from 'node:tls';
import { Webhook } from 'standardwebhooks';
import { eventually } from '../support/program.ts';
import { apiTls } from './api-tls.ts';
import { certificates } from './certificates.ts';
import { install } from './installation.ts';
import { imageWithoutModels, modelsInTheStack } from './models.ts';
import { restarts } from './restarts.ts';
import { sbom } from './sbom.ts';
import { tls } from './tls.ts';
import { trivy } from './trivy.ts';

const services = ['nginx', 'api', 'worker-high', 'worker-default', 'worker-ai', 'mongodb', 'redis'];
const ours = services.filter((name) => /^(api|worker)/.test(name));
/** The half of test/stack/slim.ts. */
const isSlim = process.env.FORMSTEAD_TEST_LANE === 'slim';
let stack: Awaited<ReturnType<typeof install>>;
let startedAt = 0;

before(async () => {
  startedAt = performance.now();
  const tell = (what: string) =>
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${what}`);
  stack = await install({ project: 'formstead-test', subnet: '10.30.81.0/28', tell });
  tell('everything is healthy');
});
after(async () => {
  await stack?.remove();
});

// biome-ignore lint/suspicious/noExplicitAny: what Docker says of a container, of which each test looks at a part.
const inspect = async (service: string): Promise<any> =>
  JSON.parse(await stack.docker('inspect', await stack.container(service)))[0];

/** Runs a module with the Node of the image in the container of a service. */
const node = (service: string, code: string) => stack.inside(service, 'node', '--input-type=module', '-e', code);
/** Whether a container can open a connection: `open`, or the code of the error. */
const reach = (service: string, address: string, port: number) =>
  node(
    service,
    `import { connect } from 'node:net';
     const socket = connect({ host: '${address}', port: ${port}, timeout: 2000 });
     const say = (what) => { console.log(what); process.exit(); };
     socket.on('connect', () => say('open')).on('timeout', () => say('ETIMEDOUT')).on('error', (err) => say(err.code));`,
  );
const addressOn = async (service: string, network: string): Promise<string> =>
  (await inspect(service)).NetworkSettings.Networks[stack.network(network)].IPAddress;

for (const name of services) {
  test(`${name}: the engine holds it to its limits, and it has no rights`, async () => {
    const { HostConfig, Config, Mounts } = await inspect(name);
    assert.ok(HostConfig.NanoCpus > 0 && HostConfig.Memory > 0 && HostConfig.PidsLimit > 0);
    assert.equal(HostConfig.MemorySwap, HostConfig.Memory);
    assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.Privileged, HostConfig.Init], [true, false, true]);
    assert.deepEqual([HostConfig.CapDrop, HostConfig.CapAdd], [['ALL'], null]);
    assert.ok(HostConfig.SecurityOpt.some((option: string) => option.startsWith('seccomp={')));
    assert.ok(
      HostConfig.SecurityOpt.includes('no-new-privileges:true') &&
        HostConfig.SecurityOpt.includes('apparmor=formstead'),
    );
    assert.match(Config.User, /^[1-9]\d*:/);
    assert.equal(HostConfig.RestartPolicy.Name, 'unless-stopped');
    assert.deepEqual(HostConfig.LogConfig, { Type: 'json-file', Config: { 'max-file': '5', 'max-size': '10m' } });
    for (const { Type, Source, RW } of Mounts) {
      // Secrets and configuration are single files, and none of them can be written.
      if (Type === 'bind') assert.ok(!RW && /\/deploy\/(secrets|nginx|redis)\/\w/.test(Source), Source);
    }
    const said = JSON.stringify([Config.Env, Config.Cmd, Config.Entrypoint]);
    for (const secret of ['admin_password', 'mongodb_admin_password', 'secret_key'])
      assert.ok(!said.includes(readFileSync(join(stack.secretsDir, secret), 'utf8').trim()), secret);
  });

  test(`${name}: its processes run as nobody, without capabilities, filtered, unable to gain rights`, async () => {
    const top = await stack.docker('top', await stack.container(name), '-o', 'pid,uid');
    const pids = top
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
    assert.ok(pids.length >= 2);
    for (const [pid, uid] of pids) {
      assert.notEqual(uid, '0');
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      assert.match(status, /^CapEff:\t0+$/m);
      assert.match(status, /^CapBnd:\t0+$/m);
      assert.match(status, /^NoNewPrivs:\t1$/m);
      assert.match(status, /^Seccomp:\t2$/m);
    }
  });
}

test('the image holds no shell, no secret and no file that gives rights, and says what it is', async () => {
  const [image] = JSON.parse(await stack.docker('image', 'inspect', stack.image));
  assert.ok(image.Size < 300e6, `${image.Size} bytes`);
  assert.equal(image.Config.User, '10001:10001');
  assert.equal(image.Config.Labels['org.opencontainers.image.version'], 'formstead-test');
  const id = await stack.container('api');
  const listing = await stack.docker('exec', id, 'node', '--input-type=module', '-e', walk);
  const files: { path: string; mode: number; uid: number }[] = JSON.parse(listing);
  assert.ok(files.length > 1000);
  assert.deepEqual(
    files.filter(({ mode }) => (mode & 0o6000) !== 0),
    [],
  );
  assert.deepEqual(
    files.filter(({ mode, uid }) => uid !== 0 || (mode & 0o022) !== 0),
    [],
  );
  assert.deepEqual(
    files.filter(({ path }) => /\/(sh|bash|busybox|apt|npm|curl)$/.test(path)),
    [],
  );
  assert.deepEqual(
    files.filter(({ path }) => /\.test\.ts$|\.env$|\/secrets\/|\.(pem|key)$/.test(path)),
    [],
  );
});
const walk = `
  import { lstatSync, readdirSync } from 'node:fs';
  const files = ['/app', '/usr', '/lib', '/lib64'].flatMap((top) =>
    readdirSync(top, { recursive: true, withFileTypes: true }).map((one) => one.parentPath + '/' + one.name));
  console.log(JSON.stringify(files.map((path) => ({ path, ...lstatSync(path) })).filter(({ mode }) => (mode & 0o170000) !== 0o120000)
    .map(({ path, mode, uid }) => ({ path, mode, uid }))));`;

test('a root that is read-only stays as it is', async () => {
  for (const name of ours) {
    const said = await node(
      name,
      `import { writeFileSync } from 'node:fs'; try { writeFileSync('/app/x', ''); } catch (err) { console.log(err.code); }`,
    );
    assert.equal(said, 'EROFS', name);
  }
  for (const name of ['nginx', 'mongodb', 'redis'])
    await assert.rejects(stack.inside(name, 'touch', '/etc/x'), /Read-only file system/);
});

test('only nginx and the workers that send webhooks are on networks that lead out, and nginx gets no address there', async () => {
  for (const name of services) {
    const networks = Object.keys((await inspect(name)).NetworkSettings.Networks);
    const found: { Name: string; Internal: boolean }[] = JSON.parse(
      await stack.docker('network', 'inspect', ...networks),
    );
    const open = found.filter(({ Internal }) => !Internal).map(({ Name }) => Name);
    const expected = { nginx: ['edge'], 'worker-high': ['egress'], 'worker-default': ['egress'] }[name] ?? [];
    assert.deepEqual(open, expected.map(stack.network), name);
  }
  const [edge] = JSON.parse(await stack.docker('network', 'inspect', stack.network('edge')));
  assert.equal(edge.Options['com.docker.network.bridge.enable_ip_masquerade'], 'false');
});

test('who has no business with another does not reach it', async () => {
  const [redis, mongodb, nginx] = await Promise.all([
    addressOn('redis', 'backend'),
    addressOn('mongodb', 'backend'),
    addressOn('nginx', 'frontend'),
  ]);
  assert.equal(await reach('api', redis, 6379), 'open');
  assert.equal(await reach('worker-ai', mongodb, 27017), 'open');
  assert.notEqual(await reach('worker-default', nginx, 8443), 'open');
  for (const [address, port] of [
    [redis, 6379],
    [mongodb, 27017],
  ])
    await assert.rejects(
      stack.inside('nginx', 'curl', '--silent', '--connect-timeout', '2', `telnet://${address}:${port}`),
    );
});

test('the data stores let nobody in without TLS and a password', async () => {
  const cli = ['redis-cli', '-h', 'localhost'];
  const tls = [...cli, '--tls', '--cacert', '/run/secrets/ca_certificate'];
  await assert.rejects(stack.inside('redis', ...cli, '-e', 'ping'));
  assert.match(await stack.inside('redis', ...tls, 'get', 'x'), /NOAUTH/);
  assert.match(
    await stack.inside('redis', ...tls, '--no-auth-warning', '--user', 'health', '--pass', 'health', 'get', 'x'),
    /NOPERM/,
  );
  const said = await node(
    'api',
    `import { MongoClient } from 'mongodb';
     const tries = ['', '?directConnection=true&tls=true&tlsCAFile=/run/secrets/ca_certificate'];
     for (const options of tries) {
       const client = new MongoClient('mongodb://mongodb:27017/formstead' + options, { serverSelectionTimeoutMS: 2000 });
       await client.db().collection('users').findOne().then(() => console.log('read'), (err) => console.log(err.codeName ?? err.name));
       await client.close();
     }`.replace("'mongodb'", "'/app/node_modules/mongodb/lib/index.js'"),
  );
  assert.deepEqual(said.split('\n'), ['MongoServerSelectionError', 'Unauthorized']);
});

test('port 80 only sends to TLS', async () => {
  const { status, location } = await new Promise<{ status?: number; location?: string }>((resolve, reject) => {
    get(
      { host: '127.0.0.1', port: stack.httpPort, path: '/a?b=c', headers: { host: 'forms.example.org' }, agent: false },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode, location: response.headers.location });
      },
    ).on('error', reject);
  });
  assert.deepEqual([status, location], [308, 'https://forms.example.org/a?b=c']);
});

test('TLS 1.3 is spoken and nothing older, with a certificate for the name', async () => {
  const ca = readFileSync(join(stack.secretsDir, 'ca_certificate'));
  const greet = (options: ConnectionOptions) =>
    new Promise<string | null>((resolve, reject) => {
      const at = { host: '127.0.0.1', port: stack.httpsPort, servername: 'forms.example.org', ca };
      const socket = connect({ ...at, ...options }, () => resolve(socket.end().getProtocol())).on('error', reject);
    });
  assert.equal(await greet({}), 'TLSv1.3');
  await assert.rejects(greet({ maxVersion: 'TLSv1.2' }), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  await assert.rejects(greet({ servername: 'elsewhere.example.org' }), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
});

test('a response goes its whole way: kept, understood in the worker for it, and passed on with a signature', async () => {
  const token = await stack.token();
  const script = readFileSync(join(import.meta.dirname, 'receiver.js'), 'utf8');
  const receiver = 'formstead-test-receiver';
  await stack.docker(
    ...['run', '--detach', '--name', receiver, '--network', stack.network('egress'), '--network-alias', 'receiver'],
    ...['node:24-bookworm-slim', 'node', '--input-type=module', '-e', script],
  );
  const endpoint = await stack.ask('POST', '/api/v1/webhook-endpoints', {
    token,
    body: { url: 'http://receiver:9000/hook' },
  });
  assert.equal(endpoint.status, 201, JSON.stringify(endpoint.body));
  await publishContact(token);
  const sent = await stack.ask('POST', '/api/v1/forms/contact/responses', {
    body: { answers: { message: 'You charged 12,50 € twice.' } },
    headers: {
      'x-forwarded-for': '203.0.113.9',
      'x-request-id': 'chosen-by-a-visitor',
      'idempotency-key': 'whole-way',
    },
  });
  assert.equal(sent.status, 202);
  assert.notEqual(sent.headers['x-request-id'], 'chosen-by-a-visitor');
  const forms = await stack.ask('GET', '/api/v1/forms', { token });
  const form = forms.body.items[0].id;
  const understood = await eventually(async () => {
    const { body } = await stack.ask('GET', `/api/v1/forms/${form}/responses`, { token });
    return body.items[0]?.intelligence?.extract?.fields?.amount;
  });
  assert.equal(understood.value, '12.50 EUR');
  const events = await eventually(async () => {
    const lines = (await stack.docker('logs', receiver))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    return lines.some(({ body }) => body.includes('response.understood')) && lines;
  });
  for (const { body, headers } of events) new Webhook(endpoint.body.secret).verify(body, headers);
  const { task_id: trial } = (await stack.ask('POST', `/api/v1/webhook-endpoints/${endpoint.body.id}/test`, { token }))
    .body;
  await eventually(async () => (await stack.ask('GET', `/api/v1/tasks/${trial}`)).body.status === 'succeeded');
  // The same receiver, asked by those who send no webhooks.
  const [{ NetworkSettings }] = JSON.parse(await stack.docker('inspect', receiver));
  const { IPAddress } = NetworkSettings.Networks[stack.network('egress')];
  for (const name of ['worker-default', 'worker-high']) assert.equal(await reach(name, IPAddress, 9000), 'open', name);
  for (const name of ['api', 'worker-ai']) assert.notEqual(await reach(name, IPAddress, 9000), 'open', name);
});

test('the demo shows submission, understanding, delivery and export in the containers', {
  timeout: 180_000,
}, async () => {
  const said = await stack.docker(
    ...['exec', '--env', 'NODE_EXTRA_CA_CERTS=/run/secrets/ca_certificate', await stack.container('api')],
    ...['node', '/app/src/cli/main.js', 'demo', '--url', 'https://api:8080', '--responses', '5'],
    // Both are on the backend network.
    ...['--receiver', 'http://api:9500/hooks'],
  );
  assert.match(said, /^ +delivered +15 webhooks, 0 bad signatures/m);
  assert.match(said, /^ +lost +0 responses, 0 webhooks, 0 exported rows$/m);
});

async function publishContact(token: string): Promise<void> {
  const form = await stack.ask('POST', '/api/v1/forms', {
    token,
    body: {
      title: 'Contact',
      slug: 'contact',
      definition: { elements: [{ type: 'comment', name: 'message', isRequired: true }] },
      intelligence: { extract: { fields: [{ name: 'amount', type: 'money' }] } },
    },
  });
  assert.equal(form.status, 201, JSON.stringify(form.body));
  const published = await stack.ask('POST', `/api/v1/forms/${form.body.id}/publish`, { token });
  assert.equal(published.status, 201, JSON.stringify(published.body));
}

test('what nginx logs names the request as the API does, and the address that it saw itself', async () => {
  const { headers } = await stack.ask('GET', '/nothing?private=words', {
    headers: { 'x-forwarded-for': '203.0.113.9' },
  });
  const lines = (await stack.compose('logs', '--no-log-prefix', '--no-color', 'nginx')).split('\n');
  const line = lines.find((one) => one.includes(String(headers['x-request-id'])));
  assert.ok(line);
  const logged = JSON.parse(line.slice(line.indexOf('{')));
  assert.deepEqual([logged.path, logged.status, logged.tls], ['/nothing', 404, 'TLSv1.3']);
  assert.notEqual(logged.address, '203.0.113.9');
  assert.ok(!line.includes('words'));
});

test('each answer carries the security headers once, nginx’s own too', async () => {
  const answers = [
    await stack.ask('GET', '/health'),
    await stack.ask('POST', '/api/v1/auth/login', { body: 'x'.repeat(20_000) }),
  ];
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 413],
  );
  assert.equal(answers[1]!.body.code, 'body-too-large');
  for (const { headers } of answers) {
    assert.match(String(headers['strict-transport-security']), /^max-age=\d{8}; includeSubDomains$/);
    assert.deepEqual(
      ['x-frame-options', 'x-content-type-options', 'referrer-policy'].map((name) => headers[name]),
      ['DENY', 'nosniff', 'no-referrer'],
    );
    assert.equal(headers['content-security-policy'], "default-src 'none'; frame-ancestors 'none'");
  }
});

test('who asks too often gets 429 and is told when to come back, and is served again', async () => {
  const login = () =>
    stack.ask('POST', '/api/v1/auth/login', { body: { email: 'nobody@example.org', password: 'wrong' } });
  const answers = await Promise.all(Array.from({ length: 30 }, login));
  const limited = answers.filter(({ body }) => body.code === 'rate-limited');
  assert.ok(limited.length >= 10, `${limited.length}`);
  for (const { status, headers } of limited) assert.deepEqual([status, headers['retry-after']], [429, '1']);
  assert.equal((await stack.ask('GET', '/health')).status, 200);
});

apiTls(() => stack);
sbom(() => stack);
modelsInTheStack(() => stack);
trivy(() => stack);
if (!isSlim) {
  imageWithoutModels(() => stack);
  certificates(() => stack);
  tls(() => stack);
  // After the certificates: an engine takes a signal by `docker kill` for a stop by hand, and starts nothing again then.
  restarts(() => stack, inspect);
}
