import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { directory, formstead, publish, type Served, send, served, worked } from '../support/command-line.ts';
import { freePort } from '../support/free-port.ts';
import { admin, eventually, request, testEnvironment, tokenOf, verdictOn } from '../support/program.ts';
import { startReceiver } from '../support/receiver.ts';
import { ownRedis } from '../support/redis.ts';
import { stackFor } from '../support/stack-settings.ts';

/* The stack as it runs in production, in processes of its own: API, and a worker for each queue. */

// A minute alone, and 108 s beside other files on two processors.
const limit = { timeout: 280_000 };

const kill = async (process: Served) => {
  process.signal('SIGKILL');
  await process.gone;
};

test(
  'API and workers are killed in turn under load: what was acknowledged is kept once, understood and delivered',
  limit,
  async (t) => {
    const env = stackFor(t, { FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' });
    if (!env) return;
    const receiver = await startReceiver();
    t.after(receiver.close);
    let api = await served(t, env);
    const queues = ['high-priority', 'default', 'batched'] as const;
    const workers = await Promise.all(queues.map((queue) => worked(t, env, queue)));
    const form = await publish(api.url);
    const token = await tokenOf(api.url, admin);
    const events = ['response.understood'];
    const endpoint = await request(api.url, 'POST', '/webhook-endpoints', {
      token,
      body: { url: receiver.url, events },
    });
    assert.equal(endpoint.status, 201, endpoint.text);

    const acknowledged = new Set<string>();
    let stop = false;
    const senders = Array.from({ length: 4 }, async (_, i) => {
      for (let n = 0; !stop; n += 1) {
        // A key for each, so that what was sent and not answered can be sent again.
        const post = () =>
          request(api.url, 'POST', `/forms/${form}/responses`, {
            body: { answers: { message: `message ${n} of sender ${i}` } },
            headers: { 'idempotency-key': `${i}-${n}` },
          });
        // A database that is slow for longer than its timeout is a 503: nothing was acknowledged, and the sender tries again.
        const tried = async () => {
          const answer = await post().catch(() => undefined);
          return answer?.status === 503 ? undefined : answer;
        };
        const answer = await eventually(tried, 60_000);
        assert.equal(answer.status, 202, answer.text);
        acknowledged.add(answer.body.response_id);
        // A load that the workers of a stand-in keep up with.
        await pause(150);
      }
    });
    const more = (count: number) => {
      const from = acknowledged.size;
      return eventually(async () => acknowledged.size >= from + count, 60_000);
    };
    for (const [i, queue] of queues.entries()) {
      await more(15);
      await kill(workers[i]!);
      await more(5);
      workers[i] = await worked(t, env, queue);
    }
    await more(15);
    await kill(api);
    api = await served(t, env);
    await more(10);
    stop = true;
    await Promise.all(senders);

    const told = () => new Set(receiver.received.map(({ event }) => event.data.id as string));
    await eventually(async () => [...acknowledged].every((id) => told().has(id)), 60_000).catch((err: Error) => {
      throw new Error(`${acknowledged.size} acknowledged, ${told().size} told of`, { cause: err });
    });
    for (const one of receiver.received) assert.ok(receiver.genuine(one, endpoint.body.secret));
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    assert.equal(new Set(ids).size, told().size, 'one event a response, whoever was killed');
    const verdict = await eventually(async () => {
      const found = await verdictOn(env);
      return found.pending === 0 && found.deliveries.pending === 0 && found;
    }, 60_000);
    assert.deepEqual(verdict.problems, []);
    assert.deepEqual([verdict.responses, verdict.dead], [acknowledged.size, 0]);
  },
);

test('two API processes are one: keys, logins and forms', limit, async (t) => {
  const env = stackFor(t);
  if (!env) return;
  const [one, two] = await Promise.all([served(t, env), served(t, env)]);
  const form = await publish(one.url);
  const body = { answers: { message: 'the same' } };
  const headers = { 'idempotency-key': 'k' };
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      request((i % 2 ? one : two).url, 'POST', `/forms/${form}/responses`, { body, headers }),
    ),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1, 'the same answer from both');

  const token = await tokenOf(one.url, admin);
  assert.equal((await request(two.url, 'GET', '/auth/me', { token })).status, 200);
  assert.equal((await request(two.url, 'POST', '/auth/logout', { token })).status, 204);
  assert.equal((await request(one.url, 'GET', '/auth/me', { token })).status, 401);

  const again = await tokenOf(two.url, admin);
  assert.equal((await request(two.url, 'POST', `/forms/${form}/close`, { token: again })).status, 200);
  await eventually(async () => (await send(one.url, form, 'late')).status === 409, 5_000);

  const other = await publish(two.url, 'other');
  await Promise.all(Array.from({ length: 12 }, (_, i) => send((i % 2 ? one : two).url, other, `${i}`)));
  const verdict = await verdictOn(env);
  assert.deepEqual([verdict.problems, verdict.chains], [[], 2], 'each has a chain of its own');
});

test('while Redis is away responses are accepted, and their work is done when it is back', limit, async (t) => {
  const redis = await ownRedis(t);
  if (!redis) return;
  const env = stackFor(t, { REDIS_URL: redis.url });
  if (!env) return;
  const api = await served(t, env);
  await worked(t, env, 'default', 'batched');
  const form = await publish(api.url);
  const finished = (task: string) =>
    eventually(async () => (await request(api.url, 'GET', `/tasks/${task}`)).body.status === 'succeeded', 30_000);
  await finished((await send(api.url, form, 'before')).body.task_id);
  await redis.kill();
  const kept = await send(api.url, form, 'without Redis');
  assert.equal(kept.status, 202, kept.text);
  const token = await tokenOf(api.url, admin);
  const queues = await request(api.url, 'GET', '/queues', { token });
  assert.equal(queues.status, 200, queues.text);
  assert.equal((await request(api.url, 'GET', '/health/ready')).status, 200);
  // Empty, as after a restart without its disk.
  await redis.start();
  await finished(kept.body.task_id);
  await finished((await send(api.url, form, 'after')).body.task_id);
});

test('a worker tells of its health and its tasks, and ends in order', limit, async (t) => {
  const env = stackFor(t, { FORMSTEAD_METRICS_PORT: String(await freePort()) });
  if (!env) return;
  const worker = await worked(t, env, 'default', 'batched');
  const at = (path: string) => fetch(`http://127.0.0.1:${env.FORMSTEAD_METRICS_PORT}${path}`);
  assert.equal((await at('/health')).status, 200);
  assert.equal((await at('/health/ready')).status, 200);
  assert.match(await (await at('/metrics')).text(), /formstead_build_info/);
  worker.signal('SIGTERM');
  const { code, stdout } = await worker.gone;
  assert.equal(code, 0);
  assert.match(stdout, /"stopped"/);
});

test('a worker is refused with the cure in the embedded size, and for a queue that is none', async (t) => {
  const env = testEnvironment(directory(t));
  const embedded = await formstead(['worker', '--queue', 'default'], env);
  assert.equal(embedded.code, 78);
  assert.match(embedded.stderr, /MONGODB_URL and REDIS_URL/);
  const unknown = await formstead(['worker', '--queue', 'fast'], env);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no queue fast.*high-priority, default, batched/);
});
