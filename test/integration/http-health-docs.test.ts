import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createMetrics } from '#adapters/metrics-prom/metrics.ts';
import { errorTable } from '#domain/errors.ts';
import { guard } from '#http/auth.ts';
import { startMetricsServer } from '#http/metrics-server.ts';
import type { OpenApiDocument } from '#http/openapi.ts';
import type { HealthCheck } from '#http/routes/health.ts';
import { idParams, idSchema, pageOf, pageQuery } from '#http/schemas/common.ts';
import { recordingLog, serverWith } from '../support/http-server.ts';

function withChecks(t: Parameters<typeof serverWith>[0], checks: Record<string, HealthCheck>) {
  const clock = { time: 1_000_000, now: () => clock.time };
  return { clock, ...serverWith(t, () => {}, { health: { checks, clock, startedAt: 940_000 } }) };
}

const admin = { authorization: 'Bearer admin' };

test('alive is answered without asking anything, at the root and under the API', async (t) => {
  let asked = 0;
  const { server } = withChecks(t, { storage: { essential: true, run: async () => ({ ok: ++asked < 0 }) } });
  for (const url of ['/health', '/api/v1/health']) {
    const answer = await server.inject(url);
    assert.deepEqual([answer.statusCode, answer.json()], [200, { status: 'ok' }]);
  }
  assert.equal(asked, 0);
});

test('a server is ready while its essential parts are well; the others only degrade it', async (t) => {
  const well = { storage: true, queue: false };
  const { server, clock } = withChecks(t, {
    storage: { essential: true, run: async () => ({ ok: well.storage }) },
    queue: { essential: false, run: async () => ({ ok: well.queue, detail: { depth: 3 } }) },
  });
  const ready = await server.inject('/health/ready');
  assert.deepEqual([ready.statusCode, ready.json()], [200, { status: 'ready', failing: [] }]);
  const detailed = await server.inject({ url: '/api/v1/health/detailed', headers: admin });
  assert.equal(detailed.json().status, 'degraded');
  assert.equal(detailed.json().uptime_seconds, 60);
  assert.deepEqual(detailed.json().checks.queue.detail, { depth: 3 });

  well.storage = false;
  clock.time += 1000;
  const not = await server.inject('/api/v1/health/ready');
  assert.deepEqual([not.statusCode, not.json()], [503, { status: 'not-ready', failing: ['storage'] }]);
  assert.deepEqual([not.headers['retry-after'], ready.headers['retry-after']], ['2', undefined]);
  assert.equal((await server.inject({ url: '/api/v1/health/detailed', headers: admin })).json().status, 'failing');
});

test('a check that throws or never answers has failed, and says nothing of its error to the public', async (t) => {
  const { server, lines } = withChecks(t, {
    broken: { essential: true, run: async () => Promise.reject(new Error('mongodb://user:pw@host')) },
    stuck: { essential: true, run: () => new Promise(() => {}) },
  });
  const answer = await server.inject('/health/ready');
  assert.deepEqual([answer.statusCode, answer.json().failing], [503, ['broken', 'stuck']]);
  assert.doesNotMatch(answer.body, /mongodb/);
  assert.equal(lines.filter((line) => line.message === 'health check failed').length, 1);
});

test('however often the public asks, the checks run once a second', async (t) => {
  let runs = 0;
  const { server, clock } = withChecks(t, {
    storage: {
      essential: true,
      run: async () => {
        runs += 1;
        return { ok: true };
      },
    },
  });
  await Promise.all(Array.from({ length: 20 }, () => server.inject('/health/ready')));
  assert.equal(runs, 1);
  clock.time += 999;
  await server.inject('/health/ready');
  assert.equal(runs, 1);
  clock.time += 1;
  await server.inject('/health/ready');
  assert.equal(runs, 2);
});

test('the details are for those who operate', async (t) => {
  const { server } = withChecks(t, {});
  assert.equal((await server.inject('/api/v1/health/detailed')).statusCode, 401);
  const viewer = { authorization: 'Bearer viewer' };
  assert.equal((await server.inject({ url: '/api/v1/health/detailed', headers: viewer })).statusCode, 403);
});

function documented(api: FastifyInstance): void {
  api.post(
    '/things/:id',
    {
      config: { ...guard('forms:write'), problems: ['form-not-found', 'revision-mismatch'] },
      schema: {
        tags: ['things'],
        summary: 'Changes a <thing>',
        params: idParams('frm'),
        body: {
          type: 'object',
          additionalProperties: false,
          required: ['name'],
          properties: {
            name: { type: 'string', maxLength: 10, description: 'What it is "called".' },
            parts: {
              type: 'array',
              items: { type: 'object', additionalProperties: false, properties: { size: { type: 'integer' } } },
            },
          },
          examples: [{ name: '<b>' }],
        },
        response: { 201: { description: 'Changed.', type: 'object', properties: { id: idSchema('frm') } } },
      },
    },
    async () => ({}),
  );
  api.get(
    '/things',
    {
      config: { public: true },
      schema: {
        tags: ['things'],
        querystring: { type: 'object', properties: pageQuery },
        response: { 200: { description: 'A page.', ...pageOf({ type: 'string' }) } },
      },
    },
    async () => ({ items: [], next_cursor: null }),
  );
}

test('the OpenAPI document says what is validated, who may call, and which problems are answered', async (t) => {
  const { server } = serverWith(t, documented);
  const document = (await server.inject('/api/v1/openapi.json')).json() as OpenApiDocument;
  assert.equal(document.openapi, '3.1.0');
  const operation = document.paths['/api/v1/things/{id}']!.post!;
  assert.deepEqual(operation.security, [{ bearer: [] }]);
  assert.equal(operation['x-permission'], 'forms:write');
  assert.equal(operation.requestBody!.content['application/json']!.schema!.additionalProperties, false);
  assert.deepEqual(
    operation.parameters!.map(({ name, in: place, required }) => [name, place, required]),
    [['id', 'path', true]],
  );
  assert.deepEqual(Object.keys(operation.responses!).sort(), [
    '201',
    '400',
    '401',
    '403',
    '404',
    '412',
    '413',
    '415',
    '429',
    '503',
    'default',
  ]);
  assert.match(operation.responses!['412']!.description, /^revision-mismatch: /);
  const problem = operation.responses!['404']!.content!['application/problem+json']!.schema;
  assert.deepEqual(problem, { $ref: '#/components/schemas/Problem' });
  assert.ok(document.components!.schemas!.Problem!.properties);
  const list = document.paths['/api/v1/things']!.get!;
  assert.deepEqual(
    list.parameters!.map(({ name }) => name),
    ['limit', 'cursor'],
  );
  assert.deepEqual(list.security, []);
});

test('every reference in the OpenAPI document leads somewhere', async (t) => {
  const { server } = serverWith(t, documented);
  const { body } = await server.inject('/api/v1/openapi.json');
  const document = JSON.parse(body) as OpenApiDocument;
  const references = [...body.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]!);
  assert.ok(references.length > 0);
  for (const reference of references) {
    assert.ok(document.components!.schemas![reference.replace('#/components/schemas/', '')], reference);
  }
});

test('the docs page is plain, escaped HTML made of the document, and its policy allows its own style only', async (t) => {
  const { server } = serverWith(t, documented);
  const { body, headers } = await server.inject('/docs');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  for (const text of [
    '/api/v1/things/{id}',
    'Changes a &lt;thing&gt;',
    'What it is &quot;called&quot;.',
    'forms:write',
    'revision-mismatch',
    '&lt;b&gt;',
    'size',
  ]) {
    assert.ok(body.includes(text), text);
  }
  assert.doesNotMatch(body, /<script|<b>|undefined|\[object|https?:\/\//);
  const style = /<style>([\s\S]*)<\/style>/.exec(body)![1]!;
  const policy = String(headers['content-security-policy']);
  assert.ok(policy.includes(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`));
  assert.ok(!policy.includes('unsafe'));
  const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!);
  assert.equal(new Set(ids).size, ids.length, 'no two elements share an id');
  for (const [, target] of body.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.includes(target!), target);
});

test('the type of every problem leads to a place on the errors page', async (t) => {
  const { server } = serverWith(t, documented);
  const { body } = await server.inject('/docs/errors');
  for (const code of Object.keys(errorTable)) assert.ok(body.includes(`id="${code}"`), code);
  const problem = (await server.inject('/nope')).json();
  const [path, anchor] = problem.type.split('#');
  assert.equal((await server.inject(path)).statusCode, 200);
  assert.equal(anchor, problem.code);
});

test('documents are not sent again to those who have them', async (t) => {
  const { server } = serverWith(t, documented);
  for (const url of ['/docs', '/docs/errors', '/api/v1/openapi.json']) {
    const first = await server.inject(url);
    const again = await server.inject({ url, headers: { 'if-none-match': String(first.headers.etag) } });
    assert.deepEqual([again.statusCode, again.body], [304, ''], url);
    assert.equal((await server.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode, 200, url);
  }
});

const well = { shuttingDown: () => false, ready: async () => {} };

test('the metrics port answers GET /metrics, /health and /health/ready, and nothing else', async (t) => {
  const lines: Parameters<typeof recordingLog>[0] = [];
  const log = recordingLog(lines);
  const metrics = createMetrics({ version: '1', log });
  const { port, close } = await startMetricsServer({ host: '127.0.0.1', port: 0, metrics, log, ...well });
  t.after(close);
  const at = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
  const answer = await at('/metrics');
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type')!, /^text\/plain/);
  assert.match(await answer.text(), /formstead_build_info\{version="1"/);
  assert.equal((await at('/metrics', 'POST')).status, 405);
  assert.equal((await at('/')).status, 404);
  assert.deepEqual([(await at('/health')).status, (await at('/health/ready')).status], [200, 200]);
  assert.equal((await at('/health/detailed')).status, 404);
  await assert.rejects(startMetricsServer({ host: '127.0.0.1', port, metrics, log, ...well }), { code: 'EADDRINUSE' });
});

test('the health on the metrics port says when the process cannot work, or stops', async (t) => {
  const log = recordingLog([]);
  const metrics = { text: () => Promise.reject(new Error('no')) };
  const state = { stops: false, store: Promise.resolve() };
  const health = { shuttingDown: () => state.stops, ready: () => state.store };
  const { port, close } = await startMetricsServer({ host: '127.0.0.1', port: 0, metrics, log, ...health });
  t.after(close);
  const ready = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`);
    return [answer.status, ((await answer.json()) as { status: string }).status];
  };
  assert.deepEqual(await ready(), [200, 'ready']);
  state.store = Promise.reject(new Error('the store is away'));
  state.store.catch(() => {});
  assert.deepEqual(await ready(), [503, 'not-ready']);
  state.stops = true;
  assert.deepEqual(await ready(), [503, 'shutting-down']);
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200, 'it runs');
});

test('metrics that cannot be collected are a 500, not a crash', async (t) => {
  const lines: Parameters<typeof recordingLog>[0] = [];
  const metrics = { text: () => Promise.reject(new Error('no')) };
  const { port, close } = await startMetricsServer({
    host: '127.0.0.1',
    port: 0,
    metrics,
    log: recordingLog(lines),
    ...well,
  });
  t.after(close);
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 500);
  assert.equal(lines[0]?.level, 'error');
});
