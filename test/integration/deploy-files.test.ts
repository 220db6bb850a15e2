import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { loadConfig, sections } from '#config.ts';
import { queueNames } from '#domain/task.ts';

/* What the files of a deployment promise, read without Docker. test/stack/ asks the running containers. */
const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

type Service = {
  [key: string]: unknown;
  image: string;
  command: string[];
  user: string;
  environment?: Record<string, string>;
  networks?: string[];
  network_mode?: string;
  ports?: string[];
  secrets?: string[];
  volumes?: string[];
  tmpfs?: string[];
  security_opt: string[];
  healthcheck: { test?: string[]; interval?: string; disable?: boolean };
  logging: { driver: string; options: Record<string, string> };
  depends_on?: Record<string, { condition: string }>;
};
type Compose = {
  services: Record<string, Service>;
  networks: Record<string, { internal?: boolean; driver_opts?: Record<string, string> } | null>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
};

const compose: Compose = parse(read('docker-compose.yml'), { merge: true });
const services = Object.entries(compose.services);
/** Those that do their work and end. */
const ending = ['mongodb-setup', 'models'];
const running = services.filter(([name]) => !ending.includes(name));
const named = (name: string): Service => compose.services[name]!;
const settings = sections.flatMap((section) => Object.values(section.settings));
const secretSettings = settings.filter(({ secret }) => secret).map(({ env }) => env);

/** `${NAME:-default}` as Compose reads it without a NAME. */
const byDefault = (value: unknown): string => String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1');

test('the stack has the services it is described with, and nothing else', () => {
  assert.deepEqual(
    running.map(([name]) => name),
    ['nginx', 'api', 'worker-high', 'worker-default', 'worker-ai', 'mongodb', 'redis'],
  );
});

test('every queue has a worker', () => {
  const worked = services.flatMap(([, { command }]) => (command?.[0] === 'worker' ? command.slice(2) : []));
  assert.deepEqual(worked.toSorted(), [...queueNames].toSorted());
});

for (const [name, service] of services) {
  test(`${name}: CPU, memory, swap and processes are limited`, () => {
    assert.match(byDefault(service.cpus), /^[0-9.]+$/);
    assert.match(byDefault(service.mem_limit), /^\d+[mg]$/);
    // Docker's default is as much swap again.
    assert.equal(service.memswap_limit, service.mem_limit);
    assert.ok(Number(service.pids_limit) > 0);
  });

  test(`${name}: it can change nothing but what is meant to be changed`, () => {
    assert.equal(service.read_only, true);
    assert.deepEqual(service.cap_drop, ['ALL']);
    assert.deepEqual(service.security_opt, [
      'no-new-privileges:true',
      'seccomp=deploy/security/seccomp.json',
      'apparmor=formstead',
    ]);
    assert.match(service.user, /^[1-9]\d*:[1-9]\d*$/);
    for (const key of ['privileged', 'cap_add', 'devices', 'pid', 'ipc', 'userns_mode', 'cgroup_parent', 'sysctls'])
      assert.equal(service[key], undefined, key);
    // Volumes have names: nothing of the host is mounted, its Docker socket least of all.
    for (const volume of service.volumes ?? []) assert.ok(volume.split(':')[0]! in compose.volumes, volume);
    for (const tmpfs of service.tmpfs ?? []) assert.match(tmpfs, /^\/[\w/]+:size=\d+m,mode=1777,noexec,nosuid,nodev$/);
  });

  test(`${name}: its image is one that is meant, under a tag that says which`, () => {
    const image = byDefault(service.image);
    assert.match(image, /^[a-z]+:(\d+\.\d+-[a-z]+|\$\{VERSION.*\})$/);
    assert.equal(service.image.startsWith('formstead:'), service.pull_policy === 'never');
    assert.equal(service.build, undefined);
  });

  test(`${name}: no secret is in its environment or on its command line`, () => {
    for (const key of Object.keys(service.environment ?? {})) {
      assert.ok(!secretSettings.includes(key), key);
      if (key.endsWith('_FILE')) assert.match(service.environment![key]!, /^\/run\/secrets\/\w+$/);
    }
    const needed = Object.values(service.environment ?? {}).flatMap((value) =>
      value.startsWith('/run/secrets/') ? [value.slice('/run/secrets/'.length)] : [],
    );
    const passed = service.secrets ?? [];
    for (const secret of needed) assert.ok(passed.includes(secret), `${secret} is not passed`);
    for (const secret of passed) assert.ok(secret in compose.secrets, secret);
    assert.doesNotMatch(JSON.stringify(service.command ?? []), /pass=|password=|requirepass/i);
  });

  test(`${name}: its log cannot fill the disk, and init reaps what it leaves`, () => {
    assert.equal(service.logging.driver, 'json-file');
    assert.deepEqual(Object.keys(service.logging.options), ['max-size', 'max-file']);
    assert.equal(service.init, true);
  });
}

for (const [name, service] of running) {
  test(`${name}: it is asked how it is every 10 to 15 s, and started again when it ends`, () => {
    assert.match(service.healthcheck.interval!, /^1[0-5]s$/);
    assert.ok(service.healthcheck.test!.length > 1);
    assert.equal(service.restart, 'unless-stopped');
  });
}

test('nginx alone has ports on the machine', () => {
  for (const [name, { ports }] of services) assert.equal(ports !== undefined, name === 'nginx', name);
});

test('only nginx, the workers that send webhooks and who fetches models are on a network that leads out, and nginx gets no address there', () => {
  const open = Object.keys(compose.networks).filter((name) => compose.networks[name]?.internal !== true);
  assert.deepEqual(open, ['edge', 'egress']);
  const on = (network: string) =>
    services.flatMap(([name, { networks = [] }]) => (networks.includes(network) ? name : []));
  assert.deepEqual(on('edge'), ['nginx']);
  assert.deepEqual(on('egress'), ['worker-high', 'worker-default', 'models']);
  assert.deepEqual(compose.networks.edge?.driver_opts, {
    'com.docker.network.bridge.enable_ip_masquerade': 'false',
  });
  assert.deepEqual(on('frontend'), ['nginx', 'api']);
  assert.deepEqual(
    on('backend').toSorted(),
    services
      .map(([name]) => name)
      .filter((name) => !/nginx|setup/.test(name))
      .toSorted(),
  );
  for (const store of ['mongodb', 'redis']) assert.deepEqual(named(store).networks, ['backend']);
  for (const [name, { network_mode }] of services)
    assert.equal(network_mode, name === 'mongodb-setup' ? 'service:mongodb' : undefined);
});

test('what is kept is in named volumes', () => {
  assert.ok(named('mongodb').volumes!.includes('mongodb:/data/db'));
  assert.ok(named('redis').volumes!.includes('redis:/data'));
  for (const name of ['api', 'worker-high', 'worker-default', 'worker-ai'])
    assert.ok(named(name).volumes!.includes('data:/data'));
});

test('models can be read by all that may run them, and changed by the service alone that fetches them and runs when it is called', () => {
  const mounts = services.flatMap(([name, { volumes = [] }]) =>
    volumes.filter((volume) => volume.startsWith('models:')).map((volume) => [name, volume]),
  );
  assert.deepEqual(mounts, [
    ['api', 'models:/data/models:ro'],
    ['worker-high', 'models:/data/models:ro'],
    ['worker-default', 'models:/data/models:ro'],
    ['worker-ai', 'models:/data/models:ro'],
    ['models', 'models:/data/models'],
  ]);
  const { profiles, restart, mem_limit } = named('models');
  assert.deepEqual([profiles, restart, mem_limit], [['tools'], 'no', named('worker-ai').mem_limit]);
});

test('the worker that runs models has the memory that their settings allow, and 300 MB', () => {
  const loaded = loadConfig({});
  assert.ok('config' in loaded);
  const { modelMemoryBytes, embeddingMemoryBytes } = loaded.config;
  const [, gib] = /^(\d+)g$/.exec(byDefault(named('worker-ai').mem_limit))!;
  assert.ok(modelMemoryBytes + embeddingMemoryBytes + 300e6 <= Number(gib) * 2 ** 30);
});

test('the guide says of every volume what is in it, and each is mounted somewhere', () => {
  const [, table = ''] = /^## What is kept where$([\s\S]*?)^$/m.exec(read('docs/guides/deployment.md'))!;
  const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name);
  const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!));
  assert.deepEqual(told.toSorted(), Object.keys(compose.volumes).toSorted());
  assert.deepEqual([...new Set(mounted)].toSorted(), told.toSorted());
});

test('the data stores demand passwords and TLS', () => {
  const { command } = named('mongodb');
  for (const option of ['--replSet=rs0', '--keyFile=/run/secrets/mongodb_keyfile', '--tlsMode=requireTLS'])
    assert.ok(command.includes(option), option);
  const redis = read('deploy/redis/redis.conf');
  for (const line of [
    'port 0',
    'tls-port 6379',
    'aclfile /run/secrets/redis_users',
    'appendonly yes',
    'maxmemory-policy noeviction',
  ])
    assert.match(redis, new RegExp(`^${line}$`, 'm'));
  const setup = read('deploy/setup');
  assert.match(setup, /user default off/);
  assert.match(setup, /mongodb:\/\/formstead:.*tls=true/);
  assert.match(setup, /rediss:\/\//);
});

test('redis fills at most two thirds of its memory', () => {
  const [, maxmemory] = /^maxmemory (\d+)mb$/m.exec(read('deploy/redis/redis.conf'))!;
  const [, limit] = /^(\d+)m$/.exec(byDefault(named('redis').mem_limit))!;
  assert.ok(Number(maxmemory) * 1.5 <= Number(limit));
});

test('.env.example names every setting that is no secret and not decided by the compose file, and only names that are read', () => {
  const example = read('.env.example');
  const names = [...example.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = '']) => name);
  const text = read('docker-compose.yml');
  const interpolated = [...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name);
  const known = new Set([...settings.map(({ env }) => env), ...interpolated]);
  for (const name of names) assert.ok(known.has(name), `${name} is read by nobody`);
  for (const name of interpolated) assert.ok(names.includes(name), `${name} is not explained`);
  const decided = new Set(services.flatMap(([, { environment = {} }]) => Object.keys(environment)));
  // Set by the image, of the embedded size alone, of one worker alone (the guide says how), or not meant to be set at all.
  const left =
    /^FORMSTEAD_(HOST|PORT|METRICS_HOST|METRICS_PORT|DATA_DIR|SQLITE_SYNCHRONOUS|MONGODB_STANDALONE|WORKERS|SMTP_USER|SMTP_CA_FILE|SMTP_PLAIN)$/;
  for (const { env, secret } of settings)
    if (!secret && !decided.has(env) && !left.test(env)) assert.ok(names.includes(env), `${env} is not explained`);
  for (const name of names) assert.ok(!secretSettings.includes(name), `${name} belongs into a file`);
});

test('.env.example states the defaults that hold', () => {
  const stated = new Map(
    [...read('.env.example').matchAll(/^#([A-Z][A-Z0-9_]*)=(.+)$/gm)].map(([, a = '', b = '']) => [a, b]),
  );
  for (const [, name = '', value] of read('docker-compose.yml').matchAll(/\$\{(\w+):-([^}]*)\}/g))
    assert.equal(stated.get(name), value, name);
  for (const setting of settings) {
    const value = stated.get(setting.env);
    if (value !== undefined && setting.default !== undefined) assert.equal(value, setting.default, setting.env);
  }
});

test('the image is built from pinned packages and ends as nobody, from scratch', () => {
  const lines = read('Dockerfile').split('\n');
  assert.ok(lines.includes('ARG NODE_IMAGE=node:24-bookworm-slim'));
  const last = lines.slice(lines.lastIndexOf('FROM scratch'));
  assert.ok(last.length > 10 && !last.some((line) => line.startsWith('RUN ')));
  assert.ok(last.includes('USER 10001:10001'));
  assert.ok(last.some((line) => line.startsWith('HEALTHCHECK')));
  assert.ok(!lines.some((line) => /^ADD |curl |wget |npm (i|install) /.test(line)));
  assert.ok(!lines.some((line) => /^(ARG|ENV) .*(PASSWORD|SECRET|TOKEN|KEY)/.test(line)));
});

test('the build sees nothing but the program: no secret can get into the image', () => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.deepEqual(lines, [
    '*',
    ...['package.json', 'package-lock.json', '.npmrc', 'LICENSE', 'src', 'examples', 'deploy/image'].map(
      (path) => `!${path}`,
    ),
    '**/*.test.ts',
  ]);
  for (const ignored of ['deploy/secrets/', '.env'])
    assert.ok(read('.gitignore').split('\n').includes(ignored), ignored);
});

test('the seccomp profile refuses by default, and allows nothing that leads out of a container', () => {
  const profile = JSON.parse(read('deploy/security/seccomp.json'));
  assert.equal(profile.defaultAction, 'SCMP_ACT_ERRNO');
  const allowed = new Map<string, boolean>();
  for (const { names, action, args } of profile.syscalls)
    for (const name of names) if (action === 'SCMP_ACT_ALLOW') allowed.set(name, args !== undefined);
  const out =
    'mount umount2 pivot_root chroot setns unshare ptrace process_vm_readv process_vm_writev bpf perf_event_open keyctl add_key request_key init_module finit_module kexec_load open_by_handle_at userfaultfd io_uring_setup mknod mknodat reboot swapon acct quotactl clone3 move_mount fsopen pidfd_getfd';
  for (const name of out.split(' ')) assert.ok(!allowed.has(name), name);
  // Allowed with some arguments only: namespaces and raw sockets are not among them.
  for (const name of ['clone', 'socket', 'personality']) assert.equal(allowed.get(name), true, name);
});

/** The lines of nginx.conf that are in force. */
const nginx = read('deploy/nginx/nginx.conf').replace(/^\s*#.*$/gm, '');
const has = (directive: string) => assert.ok(nginx.includes(directive), directive);

test('nginx: TLS 1.3 alone, HTTP/2, and everything else is sent there', () => {
  for (const directive of [
    'ssl_protocols TLSv1.3;',
    'http2 on;',
    'return 308 https://$host$request_uri;',
    'server_tokens off;',
  ])
    has(directive);
  assert.deepEqual(nginx.match(/listen [^;]*8443[^;]*;/g), [
    'listen 8443 ssl default_server;',
    'listen [::]:8443 ssl default_server;',
  ]);
});

test('nginx: what a visitor claims about himself never reaches the API', () => {
  const headers = new Map(
    [...nginx.matchAll(/proxy_set_header (\S+) (\S+);/g)].map(([, name = '', value]) => [name, value]),
  );
  assert.equal(headers.get('X-Forwarded-For'), '$remote_addr');
  assert.equal(headers.get('X-Request-Id'), '$request_id');
  for (const name of ['Forwarded', 'X-Real-IP', 'X-Forwarded-Host', 'X-Forwarded-Port', 'Via'])
    assert.equal(headers.get(name), '""');
  assert.ok(!nginx.includes('proxy_add_x_forwarded_for'));
  // A location that sets one header would lose all the others.
  const inLocations = [...nginx.matchAll(/location [^{]*\{([^}]*)\}/g)].map(([, body = '']) => body);
  for (const body of inLocations) assert.doesNotMatch(body, /proxy_set_header|add_header/);
});

test('nginx: an API that has moved is found again, and nothing is sent twice', () => {
  for (const directive of ['resolver 127.0.0.11', 'server api:8080 resolve;', 'proxy_next_upstream off;'])
    has(directive);
  for (const [, target] of nginx.matchAll(/proxy_pass ([^;]+);/g)) assert.equal(target, 'https://api');
});

test('nginx: to the API it speaks TLS 1.3, and only to one with the certificate of deploy/setup', () => {
  for (const directive of [
    'proxy_ssl_verify on;',
    'proxy_ssl_trusted_certificate /run/secrets/ca_certificate;',
    'proxy_ssl_name api;',
    'proxy_ssl_protocols TLSv1.3;',
  ])
    assert.equal(nginx.split(`    ${directive}\n`).length, 2, directive);
  assert.ok(!nginx.includes('http://api'));
  assert.ok(named('nginx').secrets!.includes('ca_certificate'));
  const { environment, secrets } = named('api');
  for (const [setting, secret] of [
    ['FORMSTEAD_TLS_CERTIFICATE_FILE', 'api_certificate'],
    ['FORMSTEAD_TLS_KEY_FILE', 'api_key'],
  ] as const) {
    assert.equal(environment![setting], `/run/secrets/${secret}`);
    // Nobody else has it.
    assert.deepEqual(
      services.flatMap(([name, service]) => (service.secrets?.includes(secret) ? [name] : [])),
      ['api'],
    );
    assert.ok(secrets!.includes(secret));
    assert.match(read('deploy/setup'), new RegExp(`^    keep ${secret} "\\$formstead" 0600$`, 'm'));
  }
});

test('nginx: each answer carries the security headers, each address has its limits', () => {
  for (const name of [
    'Strict-Transport-Security',
    'X-Frame-Options',
    'Content-Security-Policy',
    'Referrer-Policy',
    'X-Content-Type-Options',
    'X-Request-Id',
  ])
    assert.match(nginx, new RegExp(`^    add_header ${name} .* always;$`, 'm'));
  for (const directive of [
    'limit_req_status 429;',
    'limit_conn_status 429;',
    'limit_conn connections',
    'client_max_body_size 1m;',
  ])
    has(directive);
  for (const name of ['client_header_timeout', 'client_body_timeout', 'send_timeout'])
    assert.match(nginx, new RegExp(`${name} 10s;`));
  assert.match(nginx, /access_log \/dev\/stdout json;/);
  assert.ok(!/log_format[^;]*\$(request_uri|args|request )/.test(nginx), 'a query may hold what somebody wrote');
});

test('the server has the same options of Node whichever way it is started', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const [, options] = /^node (--.+) src\/cli\/main\.js serve$/.exec(scripts.start)!;
  assert.equal(scripts.formstead, `node ${options} src/cli/main.js`);
  assert.equal(scripts.demo, `node ${options} src/cli/main.js demo`);
  assert.equal(read('src/cli/main.js').split('\n', 1)[0], `#!/usr/bin/env -S node ${options}`);
  const entrypoint = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(read('Dockerfile'))![1]!);
  assert.deepEqual(entrypoint, ['node', ...options!.split(' '), '/app/src/cli/main.js']);
});

test('the scripts of a deployment can be run, and stop at the first mistake', () => {
  const scripts = [
    'deploy/setup',
    'deploy/build',
    'deploy/certificate',
    ...readdirSync(join(root, 'deploy/image')).map((name) => `deploy/image/${name}`),
  ];
  for (const path of scripts) {
    assert.ok((statSync(join(root, path)).mode & 0o111) !== 0, path);
    assert.match(read(path), /^#!.* node\n|^set -eu/m, path);
  }
});

test('no script signals a container through Docker: it would count as stopped by hand, and not be started again', () => {
  for (const name of readdirSync(join(root, 'deploy'), { withFileTypes: true }))
    if (name.isFile()) assert.doesNotMatch(read(`deploy/${name.name}`), /^[^#]*(compose|docker) kill/m, name.name);
});

test('no secret has been committed', () => {
  const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split(
    '\n',
  );
  assert.deepEqual(
    tracked.filter((path) => /^deploy\/secrets|^\.env$|\.(key|pem|p12)$/.test(path)),
    [],
  );
});

test('the file for development is not one that Compose takes by itself, and is reached from this machine alone', () => {
  const names = readdirSync(root).filter((name) => /^(docker-)?compose.*\.ya?ml$/.test(name));
  assert.deepEqual(names, ['docker-compose.dev.yml', 'docker-compose.yml']);
  const development: Compose = parse(read('docker-compose.dev.yml'), { merge: true });
  for (const { ports = [] } of Object.values(development.services))
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
});

test('what the tests of the stack put over the compose file is only what their machines cannot do', () => {
  assert.deepEqual(
    parse(read('test/stack/compose.override.yml'), { customTags: [{ tag: '!override', collection: 'map' }] }),
    {
      services: { mongodb: { ulimits: { nofile: 4096 } }, redis: { ulimits: { nofile: 4096 } } },
    },
  );
});

const parser = spawnSync('apparmor_parser', ['--version']).error === undefined;
test('the AppArmor profile can be read', { skip: parser ? false : 'there is no apparmor_parser here' }, () => {
  const { status, stderr } = spawnSync('apparmor_parser', ['-Q', '-K', join(root, 'deploy/security/apparmor')]);
  assert.equal(status, 0, String(stderr));
});
