import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directory, formstead, served } from '../support/command-line.ts';
import { eventually, testEnvironment } from '../support/program.ts';
import { stackFor } from '../support/stack-settings.ts';
import { askSecurely, certificate, tlsFiles } from '../support/tls-files.ts';

const limit = { timeout: 60_000 };

/** Settings of a server in the embedded size with a certificate. */
function secured(t: TestContext) {
  const files = tlsFiles(directory(t));
  return { files, ca: files.put(), env: testEnvironment(directory(t), { ...files.settings }) };
}

const trusted = (url: string, ca: string) =>
  askSecurely(url, ca, '/health').then(
    ({ status }) => status === 200,
    () => false,
  );

test(
  'one process: HTTPS, another certificate at SIGHUP, and the one before where the new one cannot be used',
  limit,
  async (t) => {
    const { files, ca, env } = secured(t);
    const server = await served(t, env);
    assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
    assert.equal((await askSecurely(server.url, ca, '/health/ready')).status, 200);
    await assert.rejects(fetch(server.url.replace('https', 'http')));

    const next = files.put();
    server.signal('SIGHUP');
    await eventually(() => trusted(server.url, next));
    files.put({ cert: certificate().cert, key: certificate().key });
    server.signal('SIGHUP');
    await eventually(async () => server.printed().stdout.includes('the certificate cannot be used'));
    assert.match(server.printed().stdout, /FORMSTEAD_TLS_KEY_FILE: the file .+ holds another key/);
    assert.ok(await trusted(server.url, next));

    const health = (url: string) => formstead(['health', '--url', `${url}/health/ready`]);
    const ready = await health(server.url);
    assert.deepEqual([ready.code, ready.stderr], [0, '']);
    server.signal('SIGTERM');
    assert.equal((await server.gone).code, 0);
    assert.equal((await health(server.url)).code, 1);
  },
);

test('a client that never agrees on TLS does not hold a stop up beyond the grace time', limit, async (t) => {
  const { env } = secured(t);
  const server = await served(t, { ...env, FORMSTEAD_SHUTDOWN_GRACE: '500ms' });
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  await once(socket, 'connect');
  const startedAt = performance.now();
  server.signal('SIGTERM');
  assert.equal((await server.gone).code, 0);
  // A handshake may take ten seconds.
  assert.ok(performance.now() - startedAt < 8000);
});

test(
  'a certificate that cannot be used is said in a sentence with its cure, and nothing is opened',
  limit,
  async (t) => {
    const { files, env } = secured(t);
    files.put({ cert: certificate().cert, key: certificate().key });
    const { code, stderr } = await formstead(['serve'], env);
    assert.equal(code, 78);
    assert.match(stderr, /^Formstead cannot start: FORMSTEAD_TLS_KEY_FILE: the file .+ holds another key .+\n$/);
    const missing = await formstead(['serve'], { ...env, FORMSTEAD_TLS_CERTIFICATE_FILE: join(directory(t), 'none') });
    assert.equal(missing.code, 78);
    assert.match(
      missing.stderr,
      /FORMSTEAD_TLS_CERTIFICATE_FILE: the file .+ cannot be read \(ENOENT\)\. Check the path/,
    );
  },
);

/** For seven processes that are started one after another. */
const longLimit = { timeout: 180_000 };

test(
  'several processes: SIGHUP replaces them with the new certificate, no request fails, and a wrong one is abandoned',
  longLimit,
  async (t) => {
    const files = tlsFiles(directory(t));
    files.put();
    const env = stackFor(t, { FORMSTEAD_WORKERS: '2', ...files.settings });
    if (env === undefined) return;
    const server = await served(t, env);
    const said = (what: string) => eventually(async () => server.printed().stdout.includes(what), 60_000);
    await eventually(async () => server.printed().stdout.split('"listening"').length > 2, 40_000);
    const next = certificate();
    const failed: unknown[] = [];
    let [asked, stopped] = [0, false];
    t.after(() => {
      stopped = true;
    });
    const client = (async () => {
      while (!stopped) {
        await askSecurely(server.url, undefined, '/health').catch((err: unknown) => failed.push(err));
        asked += 1;
      }
    })();
    await eventually(async () => asked > 3);
    files.put(next);
    server.signal('SIGHUP');
    await said('"reloaded"');
    stopped = true;
    await client;
    assert.deepEqual(failed, []);
    for (let i = 0; i < 4; i += 1) assert.ok(await trusted(server.url, next.cert), 'each process in turn');

    files.put({ cert: certificate().cert, key: certificate().key });
    server.signal('SIGHUP');
    await said('reload abandoned');
    assert.ok(await trusted(server.url, next.cert));
  },
);
