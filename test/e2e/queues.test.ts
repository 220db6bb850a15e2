import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { directory, formstead, publish, send, served, started } from '../support/command-line.ts';
import { freePort } from '../support/free-port.ts';
import { admin, eventually, request, testEnvironment, tokenOf } from '../support/program.ts';
import { removeKeys } from '../support/redis.ts';
import { stackFor } from '../support/stack-settings.ts';

test('in the embedded size the queues are the server’s own, and a queue that is none is named', async (t) => {
  const env = testEnvironment(directory(t));
  for (const action of ['list', 'pause', 'resume', 'rebuild']) {
    const { code, stdout, stderr } = await formstead(['queues', action], env);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^formstead: These commands are for the stack: set MONGODB_URL and REDIS_URL\./);
  }
  const { code, stderr } = await formstead(['queues', 'pause', '--queue', 'batch'], env);
  assert.equal(code, 1);
  assert.match(stderr, /There is no queue batch\. The queues are high-priority, default, batched\./);
});

test('the queues of the stack are listed, filled anew after Redis has lost them, paused and resumed', async (t) => {
  const env = stackFor(t);
  if (env === undefined) return;
  const queues = async (...args: string[]) => {
    const { code, stdout, stderr } = await formstead(['queues', ...args], env);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  };
  const server = await served(t, env);
  const form = await publish(server.url);
  for (let n = 0; n < 5; n += 1) assert.equal((await send(server.url, form, `${n}`)).status, 202);
  /** pending, retrying, running, dead; in Redis, at work. */
  const batched = async () => {
    const [, line] = (await queues('list', '--queue', 'batched')).trimEnd().split('\n');
    const [, pending, retrying, running, dead, oldest, offered, active, paused] = line!.split(/ +/);
    assert.ok(oldest === '-' || Math.abs(Date.parse(oldest!) - Date.now()) < 60_000, line);
    return [pending, retrying, running, dead, offered, active, paused].map((cell) => cell ?? '');
  };
  await eventually(async () => (await batched())[4] === '5');
  assert.deepEqual(await batched(), ['5', '0', '0', '0', '5', '0', '']);
  assert.equal((await queues('list')).trimEnd().split('\n').length, 4);

  await removeKeys(env.REDIS_URL!, `${env.FORMSTEAD_REDIS_PREFIX!}:batched`);
  assert.deepEqual(await batched(), ['5', '0', '0', '0', '0', '0', '']);
  assert.match(
    await queues('rebuild', '--queue', 'batched'),
    /^The queue batched is made anew, 5 due tasks offered\.$/m,
  );
  assert.deepEqual(await batched(), ['5', '0', '0', '0', '5', '0', '']);

  assert.match(await queues('pause', '--queue', 'batched'), /^The queue batched is paused\./);
  assert.deepEqual(await batched(), ['5', '0', '0', '0', '5', '0', 'paused']);
  assert.match(await queues('rebuild'), /^All queues are made anew, /);
  started(t, ['worker', '--queue', 'batched'], env);
  await sleep(3000);
  assert.deepEqual(await batched(), ['5', '0', '0', '0', '5', '0', 'paused'], 'a pause outlives a rebuild');
  assert.match(await queues('resume'), /^All queues are not paused any more\./);
  await eventually(async () => (await batched())[0] === '0');

  const token = await tokenOf(server.url, admin);
  const { body } = await request(server.url, 'GET', '/audit?action=queue.pause', { token });
  assert.deepEqual(
    body.items.map(({ actor, subject }: { actor: string; subject: string }) => [actor, subject]),
    [['operator:command-line', 'queue:batched']],
  );
  const away = await formstead(['queues', 'list'], { ...env, REDIS_URL: `redis://127.0.0.1:${await freePort()}` });
  assert.deepEqual([away.code, away.stdout], [1, '']);
  assert.match(away.stderr, /^formstead: Redis does not answer\. Check REDIS_URL/);
});
