import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory, formstead, publish, send, served, started } from '../support/command-line.ts';
import { admin, eventually, request, testEnvironment, tokenOf, verdictOn } from '../support/program.ts';

test('SIGTERM in the middle of a load: exit code 0, what is in flight is finished, and nothing acknowledged is lost', async (t) => {
  const env = testEnvironment(directory(t));
  const server = await served(t, env);
  const form = await publish(server.url);
  const acknowledged: string[] = [];
  const refused: number[] = [];
  let stop = false;
  const senders = Array.from({ length: 8 }, async (_, i) => {
    for (let n = 0; !stop; n += 1) {
      try {
        const { status, body } = await send(server.url, form, `${i}-${n}`);
        if (status === 202) acknowledged.push(body.response_id);
        else refused.push(status);
      } catch {
        // The port is closed: whoever sent this knows that it was not acknowledged.
        return;
      }
    }
  });
  await eventually(async () => acknowledged.length > 100);

  // A request whose head is in, as the server says itself, and whose body is not.
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify({ answers: { message: 'half sent' } });
  socket.write(
    `POST /api/v1/forms/${form}/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n${body.slice(0, 10)}`,
  );
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 100 Continue/);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => {});
  server.signal('SIGTERM');
  await eventually(async () => server.printed().stdout.includes('"stopping"'));
  socket.write(body.slice(10));
  const { code, stdout } = await server.gone;
  stop = true;
  await Promise.all(senders);
  assert.equal(code, 0);
  assert.match(answer, /^HTTP\/1\.1 202 /);
  acknowledged.push(/"response_id":"([^"]+)"/.exec(answer)![1]!);
  assert.match(stdout, /"stopped"/);
  assert.ok(
    refused.every((status) => status === 503),
    String(refused),
  );

  const again = await served(t, env);
  const token = await tokenOf(again.url, admin);
  const stored = new Set<string>();
  let cursor = '';
  do {
    const page = await request(again.url, 'GET', `/forms/${form}/responses?limit=1000${cursor}`, { token });
    for (const { id } of page.body.items) stored.add(id);
    cursor = page.body.next_cursor === null ? '' : `&cursor=${page.body.next_cursor}`;
  } while (cursor !== '');
  assert.deepEqual(
    acknowledged.filter((id) => !stored.has(id)),
    [],
  );
  const verdict = await eventually(async () => {
    const found = await verdictOn(env);
    return found.pending === 0 && found;
  }, 60_000);
  assert.deepEqual([verdict.problems, verdict.responses, verdict.dead], [[], stored.size, 0]);
});

test('a server that is asked to end while it starts, starts and ends in order', async (t) => {
  const dir = directory(t);
  const server = started(t, ['serve'], testEnvironment(dir, { FORMSTEAD_LOG_LEVEL: 'info' }));
  await eventually(async () => existsSync(join(dir, 'formstead.sqlite')));
  server.kill('SIGTERM');
  const { code, stdout } = await server.gone;
  assert.equal(code, 0);
  assert.match(stdout, /"stopped"/);
});

test('neither an open event stream nor a client that never ends its request holds a stop up beyond the grace time', async (t) => {
  const env = testEnvironment(directory(t), { FORMSTEAD_SHUTDOWN_GRACE: '1s' });
  const server = await served(t, env, ['--no-workers']);
  const form = await publish(server.url);
  const { task_id } = (await send(server.url, form, 'waits')).body;
  const stream = await fetch(`${server.url}/api/v1/tasks/${task_id}/events`);
  const events = stream.body!.getReader();
  assert.match(Buffer.from((await events.read()).value!).toString(), /"status":"pending"/);
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.write(
    `POST /api/v1/forms/${form}/responses HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\nexpect: 100-continue\r\n\r\n{`,
  );
  await once(socket, 'data');
  const startedAt = performance.now();
  server.signal('SIGTERM');
  const { code } = await server.gone;
  assert.equal(code, 0);
  // A request may take 30 s and an idle connection is kept for 72: neither was waited for.
  assert.ok(performance.now() - startedAt < 15_000);
  // Ended in order, not torn off.
  while (!(await events.read()).done);
  assert.deepEqual((await verdictOn(env)).problems, []);
});

test('a server is killed and started again: what it had acknowledged is there, and its tasks are done', async (t) => {
  const env = testEnvironment(directory(t));
  const server = await served(t, env, ['--no-workers']);
  const form = await publish(server.url);
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => send(server.url, form, `m${i}`)));
  assert.ok(all.every(({ status }) => status === 202));
  const waiting = await request(server.url, 'GET', `/tasks/${all[0]!.body.task_id}`);
  assert.equal(waiting.body.status, 'pending', 'without workers a task waits');
  server.signal('SIGKILL');
  assert.equal((await server.gone).code, null);
  const again = await served(t, env);
  for (const { body } of all) {
    await eventually(
      async () => (await request(again.url, 'GET', `/tasks/${body.task_id}`)).body.status === 'succeeded',
    );
  }
  const verified = await formstead(['verify'], env);
  assert.deepEqual([verified.code, verified.stderr], [0, '']);
  assert.match(
    verified.stdout,
    /^verify: ok: 20 receipts = 20 responses in \d+ chains; 20 completed, 0 pending, 0 dead;.*\n$/,
  );
});

test('a data directory has one server: a second one is refused, and so is a change of users beside it', async (t) => {
  const env = testEnvironment(directory(t));
  const server = await served(t, env);
  const [second, user] = await Promise.all([formstead(['serve'], env), formstead(['user', 'list'], env)]);
  assert.equal(second.code, 78);
  assert.match(second.stderr, /Formstead cannot start: .*(in use|another|already)/i);
  assert.match(second.stderr, new RegExp(env.FORMSTEAD_DATA_DIR!));
  assert.doesNotMatch(second.stderr, /\n\s+at /, 'a sentence, not a stack');
  assert.notEqual(user.code, 0);
  assert.match(user.stderr, /^formstead: /);
  assert.equal((await request(server.url, 'GET', '/health')).status, 200);
});

test('a port that is taken is said in a sentence', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const port = String((taken.address() as { port: number }).port);
  const { code, stderr } = await formstead(['serve'], testEnvironment(directory(t), { FORMSTEAD_PORT: port }));
  assert.equal(code, 78);
  assert.match(stderr, new RegExp(`Formstead cannot start: 127\\.0\\.0\\.1:${port} is taken`));
});

test('all mistakes in the configuration are told at once, with their cures, and end every command with 78', async (t) => {
  const env = {
    FORMSTEAD_DATA_DIR: directory(t),
    FORMSTEAD_PORT: '99999',
    FORMSTEAD_SECRET_KEY: 'too short',
    FORMSTEAD_TRUSTED_PROXIES: 'nonsense',
    FORMSTEAD_TIME_ZONE: 'Mars/Olympus',
    FORMSTEAD_DISK_RESERVE: '12 parsecs',
    FORMSTEAD_ADMIN_PASSWORD: 'short',
  };
  const runs = await Promise.all([
    formstead(['serve'], env),
    formstead(['verify'], env),
    formstead(['user', 'list'], env),
  ]);
  for (const { code, stderr } of runs) {
    assert.equal(code, 78);
    for (const name of Object.keys(env).slice(1)) assert.match(stderr, new RegExp(`${name}: .+\n +\\S`), name);
    assert.doesNotMatch(stderr, /too short$|: short/m, 'a secret is not repeated');
  }
  const doctor = await formstead(['doctor'], env);
  assert.equal(doctor.code, 1);
  for (const name of Object.keys(env).slice(1)) assert.match(doctor.stdout, new RegExp(`fault +${name}`));
  assert.match(doctor.stdout, /6 things must be mended first/);
});

test('the first start makes an administrator, shows the password once and never logs it', async (t) => {
  const dir = directory(t);
  const { FORMSTEAD_ADMIN_EMAIL: _, FORMSTEAD_ADMIN_PASSWORD: __, ...env } = testEnvironment(dir);
  const first = await served(t, env);
  const password = /password {2}(\S+)/.exec(first.printed().stderr)![1]!;
  assert.ok(password.length >= 20);
  assert.ok(!first.printed().stdout.includes(password));
  const file = join(dir, 'first-admin.txt');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const [email] = readFileSync(file, 'utf8').split('\n') as [string];
  assert.ok(await tokenOf(first.url, { email, password }));
  first.signal('SIGINT');
  assert.equal((await first.gone).code, 0, 'Ctrl-C ends it in order too');
  const second = await served(t, env);
  assert.doesNotMatch(second.printed().stderr, /password/);
  assert.ok(await tokenOf(second.url, { email, password }));
});
