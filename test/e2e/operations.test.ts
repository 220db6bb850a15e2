import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { freePort } from '../support/free-port.ts';
import { type Answer, eventually, startTestProgram, type TestProgram } from '../support/program.ts';

let program: TestProgram;
let form: string;
let metricsPort: number;

const definition = { elements: [{ type: 'comment', name: 'message' }] };
const intelligence = { text: ['message'], respond: { instructions: 'Thank the person.' } };

before(async () => {
  metricsPort = await freePort();
  program = await startTestProgram({ FORMSTEAD_METRICS_PORT: String(metricsPort), FORMSTEAD_EVENT_STREAMS: '3' });
  form = await program.publish({ definition, intelligence });
});
after(() => program.stop());

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const page = (name: string) => readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');
const anybody = (method: string, path: string, headers: Record<string, string> = {}) =>
  program.call(method, path, { token: null, headers });

test('anybody may ask whether the server lives and may serve; how each part does is for administrators', async () => {
  for (const path of ['//health', '/health']) assert.deepEqual((await anybody('GET', path)).body, { status: 'ok' });
  for (const path of ['//health/ready', '/health/ready'])
    assert.deepEqual((await anybody('GET', path)).body, { status: 'ready', failing: [] });
  assert.equal(problem(await anybody('GET', '/health/detailed')), '401 unauthenticated');
  const viewer = await program.signIn('viewer');
  assert.equal(problem(await program.call('GET', '/health/detailed', { token: viewer })), '403 forbidden');
  const { status, body } = await program.call('GET', '/health/detailed');
  assert.equal(status, 200);
  assert.equal(body.status, 'ok');
  assert.deepEqual(Object.keys(body.checks).sort(), ['disk', 'mail', 'model', 'queues', 'storage', 'workers']);
  for (const check of Object.values<{ ok: boolean }>(body.checks)) assert.equal(check.ok, true);
  assert.ok(body.checks.disk.detail.free_bytes > 0);
  assert.equal(body.checks.workers.detail.length, 3);
  for (const worker of body.checks.workers.detail)
    assert.ok(worker.concurrency >= 1 && worker.active >= 0, worker.queue);
  assert.equal(body.node, process.version);
});

test('the metrics port serves Prometheus text with every name of the table, and nothing else', async () => {
  await program.finished((await program.accepted(form, { message: 'counted' })).task_id);
  await program.send(form, { nobody: 1 });
  const response = await fetch(`http://127.0.0.1:${metricsPort}/metrics`);
  assert.equal(response.status, 200);
  assert.match(response.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const documented = [...page('metrics.md').matchAll(/^\| `(formstead_\w+)` \| (\w+) \|/gm)].map(
    ([, name, type]) => `${name} ${type}`,
  );
  const served = [...text.matchAll(/^# TYPE (formstead_\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  assert.ok(documented.length > 30);
  assert.deepEqual(served.toSorted(), documented.toSorted());
  for (const line of text.split('\n'))
    assert.match(line, /^$|^# (HELP|TYPE) |^[a-z0-9_]+(\{([a-zA-Z_]+="[^"]*",?)*\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/);
  const value = (start: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(start))
        ?.split(' ')
        .at(-1),
    );
  assert.ok(value('formstead_responses_accepted_total{replayed="no"}') >= 1);
  assert.ok(value('formstead_responses_refused_total{reason="answers-invalid"}') >= 1);
  assert.ok(value('formstead_tasks_total{kind="understand-response",outcome="succeeded"}') >= 1);
  assert.ok(value('formstead_receipts_sequence') >= 1);
  assert.ok(value('formstead_storage_bytes{part="database"}') > 0);
  // What the table names is served, but for what the other size has.
  const [, named = ''] = /^# HELP formstead_storage_bytes .*part is ([^.]+)\./m.exec(text)!;
  assert.deepEqual(
    [...text.matchAll(/^formstead_storage_bytes\{part="(\w+)"\}/gm)].map(([, part]) => part).toSorted(),
    named
      .split(', ')
      .filter((part) => !part.endsWith('(MongoDB)'))
      .map((part) => part.replace(/ .*/, ''))
      .toSorted(),
  );
  assert.ok(value('formstead_disk_free_bytes') > 0);
  assert.match(
    text,
    /formstead_http_requests_total\{method="POST",route="\/api\/v1\/forms\/:id\/responses",status="202"\}/,
  );
  assert.doesNotMatch(text, /frm_|rsp_|tsk_/, 'no id is a label');
  assert.equal((await fetch(`http://127.0.0.1:${metricsPort}/`)).status, 404);
  assert.equal((await anybody('GET', '//metrics')).status, 404, 'not on the port of the API');
});

test('the OpenAPI document is valid 3.1, holds every route of the table, and its references lead somewhere', async () => {
  const { status, body, headers } = await anybody('GET', '/openapi.json');
  assert.equal(status, 200);
  assert.match(headers.get('content-type')!, /^application\/json/);
  assert.equal(body.openapi, '3.1.0');
  assert.ok(body.info.title && body.info.version);
  const operations = Object.entries<Record<string, Operation>>(body.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  for (const { path, method, operation } of operations) {
    assert.ok(operation.summary, `${method} ${path} has no summary`);
    assert.ok(Object.keys(operation.responses).length > 0);
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const declared = (operation.parameters ?? []).filter((one) => one.in === 'path');
    assert.deepEqual(declared.map(({ name }) => name).sort(), inPath.sort(), path);
    assert.ok(declared.every(({ required }) => required));
  }
  const missing = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)]
    .map(([, ref]) => ref!)
    .filter((ref) => ref.split('/').reduce((at, key) => at?.[key], body) === undefined);
  assert.deepEqual(missing, []);

  const inDocument = new Set(operations.map(({ path, method }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`));
  const routes = [...page('permissions.md').matchAll(/^\| `?(GET|POST|PUT|PATCH|DELETE)`? \| `?(\/[^ |`]+)`? \|/gm)]
    .map(([, method, path]) => `${method} ${path}`)
    .filter((route) => route.includes('/api/v1/'));
  assert.ok(routes.length > 40, `only ${routes.length} routes in the table`);
  const hidden = ['GET /api/v1/openapi.json'];
  assert.deepEqual(
    routes.filter((route) => !inDocument.has(route) && !hidden.includes(route)),
    [],
  );
});

test('every operation of the document is there, and asks for a token where the document says so', async () => {
  const { body } = await anybody('GET', '/openapi.json');
  for (const [path, methods] of Object.entries<Record<string, Operation>>(body.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      const url = `/${path.replaceAll(/\{number\}/g, '1').replaceAll(/\{\w+\}/g, 'x')}`;
      const answer = await anybody(method.toUpperCase(), url);
      assert.notEqual(answer.status, 405, `${method} ${path}`);
      assert.ok(answer.status < 500, `${method} ${path}: ${answer.text}`);
      const guarded =
        (operation.security ?? []).some((one) => 'bearer' in one) &&
        !operation.security!.some((one) => Object.keys(one).length === 0);
      assert.equal(answer.status === 401, guarded, `${method} ${path} answered ${answer.status}`);
    }
  }
});

type Operation = {
  summary?: string;
  responses: object;
  parameters?: { name: string; in: string; required: boolean }[];
  security?: object[];
};

test('the docs are a page, and every code that a problem names is explained there', async () => {
  const docs = await anybody('GET', '//docs');
  assert.equal(docs.status, 200);
  assert.match(docs.headers.get('content-type')!, /^text\/html/);
  assert.match(docs.text, /\/api\/v1\/forms\/\{id\}\/responses/);
  assert.doesNotMatch(docs.text, /<script/);
  const problemAnswer = await anybody('GET', '/nowhere');
  const [path, code] = problemAnswer.body.type.split('#');
  assert.match((await anybody('GET', `/${path}`)).text, new RegExp(`id="${code}"`));
});

test('whatever goes wrong is a problem, and every answer names its request', async () => {
  const answers: [string, Answer][] = [
    ['404 not-found', await anybody('GET', '/nowhere')],
    ['404 not-found', await anybody('GET', '//')],
    ['405 method-not-allowed', await anybody('DELETE', '/forms')],
    ['405 method-not-allowed', await anybody('PUT', `/forms/${form}/responses`)],
    ['401 unauthenticated', await anybody('GET', '/forms')],
    ['404 form-not-found', await anybody('GET', '/forms/nowhere/public')],
    ['400 malformed-json', await program.call('POST', '/forms', { body: '{' })],
  ];
  for (const [expected, answer] of answers) {
    assert.equal(problem(answer), expected);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    const { type, title, status, code, request_id, instance } = answer.body;
    assert.deepEqual(
      [typeof type, typeof title, status, typeof instance],
      ['string', 'string', answer.status, 'string'],
    );
    assert.equal(type, `/docs/errors#${code}`);
    assert.equal(request_id, answer.headers.get('x-request-id'));
  }
  assert.equal(answers[2]![1].headers.get('allow'), 'GET, HEAD, POST');
  const good = [
    await anybody('GET', '//health'),
    await anybody('HEAD', '//health'),
    await anybody('GET', '//docs'),
    await anybody('OPTIONS', `/forms/${form}/responses`, { origin: 'https://a.example' }),
    await program.send(form, { message: 'x' }),
  ];
  const ids = [...answers.map(([, answer]) => answer), ...good].map(({ headers }) => headers.get('x-request-id'));
  assert.ok(ids.every((id) => id));
  assert.equal(new Set(ids).size, ids.length);
  const claimed = await anybody('GET', '//health', { 'x-request-id': 'mine' });
  assert.notEqual(claimed.headers.get('x-request-id'), 'mine', 'nobody but a trusted proxy names a request');
});

/** Reads a stream of server-sent events until it ends or `enough` says so. */
async function events(
  path: string,
  { token, enough = () => false }: { token?: string; enough?: (list: Sent[]) => boolean } = {},
) {
  const stop = new AbortController();
  const response = await fetch(`${program.url}/api/v1${path}`, {
    signal: stop.signal,
    headers: token ? { authorization: `Bearer ${token}` } : {},
  });
  const list: Sent[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
      if (event) list.push({ event, task: JSON.parse(data!) });
    }
    if (enough(list)) break;
  }
  stop.abort();
  return { response, list };
}
// biome-ignore lint/suspicious/noExplicitAny: a task is looked into, and a wrong guess fails the test.
type Sent = { event: string; task: any };

test('the events of a task end with the finished task, and show nothing of the response without a token', async () => {
  const { task_id } = await program.accepted(form, { message: 'followed' });
  const { response, list } = await events(`/tasks/${task_id}/events`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.ok(response.headers.get('x-request-id'));
  assert.ok(list.every(({ event }) => event === 'task'));
  const last = list.at(-1)!.task;
  assert.deepEqual(last, { id: task_id, status: 'succeeded', progress: 1 });
  assert.deepEqual(last, (await anybody('GET', `/tasks/${task_id}`)).body);
  const again = await events(`/tasks/${task_id}/events`);
  assert.deepEqual(
    again.list.map(({ task }) => task.status),
    ['succeeded'],
    'a task that has ended is one event',
  );
  assert.equal(problem(await anybody('GET', '/tasks/tsk_nothing/events')), '404 task-not-found');
});

test('no more event streams are open at once than the setting allows, and one that closes makes room', async () => {
  const labels = Array.from({ length: 2 }, (_, i) => ({ name: `l${i}` }));
  const slow = await program.publish({ definition, intelligence: { text: ['message'], classify: { labels } } });
  const many = Array.from({ length: 4_000 }, (_, i) => ({
    text: `${i} words that take a while to learn from ${i * 7}`,
    label: `l${i % 2}`,
  }));
  await program.call('POST', `/forms/${slow}/examples`, { body: many });
  const listen = (id: string, signal: AbortSignal) => fetch(`${program.url}/api/v1/tasks/${id}/events`, { signal });
  const open = [new AbortController(), new AbortController(), new AbortController()];
  // A task that waits: behind a training and a hundred others. Where it is done all the same before the last stream is asked for, the three are closed: then once more.
  const listened = async () => {
    const sent = await Promise.all(Array.from({ length: 100 }, () => program.accepted(slow, { message: 'x' })));
    const id = sent.at(-1)!.task_id;
    const streams = await Promise.all(open.map(({ signal }) => listen(id, signal)));
    assert.deepEqual(
      streams.map(({ status }) => status),
      [200, 200, 200],
    );
    const last = new AbortController();
    const answer = await listen(id, last.signal);
    if (answer.status !== 200) return { id, refused: answer };
    last.abort();
    return undefined;
  };
  const { id: task_id, refused } = await eventually(listened, 60_000);
  const { code } = (await refused.json()) as { code: string };
  assert.equal(`${refused.status} ${code}`, '429 too-many-streams');
  assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  open[0]!.abort();
  await eventually(async () => {
    const stop = new AbortController();
    const { status } = await fetch(`${program.url}/api/v1/tasks/${task_id}/events`, { signal: stop.signal });
    stop.abort();
    return status === 200;
  });
  for (const one of open) one.abort();
  assert.equal((await program.finished(task_id, 60_000)).status, 'succeeded');
});

test('queues show what waits, and a task that waits can be cancelled by an administrator', async () => {
  const queues = (await program.call('GET', '/queues')).body.items;
  assert.deepEqual(queues.map(({ queue }: { queue: string }) => queue).sort(), ['batched', 'default', 'high-priority']);
  for (const one of queues) assert.ok(one.depth >= 0 && one.workers.active >= 0 && one.workers.concurrency >= 1);
  for (const one of queues) assert.equal(one.oldest_age_seconds === null, one.oldest_due_at === null);
  const { task_id } = await program.accepted(form, { message: 'x' });
  await program.finished(task_id);
  assert.equal(problem(await program.call('POST', `/tasks/${task_id}/cancel`)), '409 conflict', 'it has ended');
  assert.equal((await anybody('POST', `/tasks/${task_id}/cancel`)).status, 401);
});

test('what administrators do is in the audit log, with the request that did it', async () => {
  const answer = await program.call('POST', `/forms/${form}/close`);
  await program.call('POST', `/forms/${form}/reopen`);
  const { items } = (await program.call('GET', '/audit?action=form.close')).body;
  assert.equal(items[0].subject, form);
  assert.match(items[0].actor, /^user:usr_/);
  assert.equal(items[0].request_id, answer.headers.get('x-request-id'));
});
