import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, formstead, served } from '../support/command-line.ts';
import { freePort } from '../support/free-port.ts';
import { admin, request, testEnvironment, tokenOf } from '../support/program.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';

/* The demo on a server of its own is a step of CI; here it is the guest of an installation that runs. */

const signedIn = { FORMSTEAD_ADMIN_EMAIL: admin.email, FORMSTEAD_ADMIN_PASSWORD: admin.password };

test('the demo shows everything on an installation that runs, and leaves archived forms behind', async (t) => {
  const server = await served(t, testEnvironment(directory(t), { FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' }));
  const receiver = `http://127.0.0.1:${await freePort()}/hooks`;
  const args = ['demo', '--url', server.url, '--responses', '4', '--receiver', receiver];
  const { code, stdout, stderr } = await formstead(args, signedIn);
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.match(stdout, /^ +kept +12 responses$/m);
  assert.match(stdout, /^ +delivered +12 webhooks, 0 bad signatures/m);
  assert.match(stdout, /^ +exported +12 rows: /m);
  assert.match(stdout, /^ +verified +12 of 12 receipts are as they were answered$/m);
  assert.match(stdout, /^ +lost +0 responses, 0 webhooks, 0 exported rows$/m);

  const token = await tokenOf(server.url, admin);
  const { items: forms } = (await request(server.url, 'GET', '/forms', { token })).body;
  assert.deepEqual(
    forms.map(({ title, status }: { title: string; status: string }) => [/ \(demo\)$/.test(title), status]),
    Array(3).fill([true, 'archived']),
  );
  for (const { id } of forms) assert.ok(stdout.includes(id));
  assert.deepEqual((await request(server.url, 'GET', '/webhook-endpoints', { token })).body.items, []);

  // As often as one likes, and without a receiver too.
  const again = await formstead(['demo', '--url', server.url, '--responses', '1'], signedIn);
  assert.deepEqual([again.code, again.stderr], [0, ''], again.stdout);
  assert.doesNotMatch(again.stdout, /webhook/);
});

test('a demo that cannot begin says why, and leaves nothing behind', async (t) => {
  const server = await served(t, testEnvironment(directory(t)));
  const refusals: [string[], Record<string, string>, RegExp][] = [
    [['--url', 'forms.example.org'], signedIn, /--url is an address such as/],
    [['--url', server.url], {}, /Set FORMSTEAD_ADMIN_EMAIL and FORMSTEAD_ADMIN_PASSWORD/],
    [['--url', server.url], { ...signedIn, FORMSTEAD_ADMIN_PASSWORD: 'not the one it has' }, /401/],
    [['--url', `http://127.0.0.1:${await freePort()}`], signedIn, /cannot be reached: .*ECONNREFUSED/],
    [['--url', server.url, '--keep'], signedIn, /--keep is for a server of its own/],
    [['--url', server.url, '--responses', '0'], signedIn, /--responses is a whole number/],
    [['--receiver', 'http://127.0.0.1:1'], signedIn, /--receiver goes with --url/],
    [['--url', server.url, '--receiver', `http://127.0.0.1:${await freePort()}`], signedIn, /webhook-url-refused/],
    [['--url', server.url, '--receiver', server.url], signedIn, /Nobody can listen at port \d+/],
  ];
  for (const [args, env, expected] of refusals) {
    const { code, stderr } = await formstead(['demo', ...args], env);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, expected);
  }
  const token = await tokenOf(server.url, admin);
  assert.deepEqual((await request(server.url, 'GET', '/forms', { token })).body.items, []);
});

/** An index of packages that nobody answers at. */
const offline = async () => ({
  PIP_INDEX_URL: `http://127.0.0.1:${await freePort()}/simple`,
  PIP_CONFIG_FILE: '/dev/null',
});

test('the demo with a GGUF file of one’s own needs no network, and says what each tier did', {
  timeout: 180_000,
}, async (t) => {
  const models = directory(t);
  const file = writeTinyGguf(join(directory(t), 'own.gguf'));
  const args = ['demo', '--model', file, '--models-dir', models, '--responses', '1'];
  const { code, stdout, stderr } = await formstead(args, await offline());
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.match(stdout, /^Without an embedding model: minilm-l6-int8 cannot be fetched/m);
  assert.match(stdout, /^ +models +\S+own\.gguf, no embeddings; kept in /m);
  assert.match(stdout, /^ +lost +0 responses, 0 webhooks, 0 exported rows$/m);
  assert.match(stdout, /^ +classify +head +3 +[0-3] /m);
  assert.match(stdout, /^ +extract +rules +3 /m);
  assert.match(stdout, /^ +respond +llm +3 /m);
  assert.match(stdout, /^ +a draft +\S/m);
  assert.match(stdout, /^ +in all +\d+\.\d s$/m);
});

test('a demo whose model cannot be had says what to do', async (t) => {
  const nowhere = await offline();
  const refusals: [string[], RegExp][] = [
    [
      ['--model', '--models-dir', directory(t)],
      /cannot be fetched: .+ Without a network, bring its files .+models import/,
    ],
    [['--model', 'none.gguf'], /There is no file none\.gguf\./],
    [['--model', 'none', '--models-dir', directory(t)], /cannot be fetched|No registry knows none/],
    [['--models-dir', directory(t)], /--models-dir goes with --model\./],
    [['--model', '--url', 'http://127.0.0.1:1'], /--model is for a server of its own/],
  ];
  for (const [args, expected] of refusals) {
    const { code, stderr } = await formstead(['demo', ...args], nowhere);
    assert.equal(code, 1, args.join(' '));
    assert.match(stderr, expected);
  }
});
