import assert from 'node:assert/strict';
import { after, afterEach, before, type TestContext, test } from 'node:test';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';
import { startReceiver } from '../support/receiver.ts';

let program: TestProgram;
let form: string;

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const intelligence = { text: ['message'], respond: { instructions: 'Thank the person.' } };

before(async () => {
  program = await startTestProgram({ FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' });
  form = await program.publish({ definition, intelligence });
});
after(() => program.stop());

const call = (method: string, path: string, body?: unknown) => program.call(method, path, { body });
const problem = ({ status, body }: Answer) => `${status} ${body.code}`;

afterEach(async () => {
  // One endpoint of an earlier test would be sent the events of the next.
  for (const { id } of (await call('GET', '/webhook-endpoints?limit=1000')).body.items)
    assert.equal((await call('DELETE', `/webhook-endpoints/${id}`)).status, 204);
});

/** A receiver and its endpoint, for one test. */
async function endpoint(t: TestContext, answer?: Parameters<typeof startReceiver>[0], more: object = {}) {
  const receiver = await startReceiver(answer);
  t.after(() => receiver.close());
  const created = await call('POST', '/webhook-endpoints', { url: receiver.url, ...more });
  assert.equal(created.status, 201, created.text);
  const { id, secret } = created.body as { id: string; secret: string };
  return { ...receiver, id, secret, created };
}
type Row = { status: string; attempts: { http_status: number }[] };
/** The deliveries of an endpoint. In the stack the attempt that ended one can be visible a moment after its end. */
const deliveries = (id: string) =>
  eventually(async () => {
    const { items } = (await call('GET', `/webhook-endpoints/${id}/deliveries`)).body;
    const isTold = ({ status, attempts }: Row) =>
      (status !== 'delivered' || attempts.at(-1)?.http_status === 204) && (status !== 'failed' || attempts.length > 0);
    return items.every(isTold) && items;
  });

test('an endpoint is created with a secret that is shown this one time', async (t) => {
  const { created, id, secret, url } = await endpoint(t);
  assert.match(id, /^whe_[0-9a-f-]{36}$/);
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{32,}=*$/);
  assert.equal(created.headers.get('location'), `/api/v1/webhook-endpoints/${id}`);
  const read = (await call('GET', `/webhook-endpoints/${id}`)).body;
  assert.deepEqual([read.url, read.events, read.form_ids, read.schedule, read.status], [url, [], [], 'task', 'active']);
  const all = (await call('GET', '/webhook-endpoints')).text + JSON.stringify(read);
  assert.ok(!all.includes(secret) && !all.includes(secret.slice('whsec_'.length)));
});

test('a response reaches the receiver when it is accepted and when it is understood, signed as Standard Webhooks asks', async (t) => {
  const { received, genuine, secret, id } = await endpoint(t);
  const { response_id, task_id } = await program.accepted(form, { message: 'Grüße 😀 <&> "x"' });
  await eventually(async () => received.length === 2);
  assert.deepEqual(received.map(({ event }) => event.type).sort(), ['response.accepted', 'response.understood']);
  for (const one of received) {
    assert.ok(genuine(one, secret), one.event.type);
    assert.ok(!genuine({ ...one, body: `${one.body} ` }, secret), 'a changed body is noticed');
    assert.deepEqual(Object.keys(one.event).sort(), ['data', 'timestamp', 'type']);
    assert.equal(one.event.data.id, response_id);
    assert.deepEqual(one.event.data.answers, { message: 'Grüße 😀 <&> "x"' });
    assert.match(one.headers['webhook-id'] as string, /^evt_[A-Za-z0-9_-]+$/);
    assert.match(one.headers['content-type']!, /^application\/json/);
    assert.ok(Math.abs(Number(one.headers['webhook-timestamp']) - Date.now() / 1000) < 60);
    assert.ok(Math.abs(Date.parse(one.event.timestamp) - Date.now()) < 60_000);
  }
  const understood = received.find(({ event }) => event.type === 'response.understood')!;
  assert.equal(understood.event.data.intelligence.respond.tier, 'template');
  const rows = await eventually(async () => {
    const found = await deliveries(id);
    return found.length === 2 && found.every(({ status }: { status: string }) => status === 'delivered') && found;
  });
  for (const row of rows) {
    assert.equal(row.response_id, response_id);
    assert.ok(received.some(({ headers }) => headers['webhook-id'] === row.event_id));
    assert.deepEqual([row.attempts.length, row.attempts[0].http_status, row.attempts[0].number], [1, 204, 1]);
    assert.ok(row.attempts[0].duration_ms >= 0 && Date.parse(row.attempts[0].at) > 0);
  }
  const task = await program.finished(task_id);
  assert.deepEqual([task.status, task.webhook], ['succeeded', { sent: 2, pending: 0, failed: 0 }]);
});

test('a delivery that fails is tried again with the same id and the very same body, and the task counts it', async (t) => {
  const { received, genuine, secret, id } = await endpoint(t, (_, nth) => (nth === 1 ? 500 : 204), {
    events: ['response.accepted'],
  });
  const { task_id, response_id } = await program.accepted(form, { message: 'first try fails' });
  await eventually(async () => received.length === 1);
  const waiting = await eventually(async () => {
    const [row] = await deliveries(id);
    return row?.attempts.length === 1 && row.next_attempt_at !== null && row;
  });
  assert.deepEqual(
    [waiting.status, waiting.attempts[0].http_status, waiting.attempts[0].excerpt],
    ['pending', 500, 'no, 500'],
  );
  const pause = Date.parse(waiting.next_attempt_at) - Date.parse(waiting.attempts[0].at);
  assert.ok(pause >= 4_000 && pause <= 7_500, `5 s give or take a fifth, not ${pause} ms`);
  assert.deepEqual((await program.finished(task_id)).webhook, { sent: 0, pending: 1, failed: 0 });
  // What happens to the response in between does not change what is sent.
  await call('POST', `/responses/${response_id}/review`, { reply: 'A reply that came later' });
  await eventually(async () => received.length === 2);
  const [first, second] = received as [(typeof received)[0], (typeof received)[0]];
  assert.equal(second.body, first.body);
  assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
  assert.notEqual(second.headers['webhook-signature'], first.headers['webhook-signature'], 'signed at its own time');
  assert.ok(genuine(first, secret) && genuine(second, secret));
  const done = await eventually(async () =>
    (await deliveries(id)).find(({ status }: { status: string }) => status === 'delivered'),
  );
  assert.deepEqual(
    done.attempts.map(({ number, http_status }: { number: number; http_status: number }) => [number, http_status]),
    [
      [1, 500],
      [2, 204],
    ],
  );
  assert.deepEqual((await program.finished(task_id)).webhook, { sent: 1, pending: 0, failed: 0 });
});

test('a receiver that answers 410 is not asked again: the endpoint is disabled, the delivery a dead letter until somebody revives it', async (t) => {
  let gone = true;
  const { received, id } = await endpoint(t, () => (gone ? 410 : 204), { events: ['response.accepted'] });
  const { task_id } = await program.accepted(form, { message: 'gone' });
  const row = await eventually(async () =>
    (await deliveries(id)).find(({ status }: { status: string }) => status === 'failed'),
  );
  const disabled = (await call('GET', `/webhook-endpoints/${id}`)).body;
  assert.equal(disabled.status, 'disabled');
  assert.match(disabled.disabled_reason, /410/);
  const letter = await eventually(async () =>
    (await call('GET', '/dead-letters')).body.items.find(
      ({ kind, status }: { kind: string; status: string }) => kind === 'deliver-webhook' && status === 'failed',
    ),
  );
  assert.match(letter.error.detail, /410/);
  assert.deepEqual((await program.finished(task_id)).webhook, { sent: 0, pending: 0, failed: 1 });
  await program.accepted(form, { message: 'missed' });
  const missed = await eventually(async () =>
    (await deliveries(id)).find(({ status }: { status: string }) => status === 'cancelled'),
  );
  assert.deepEqual([missed.cancel_reason, row.cancel_reason], ['endpoint-disabled', null]);
  assert.deepEqual((await program.verify()).problems, []);
  assert.equal(received.length, 1);
  assert.equal(problem(await call('POST', `/webhook-endpoints/${id}/test`)), '409 conflict');

  gone = false;
  assert.equal((await call('PATCH', `/webhook-endpoints/${id}`, { status: 'active' })).body.disabled_reason, null);
  const again = await call('POST', `/deliveries/${row.id}/redeliver`);
  assert.equal(again.status, 202);
  assert.equal(again.headers.get('location'), `/api/v1/tasks/${again.body.task_id}`);
  await eventually(async () => received.length === 2);
  assert.equal(received[1]!.body, received[0]!.body);
  assert.equal(received[1]!.headers['webhook-id'], received[0]!.headers['webhook-id']);
  assert.equal((await program.finished(again.body.task_id)).status, 'succeeded');
  // The task that had failed would send nothing any more: it ended with the redelivery.
  const left = (await call('GET', '/dead-letters')).body.items.map(({ id }: { id: string }) => id);
  assert.ok(!left.includes(letter.id));
  assert.equal(problem(await call('POST', `/dead-letters/${letter.id}/requeue`)), '404 task-not-found');
  assert.equal((await call('GET', `/tasks/${letter.id}`)).body.status, 'cancelled');
  const dropped = (await call('GET', '/audit?action=dead-letter.drop')).body.items;
  assert.ok(dropped.some(({ subject }: { subject: string }) => subject === letter.id));

  const [later, first] = await deliveries(id);
  assert.deepEqual([first.status, first.attempts.length, later.status], ['delivered', 2, 'cancelled']);
  const { body } = await call('POST', `/webhook-endpoints/${id}/recover?since=${row.created_at}`);
  assert.deepEqual(body, { recovered: 1 });
  await eventually(async () => received.length === 3);
  assert.equal(received[2]!.event.data.answers.message, 'missed');
});

test('a dead letter can be requeued, with all its attempts, or given up', async (t) => {
  let gone = true;
  const { received, id } = await endpoint(t, () => (gone ? 410 : 204), { events: ['response.accepted'] });
  const letters = async () =>
    (await call('GET', '/dead-letters?queue=default')).body.items.filter(({ id }: { id: string }) =>
      id.includes(':deliver'),
    );
  const earlier = (await letters()).map(({ id }: { id: string }) => id);
  await program.accepted(form, { message: 'to be requeued' });
  const letter = await eventually(async () =>
    (await letters()).find(({ id }: { id: string }) => !earlier.includes(id)),
  );
  gone = false;
  await call('PATCH', `/webhook-endpoints/${id}`, { status: 'active' });
  assert.equal((await call('POST', `/dead-letters/${encodeURIComponent(letter.id)}/requeue`)).status, 202);
  await eventually(async () => received.length === 2);
  await eventually(async () => (await deliveries(id))[0].status === 'delivered');
  assert.equal(problem(await call('POST', `/dead-letters/${letter.id}/requeue`)), '404 task-not-found');

  const [old] = await letters();
  if (old) {
    assert.equal((await call('DELETE', `/dead-letters/${old.id}`)).status, 204);
    assert.ok(!(await letters()).some(({ id }: { id: string }) => id === old.id));
  }
});

test('everything that failed since a moment is sent again by one call, and what went well is not', async (t) => {
  let up = true;
  const { received, id } = await endpoint(t, () => (up ? 204 : 410), { events: ['response.accepted'] });
  await program.accepted(form, { message: 'went well' });
  await eventually(async () => (await deliveries(id))[0]?.status === 'delivered');
  const since = new Date().toISOString();
  up = false;
  await program.accepted(form, { message: 'failed' });
  await eventually(async () => (await deliveries(id))[0]?.status === 'failed');
  up = true;
  await call('PATCH', `/webhook-endpoints/${id}`, { status: 'active' });
  const recover = (query: string) => call('POST', `/webhook-endpoints/${id}/recover${query}`);
  assert.equal(problem(await recover('')), '400 malformed-query');
  assert.equal(problem(await recover('?since=yesterday')), '400 malformed-query');
  assert.deepEqual((await recover(`?since=${new Date(Date.now() + 60_000).toISOString()}`)).body, { recovered: 0 });
  const answer = await recover(`?since=${since}`);
  assert.deepEqual([answer.status, answer.body], [202, { recovered: 1 }]);
  await eventually(async () => received.length === 3);
  assert.equal(received[2]!.headers['webhook-id'], received[1]!.headers['webhook-id']);
  await eventually(async () =>
    (await deliveries(id)).every(({ status }: { status: string }) => status === 'delivered'),
  );
  assert.deepEqual((await recover(`?since=${since}`)).body, { recovered: 0 });
});

test('the test button sends one signed event to this endpoint alone, whatever it asked for', async (t) => {
  const [one, two] = [await endpoint(t, undefined, { events: ['export.ready'] }), await endpoint(t)];
  const answer = await call('POST', `/webhook-endpoints/${one.id}/test`);
  assert.equal(answer.status, 202);
  const task = await program.finished(answer.body.task_id);
  assert.deepEqual([task.status, task.steps[0].queue], ['succeeded', 'high-priority']);
  assert.equal(one.received.length, 1);
  assert.equal(one.received[0]!.event.type, 'webhook.test');
  assert.ok(one.genuine(one.received[0]!, one.secret));
  assert.equal(two.received.length, 0);
  assert.deepEqual(
    (await deliveries(one.id)).map(({ id }: { id: string }) => id),
    [answer.body.delivery_id],
  );
});

test('after a rotation each event is signed under the new and the old secret', async (t) => {
  const { id, secret, received, genuine } = await endpoint(t);
  const rotated = await call('POST', `/webhook-endpoints/${id}/rotate-secret`);
  assert.equal(rotated.status, 200);
  assert.notEqual(rotated.body.secret, secret);
  await program.finished((await call('POST', `/webhook-endpoints/${id}/test`)).body.task_id);
  const [one] = received;
  assert.equal(String(one!.headers['webhook-signature']).split(' ').length, 2);
  assert.ok(genuine(one!, secret), 'the old one');
  assert.ok(genuine(one!, rotated.body.secret), 'the new one');
  assert.ok(!genuine(one!, `whsec_${Buffer.alloc(32, 7).toString('base64')}`), 'not just any');
});

test('an endpoint is sent the events and forms it asked for and no others', async (t) => {
  const other = await program.publish({ definition, intelligence });
  const accepted = await endpoint(t, undefined, { events: ['response.accepted'] });
  const mine = await endpoint(t, undefined, { form_ids: [other] });
  const reviewed = await endpoint(t, undefined, { events: ['response.reviewed', 'export.ready'] });
  const [here, there] = [
    await program.accepted(form, { message: 'here' }),
    await program.accepted(other, { message: 'there' }),
  ];
  await program.finished(there.task_id);
  await call('POST', `/responses/${here.response_id}/review`, { reply: 'x' });
  const exported = (await call('POST', '/exports', { form_id: other, format: 'csv' })).body;
  await program.finished(exported.task_id);
  const kinds = ({ received }: { received: { event: { type: string; data: { id: string } } }[] }) =>
    received.map(({ event }) => `${event.type} ${event.data.id}`).sort();
  await eventually(
    async () => accepted.received.length >= 2 && mine.received.length >= 3 && reviewed.received.length >= 2,
  );
  assert.deepEqual(kinds(accepted), [
    `response.accepted ${here.response_id}`,
    `response.accepted ${there.response_id}`,
  ]);
  const ofMine = kinds(mine);
  assert.deepEqual(
    ofMine.map((kind) => kind.split(' ')[0]),
    ['export.ready', 'response.accepted', 'response.understood'],
  );
  assert.ok(!ofMine.some((kind) => kind.endsWith(here.response_id)));
  assert.deepEqual(
    kinds(reviewed).map((kind) => kind.split(' ')[0]),
    ['export.ready', 'response.reviewed'],
  );
});

test('an endpoint can be changed, disabled and removed, and then gets nothing', async (t) => {
  const { id, url, received } = await endpoint(t, undefined, { events: ['response.accepted'] });
  const changed = await call('PATCH', `/webhook-endpoints/${id}`, { schedule: 'standard', events: ['task.failed'] });
  assert.deepEqual(
    [changed.status, changed.body.schedule, changed.body.events, changed.body.url],
    [200, 'standard', ['task.failed'], url],
  );
  assert.equal(changed.body.secret, undefined);
  await call('PATCH', `/webhook-endpoints/${id}`, { events: [], status: 'disabled' });
  await program.finished((await program.accepted(form, { message: 'x' })).task_id);
  for (const wrong of [
    {},
    { events: ['nonsense'] },
    { schedule: 'never' },
    { status: 'gone' },
    { secret: 'x' },
    { url: 5 },
  ])
    assert.equal(
      problem(await call('PATCH', `/webhook-endpoints/${id}`, wrong)),
      '400 malformed-body',
      JSON.stringify(wrong),
    );
  assert.equal(
    problem(await call('PATCH', `/webhook-endpoints/${id}`, { url: 'http://10.0.0.1/' })),
    '422 webhook-url-refused',
  );
  assert.equal((await call('DELETE', `/webhook-endpoints/${id}`)).status, 204);
  for (const path of ['', '/deliveries'])
    assert.equal(problem(await call('GET', `/webhook-endpoints/${id}${path}`)), '404 not-found');
  for (const path of ['test', 'rotate-secret', 'recover?since=2026-01-01T00:00:00Z'])
    assert.equal(problem(await call('POST', `/webhook-endpoints/${id}/${path}`)), '404 not-found');
  assert.equal(problem(await call('POST', '/deliveries/dlv_x/redeliver')), '404 not-found');
  assert.equal(received.length, 0);
});

test('what is on its way to an endpoint that was removed is cancelled, and the store still adds up', async (t) => {
  const { id, received } = await endpoint(t, () => 500, { events: ['response.accepted'] });
  await program.accepted(form, { message: 'x' });
  await eventually(async () => received.length === 1);
  await call('DELETE', `/webhook-endpoints/${id}`);
  const verdict = await eventually(async () => {
    const found = await program.verify();
    return found.deliveries.pending === 0 && found;
  });
  assert.ok(verdict.deliveries.cancelled >= 1);
  assert.equal(received.length, 1);
});

test('an address inside the house is refused at creation, however it is written', async () => {
  const refused = [
    'http://10.0.0.1/',
    'http://192.168.1.1:8080/x',
    'http://172.16.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://0.0.0.0/',
    'http://0/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:10.0.0.1]/',
    'http://[::ffff:a00:1]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[64:ff9b::10.0.0.1]/',
    'http://[2002:a00:1::]/',
    'http://167772161/',
    'http://0x0a000001/',
    'http://012.0.0.1/',
    'http://10.1/',
    'http://10。0。0。1/',
    'http://①⓪.0.0.1/',
    'https://user:password@example.org/',
    'ftp://example.org/',
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
    'javascript:alert(1)',
    'not a url',
    '//example.org/',
    'http://',
  ];
  for (const url of refused) {
    const answer = await call('POST', '/webhook-endpoints', { url });
    assert.equal(problem(answer), '422 webhook-url-refused', url);
    assert.equal(answer.body.errors[0].pointer, '/url');
    assert.ok(answer.body.detail.length > 10);
  }
  assert.deepEqual((await call('GET', '/webhook-endpoints')).body.items, []);
});

test('without a listed network the machine itself is inside the house too', async (t) => {
  await program.restart({ FORMSTEAD_WEBHOOK_ALLOW: '' });
  t.after(() => program.restart({ FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' }));
  const loopback = [
    'http://127.0.0.1/',
    'https://localhost/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'https://LOCALHOST/',
    'http://[::ffff:127.0.0.1]/',
  ];
  for (const url of loopback)
    assert.equal(problem(await call('POST', '/webhook-endpoints', { url })), '422 webhook-url-refused', url);
});

test('no list opens the metadata addresses', async (t) => {
  await program.restart({ FORMSTEAD_WEBHOOK_ALLOW: '169.254.0.0/16,fd00::/8' });
  t.after(() => program.restart({ FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' }));
  for (const url of ['http://169.254.169.254/', 'http://[fd00:ec2::254]/', 'http://127.0.0.1/'])
    assert.equal(problem(await call('POST', '/webhook-endpoints', { url })), '422 webhook-url-refused', url);
});

test('endpoints are for administrators only', async (t) => {
  const { id } = await endpoint(t);
  for (const role of ['editor', 'analyst', 'viewer'] as const) {
    const token = await program.signIn(role);
    for (const [method, path] of [
      ['GET', '/webhook-endpoints'],
      ['POST', '/webhook-endpoints'],
      ['GET', `/webhook-endpoints/${id}`],
      ['DELETE', `/webhook-endpoints/${id}`],
      ['POST', `/webhook-endpoints/${id}/rotate-secret`],
      ['GET', `/webhook-endpoints/${id}/deliveries`],
    ] as const)
      assert.equal((await program.call(method, path, { token })).status, 403, `${role} ${method} ${path}`);
  }
});

test('a delivery that waits is made after a restart, under the same id', async (t) => {
  let up = false;
  const { received, id } = await endpoint(t, () => (up ? 204 : 503), { events: ['response.accepted'] });
  await program.accepted(form, { message: 'across a restart' });
  await eventually(async () => (await deliveries(id))[0]?.attempts.length === 1);
  up = true;
  await program.restart();
  await eventually(async () => (await deliveries(id))[0].status === 'delivered');
  assert.deepEqual([...new Set(received.map(({ headers }) => headers['webhook-id']))].length, 1);
  assert.deepEqual((await program.verify()).problems, []);
});
