import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { OpenApiDocument } from '#http/openapi.ts';
import { checkDeclared } from '../support/declared-answers.ts';
import { type Answer, admin, request, startTestProgram, type TestProgram, tokenOf } from '../support/program.ts';

/* `program.call` holds every answer of every test against the document; here are those that no other test asks for, and the document itself. */

let program: TestProgram;
let document: OpenApiDocument;
let form: string;

before(async () => {
  program = await startTestProgram({ FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' });
  document = (await program.call('GET', '/openapi.json')).body;
  form = await program.publish({ definition: { elements: [{ type: 'comment', name: 'message' }] } });
});
after(() => program.stop());

const problem = ({ status, body }: Answer) => `${status} ${body.code}`;
const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );

test('every operation says what it answers when it succeeds: a schema, a content type, or that there is nothing', () => {
  assert.ok(operations().length > 40);
  for (const { name, operation } of operations()) {
    const successes = Object.entries(operation.responses!).filter(([status]) => /^[23]/.test(status));
    assert.ok(successes.length > 0, name);
    for (const [status, { content, description }] of successes) {
      const empty = ['204', '303', '304'].includes(status);
      assert.equal(content === undefined, empty, `${name}: ${status}`);
      assert.notEqual(description, '', name);
      const schema = content?.['application/json']?.schema;
      if (schema) assert.ok(schema.properties ?? schema.$ref, `${name}: ${status} has no members`);
    }
    assert.ok(operation.responses!.default!.content!['application/problem+json'], name);
  }
});

test('bodies of other types than JSON are declared where they are taken', () => {
  const bodies = (path: string) => Object.keys(document.paths[path]!.post!.requestBody!.content);
  assert.deepEqual(bodies('/api/v1/forms/{id}/responses'), ['application/json', 'application/x-www-form-urlencoded']);
  assert.deepEqual(bodies('/api/v1/forms/{id}/examples'), [
    'application/json',
    'application/x-ndjson',
    'application/ndjson',
    'application/jsonl',
  ]);
  assert.deepEqual(bodies('/api/v1/forms'), ['application/json']);
});

test('what has no body of its own answers 204, and 415 for a body that it does not take', async () => {
  const token = await tokenOf(program.url, admin);
  assert.equal((await program.call('POST', '/auth/logout', { token })).status, 204);
  const made = await program.call('POST', '/tokens', { body: { name: 'x', scopes: ['forms:read'] } });
  assert.equal((await program.call('DELETE', `/tokens/${made.body.id}`)).status, 204);
  const xml = { body: '<x/>', headers: { 'content-type': 'application/xml' } };
  assert.equal(problem(await program.call('POST', `/forms/${form}/publish`, xml)), '415 unsupported-media-type');
  assert.equal(problem(await program.call('DELETE', `/tokens/${made.body.id}`, xml)), '415 unsupported-media-type');
});

test('the steps of a webhook endpoint answer what they declare', async () => {
  const made = await program.call('POST', '/webhook-endpoints', { body: { url: 'http://127.0.0.1:9/hook' } });
  const path = `/webhook-endpoints/${made.body.id}`;
  const tested = await program.call('POST', `${path}/test`);
  assert.deepEqual([tested.status, Object.keys(tested.body)], [202, ['delivery_id', 'task_id']]);
  assert.deepEqual((await program.call('POST', `${path}/recover?since=2026-01-01T00:00:00Z`)).body, { recovered: 0 });
  assert.match((await program.call('POST', `${path}/rotate-secret`)).body.secret, /^whsec_/);
  assert.equal((await program.call('DELETE', path)).status, 204);
});

test('files, pages and streams have their types', async () => {
  await program.accepted(form, { message: 'hello' });
  const { body } = await program.call('POST', '/exports', { body: { form_id: form, format: 'csv' } });
  await program.finished(body.task_id, 60_000);
  const path = `/exports/${body.export_id}/download`;
  const whole = await program.call('GET', path);
  assert.deepEqual([whole.status, whole.headers.get('content-type')], [200, 'text/csv; charset=utf-8; header=present']);
  assert.equal((await program.call('GET', path, { headers: { range: 'bytes=0-3' } })).status, 206);
  const etag = whole.headers.get('etag')!;
  assert.equal((await program.call('GET', path, { headers: { 'if-none-match': etag } })).status, 304);
  assert.equal(
    problem(await program.call('GET', path, { headers: { range: 'bytes=99999-' } })),
    '416 range-not-satisfiable',
  );
  assert.equal(
    (await program.call('GET', `/forms/${form}/thanks`)).headers.get('content-type'),
    'text/html; charset=utf-8',
  );
  assert.equal((await program.call('GET', `/forms/${form}/intelligence`)).body.head, null);
  const events = await program.call('GET', `/tasks/${body.task_id}/events`);
  assert.equal(events.headers.get('content-type'), 'text/event-stream');
  assert.match(events.text, /^event: task\ndata: \{/);
});

test('a token that is not good is none where none is needed, and an error where one is', async () => {
  const { task_id } = await program.accepted(form, { message: 'mine' });
  for (const authorization of ['Bearer junk', 'Basic eDp5', 'Bearer', `Bearer ${'x'.repeat(5000)}`]) {
    const ask = { token: null, headers: { authorization } };
    const task = await program.call('GET', `/tasks/${task_id}`, ask);
    assert.deepEqual(
      [task.status, Object.keys(task.body)],
      [200, ['id', 'status', 'progress']],
      authorization.slice(0, 20),
    );
    const events = await program.call('GET', `/tasks/${task_id}/events`, ask);
    assert.equal(events.status, 200);
    assert.doesNotMatch(events.text, /steps/);
    assert.equal(problem(await program.call('GET', '/tasks', ask)), '401 unauthenticated');
  }
});

test('a whole number has one spelling in a path and in a query', async () => {
  for (const number of ['0x1', '1.0', '1e0', '01', '+1', ' 1', '1 ', '-1', '0'])
    assert.equal(
      problem(await program.call('GET', `/forms/${form}/versions/${encodeURIComponent(number)}/schema.json`)),
      '404 not-found',
      number,
    );
  assert.equal((await program.call('GET', `/forms/${form}/versions/1/schema.json`)).status, 200);
  for (const limit of ['0x10', '1e2', '+5', '05', '5.0', ' 5', '-5', '']) {
    const answer = await program.call('GET', `/forms?limit=${encodeURIComponent(limit)}`);
    assert.equal(problem(answer), '400 malformed-query', limit);
    assert.deepEqual(
      answer.body.errors.map(({ pointer }: { pointer: string }) => pointer),
      ['/limit'],
    );
  }
  assert.equal((await program.call('GET', '/forms?limit=5')).status, 200);
});

test('bytes of a form post that are no text are refused, not changed in silence', async () => {
  const post = (body: string) =>
    program.call('POST', `/forms/${form}/responses`, {
      token: null,
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const stored = async () => (await program.responses(form)).length;
  const count = await stored();
  for (const broken of [
    'message=caf%E9',
    'message=%ED%A0%80',
    'message=%zz',
    'message=50%',
    'caf%E9=x',
    'message=a&message=%C0%80',
  ])
    assert.equal(problem(await post(broken)), '400 malformed-body', broken);
  assert.equal(await stored(), count);
  assert.equal((await post('message=caf%C3%A9+%26+more%3D%F0%9F%91%8D&')).status, 303);
  assert.equal((await program.responses(form))[0].answers.message, 'café & more=👍');
});

test('examples come as NDJSON under each of its names', async () => {
  const labels = { classify: { labels: [{ name: 'a' }, { name: 'b' }] } };
  const definition = { elements: [{ type: 'comment', name: 'message' }] };
  const learning = await program.publish({ definition, intelligence: labels });
  for (const type of ['application/x-ndjson', 'application/ndjson', 'application/jsonl; charset=utf-8']) {
    const body = `{"text":"${type}","label":"a"}\n{"text":"b ${type}","label":"b"}\n`;
    const answer = await program.call('POST', `/forms/${learning}/examples`, {
      body,
      headers: { 'content-type': type },
    });
    assert.deepEqual([answer.status, answer.body.kept], [202, 2], type);
  }
  const csv = { body: 'a,b', headers: { 'content-type': 'text/csv' } };
  assert.equal(problem(await program.call('POST', `/forms/${learning}/examples`, csv)), '415 unsupported-media-type');
});

test('the check fails for a status, a type, a path and a problem that the document does not have', async () => {
  const good = {
    method: 'GET',
    path: '/api/v1/forms?limit=1',
    status: 200,
    contentType: 'application/json; charset=utf-8',
    body: {},
  };
  checkDeclared(document, good);
  for (const wrong of [
    { status: 201 },
    { contentType: 'text/plain' },
    { contentType: undefined },
    { path: '/api/v1/nothing' },
    { status: 401, contentType: 'application/problem+json', body: { type: 'x', title: 'x', status: 401 } },
  ])
    assert.throws(
      () => checkDeclared(document, { ...good, ...wrong }),
      { code: 'ERR_ASSERTION' },
      JSON.stringify(wrong),
    );
  const refused = await request(program.url, 'GET', '/forms');
  checkDeclared(document, { ...good, status: 401, contentType: 'application/problem+json', body: refused.body });
});
