import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { startReceiver } from '../support/receiver.ts';

let program: TestProgram;
let form: string;

const key = 'nine-lanterns-over-the-quiet-harbour-at-5';
const laterKey = 'seven-herons-by-the-frozen-mill-at-dawn-8';

before(async () => {
  program = await startTestProgram({
    FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8',
    FORMSTEAD_SECRET_KEY: key,
    FORMSTEAD_EVENT_STREAMS: '2',
  });
  form = await program.publish({ definition: { elements: [{ type: 'comment', name: 'message' }] }, slug: 'contact' });
});
after(() => program.stop());

const call = (method: string, path: string, body?: unknown) => program.call(method, path, { body });
const problem = ({ status, body }: Answer) => `${status} ${body.code}`;

test('a time that no clock of ours can tell is refused, and does not stand for the whole range', async () => {
  await program.accepted(form, { message: 'counted' });
  const leap = '2016-12-31T23:59:60Z';
  const refused = await call('GET', `/forms/${form}/analytics?from=${leap}`);
  assert.deepEqual([problem(refused), refused.body.errors[0].pointer], ['400 malformed-query', '/from']);
  assert.equal((await call('GET', `/forms/${form}/analytics`)).body.total_responses, 1);
  assert.equal(problem(await call('GET', `/forms/${form}/responses?to=${leap}`)), '400 malformed-query');
  assert.equal(problem(await call('POST', '/exports', { format: 'csv', from: leap })), '400 malformed-body');
});

test('the responses of a form are listed by its slug as by its id', async () => {
  const byId = await call('GET', `/forms/${form}/responses`);
  const bySlug = await call('GET', '/forms/contact/responses');
  assert.ok(byId.body.items.length > 0);
  assert.deepEqual(bySlug.body.items, byId.body.items);
});

test('a key in the body of a request that takes none is refused like any unknown key', async () => {
  const refused = await call('POST', `/forms/${form}/close`, { reason: 'holidays' });
  assert.deepEqual([problem(refused), refused.body.errors[0].pointer], ['400 malformed-body', '/reason']);
  assert.equal((await call('GET', `/forms/${form}`)).body.status, 'open');
  for (const body of [[], 'null', '"x"', '5'])
    assert.equal(problem(await call('POST', `/forms/${form}/close`, body)), '400 malformed-body');
  assert.equal((await call('POST', `/forms/${form}/close`, {})).status, 200);
  assert.equal((await call('POST', `/forms/${form}/reopen`)).status, 200);
});

test('a retry under the same key is recognised after the secret key was rotated', async () => {
  const headers = { 'idempotency-key': 'retry-after-rotation' };
  const first = await program.send(form, { message: 'once' }, { headers });
  await program.restart({ FORMSTEAD_SECRET_KEY: laterKey, FORMSTEAD_SECRET_KEY_PREVIOUS: key });
  const again = await program.send(form, { message: 'once' }, { headers });
  assert.deepEqual([again.status, again.headers.get('idempotency-replayed')], [202, 'true']);
  assert.deepEqual(again.body, first.body);
  assert.equal(problem(await program.send(form, { message: 'other' }, { headers })), '422 idempotency-key-reused');
});

test('of many event streams that are opened at once no more than the limit are', async (t) => {
  const receiver = await startReceiver(() => 500);
  t.after(() => receiver.close());
  const { id } = (await call('POST', '/webhook-endpoints', { url: receiver.url })).body;
  t.after(() => call('DELETE', `/webhook-endpoints/${id}`));
  const { task_id } = (await call('POST', `/webhook-endpoints/${id}/test`)).body;
  await eventually(async () => receiver.received.length === 1);
  const path = `${program.url}/api/v1/tasks/${encodeURIComponent(task_id)}/events`;
  const streams = await Promise.all(Array.from({ length: 20 }, () => fetch(path)));
  const statuses = streams.map(({ status }) => status).sort();
  await Promise.all(streams.map(({ body }) => body?.cancel()));
  assert.deepEqual(statuses, [...Array(2).fill(200), ...Array(18).fill(429)]);
});
