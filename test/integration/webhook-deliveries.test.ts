import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { startReceiver } from '../support/receiver.ts';

let program: TestProgram;
let form: string;

const key = 'nine-lanterns-over-the-quiet-harbour-at-5';
const otherKey = 'seven-herons-by-the-frozen-mill-at-dawn-8';

before(async () => {
  program = await startTestProgram({ FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8', FORMSTEAD_SECRET_KEY: key });
  form = await program.publish({ definition: { elements: [{ type: 'comment', name: 'message' }] } });
});
after(() => program.stop());
afterEach(async () => {
  for (const { id } of (await program.call('GET', '/webhook-endpoints')).body.items)
    await program.call('DELETE', `/webhook-endpoints/${id}`);
});

const call = (method: string, path: string, body?: unknown) => program.call(method, path, { body });
const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const deliveries = async (id: string) => (await call('GET', `/webhook-endpoints/${id}/deliveries`)).body.items;

async function endpoint(t: TestContext, answer?: Parameters<typeof startReceiver>[0]) {
  const receiver = await startReceiver(answer);
  t.after(() => receiver.close());
  const { id } = (await call('POST', '/webhook-endpoints', { url: receiver.url })).body;
  return { ...receiver, id };
}

test('cancelling a task ends its delivery too: the store adds up, nothing is sent, and it can be redelivered', async (t) => {
  let up = false;
  const { id, received } = await endpoint(t, () => (up ? 204 : 500));
  const { task_id } = await program.accepted(form, { message: 'x' });
  const waiting = await eventually(async () => {
    const [row] = await deliveries(id);
    return row?.next_attempt_at ? row : undefined;
  });
  assert.equal((await call('POST', `/tasks/${task_id}/cancel`)).status, 202);
  assert.equal((await deliveries(id))[0].status, 'cancelled');
  assert.deepEqual((await program.finished(task_id)).webhook, { sent: 0, pending: 0, failed: 0 });
  assert.deepEqual((await program.verify()).problems, []);
  assert.equal(received.length, 1);
  up = true;
  assert.equal((await call('POST', `/deliveries/${waiting.id}/redeliver`)).status, 202);
  await eventually(async () => (await deliveries(id))[0].status === 'delivered');
});

test('nothing is started again for a disabled endpoint: what failed stays failed and can be recovered later', async (t) => {
  let gone = true;
  const { id } = await endpoint(t, () => (gone ? 410 : 204));
  const since = new Date(Date.now() - 1000).toISOString();
  await program.accepted(form, { message: 'x' });
  const failed = await eventually(async () =>
    (await deliveries(id)).find((one: { status: string }) => one.status === 'failed'),
  );
  const recover = () => call('POST', `/webhook-endpoints/${id}/recover?since=${since}`);
  assert.equal(problem(await recover()), '409 conflict');
  assert.equal(problem(await call('POST', `/deliveries/${failed.id}/redeliver`)), '409 conflict');
  assert.equal((await deliveries(id))[0].status, 'failed');
  gone = false;
  await call('PATCH', `/webhook-endpoints/${id}`, { status: 'active' });
  assert.deepEqual((await recover()).body, { recovered: 1 });
  await eventually(async () => (await deliveries(id))[0].status === 'delivered');
});

test('when several deliveries are told 410 at once, each keeps its attempt', async (t) => {
  const held: ServerResponse[] = [];
  const wanted = 4;
  const server = createServer((request, response) => {
    request.resume();
    held.push(response);
    if (held.length === wanted) for (const one of held) one.writeHead(410).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { id } = (await call('POST', '/webhook-endpoints', { url })).body;
  await Promise.all(Array.from({ length: wanted }, (_, i) => program.accepted(form, { message: `${i}` })));
  const rows = await eventually(async () => {
    const found = await deliveries(id);
    return found.length === wanted && found.every((one: { status: string }) => one.status !== 'pending') && found;
  });
  for (const row of rows) assert.deepEqual([row.status, row.attempts.length], ['failed', 1]);
  assert.equal((await call('GET', `/webhook-endpoints/${id}`)).body.status, 'disabled');
});

test('an endpoint whose secret cannot be opened any more is still shown, and a rotation mends it', async (t) => {
  const { id, received, genuine } = await endpoint(t);
  await program.restart({ FORMSTEAD_SECRET_KEY: otherKey });
  t.after(() => program.restart({ FORMSTEAD_SECRET_KEY: key }));
  const list = await call('GET', '/webhook-endpoints');
  assert.deepEqual([list.status, list.body.items[0].id, list.body.items[0].secret_hint], [200, id, undefined]);
  const rotated = await call('POST', `/webhook-endpoints/${id}/rotate-secret`);
  assert.equal(rotated.status, 200, rotated.text);
  const { task_id } = (await call('POST', `/webhook-endpoints/${id}/test`)).body;
  assert.equal((await program.finished(task_id)).status, 'succeeded');
  assert.ok(genuine(received[0]!, rotated.body.secret));
});
