import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { type ErrorCode, errorTable } from '#domain/errors.ts';
import type { Server } from '#http/server.ts';
import { rawExchange, serverWith } from '../support/http-server.ts';
import { until } from '../support/task-world.ts';
import { slowThing, things } from '../support/thing-routes.ts';

const json = { 'content-type': 'application/json' };

async function listen(server: Server): Promise<number> {
  await server.listen({ host: '127.0.0.1', port: 0 });
  return (server.server.address() as AddressInfo).port;
}

test('while shutting down new requests get 503 and their connection closes, health still answers, what runs is finished', async (t) => {
  const thing = slowThing();
  const { server, state } = serverWith(t, thing.routes);
  const port = await listen(server);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const slow = get(agent, port, '/api/v1/slow');
  await thing.begun;
  state.shuttingDown = true;
  const refused = await get(agent, port, '/api/v1/things');
  assert.deepEqual(
    [refused.status, JSON.parse(refused.body).code, refused.headers.connection],
    [503, 'shutting-down', 'close'],
  );
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.equal((await get(agent, port, '/nope')).status, 503);
  assert.equal((await get(agent, port, '/health')).status, 200);
  const ready = await get(agent, port, '/health/ready');
  assert.deepEqual([ready.status, JSON.parse(ready.body).status], [503, 'shutting-down']);
  thing.letGo();
  assert.equal((await slow).status, 200);
});

test('a server that is closing finishes what it has begun, says that the connection ends with it, and is gone then', async (t) => {
  const thing = slowThing();
  const { server } = serverWith(t, thing.routes);
  const port = await listen(server);
  const connected = once(server.server, 'connection');
  const closing = Promise.withResolvers<void>();
  const first = 'GET /api/v1/slow HTTP/1.1\r\nHost: x\r\n\r\n';
  const second = 'GET /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n';
  const exchange = rawExchange(port, [first, closing.promise.then(() => second)]);
  await thing.begun;
  const [socket] = (await connected) as [Socket];
  const startedAt = performance.now();
  const closed = server.close();
  await until(() => !server.server.listening);
  closing.resolve();
  await until(() => socket.bytesRead === first.length + second.length);
  thing.letGo();
  await closed;
  // Not the 72 s for which an idle connection is kept.
  assert.ok(performance.now() - startedAt < 3000);
  const received = await exchange;
  assert.match(received, /^HTTP\/1\.1 200 OK/);
  assert.match(received, /^connection: close\r$/im);
  // What a client pipelined behind it was not begun: by the header it knows that it must send it again, elsewhere.
  assert.ok(received.endsWith('{"slow":true}'), received);
});

type Got = { status: number; headers: Record<string, string | string[] | undefined>; body: string };

function get(agent: Agent, port: number, path: string): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ agent, port, host: '127.0.0.1', path }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    request.on('error', reject).end();
  });
}

test('a body beyond the limit is refused by its announced length and, unannounced, as soon as it is too long', async (t) => {
  const { server } = serverWith(t, things, { limits: { bodyBytes: 1000 } });
  const port = await listen(server);
  const head = 'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
  const announced = await rawExchange(port, [`${head}Content-Length: 5000000\r\n\r\n{`]);
  assert.match(announced, /^HTTP\/1\.1 413 [\s\S]*"code":"body-too-large"/);
  const chunk = `400\r\n${'x'.repeat(0x400)}\r\n`;
  const chunked = await rawExchange(port, [`${head}Transfer-Encoding: chunked\r\n\r\n`, chunk, chunk, chunk], {
    pauseMs: 20,
  });
  assert.match(chunked, /^HTTP\/1\.1 413 [\s\S]*"code":"body-too-large"/);
  const exact = JSON.stringify({ name: 'a', tags: ['x'.repeat(1000 - 24)] });
  assert.equal(Buffer.byteLength(exact), 1000);
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/things`, { method: 'POST', headers: json, body: exact });
  assert.equal(answer.status, 202);
});

test('a client that trickles its header or its body is cut off with 408', async (t) => {
  const { server } = serverWith(t, things, { limits: { headersMs: 400, requestMs: 800 } });
  const port = await listen(server);
  const startedAt = performance.now();
  const header = await rawExchange(
    port,
    ['GET / HTTP/1.1\r\n', ...Array.from({ length: 40 }, (_, i) => `X-${i}: 1\r\n`)],
    { pauseMs: 100 },
  );
  assert.match(header, /^HTTP\/1\.1 408 [\s\S]*application\/problem\+json/);
  const head =
    'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
  const body = await rawExchange(port, [head, ...Array.from({ length: 40 }, () => ' ')], { pauseMs: 100 });
  assert.match(body, /^HTTP\/1\.1 408 /);
  assert.ok(performance.now() - startedAt < 5000);
});

test('a connection on which nothing moves is closed', async (t) => {
  const { server } = serverWith(t, things, { limits: { idleMs: 300 } });
  const port = await listen(server);
  const startedAt = performance.now();
  assert.equal(await rawExchange(port, [], { waitMs: 4000 }), '');
  assert.ok(performance.now() - startedAt < 3000);
});

test('what is not HTTP is answered with a problem and the connection closed', async (t) => {
  const { server } = serverWith(t, things);
  const port = await listen(server);
  const garbage = await rawExchange(port, ['\x16\x03\x01 not http\r\n\r\n']);
  assert.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(garbage, /x-request-id: [0-9a-f]{16}-/);
  const { request_id, ...problem } = JSON.parse(garbage.split('\r\n\r\n')[1]!);
  assert.ok(garbage.includes(`x-request-id: ${request_id}\r\n`));
  const { title, detail } = errorTable['malformed-http'];
  assert.deepEqual(problem, {
    type: '/docs/errors#malformed-http',
    title,
    status: 400,
    detail,
    code: 'malformed-http',
  });
  const large = await rawExchange(port, [`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(40_000)}\r\n\r\n`]);
  assert.match(large, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n[\s\S]*"code":"header-too-large"/);
  const smuggled = await rawExchange(port, [
    'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ]);
  assert.match(smuggled, /^HTTP\/1\.1 400 /);
});

test('what Node would refuse with an empty answer is a problem with a request id, logged like every answer', async (t) => {
  const { server, lines } = serverWith(t, things);
  const port = await listen(server);
  const refused = async (head: string, status: string, code: string) => {
    const answer = await rawExchange(port, [`${head}\r\n\r\n`]);
    assert.ok(answer.startsWith(`HTTP/1.1 ${status}\r\n`), answer);
    assert.match(answer, /x-request-id: [0-9a-f]{16}-[\s\S]*content-type: application\/problem\+json/);
    assert.match(answer, /connection: close/i);
    const { code: told, detail, instance } = JSON.parse(answer.slice(answer.indexOf('{')));
    assert.deepEqual([told, detail, instance], [code, errorTable[code as ErrorCode].detail, '/api/v1/open']);
    assert.equal(lines.at(-1)?.code, code);
  };
  await refused('GET /api/v1/open HTTP/1.1', '400 Bad Request', 'malformed-http');
  await refused('GET /api/v1/open HTTP/1.1\r\nHost: x\r\nExpect: foo', '417 Expectation Failed', 'expectation-failed');

  const old = await rawExchange(port, ['GET /api/v1/open HTTP/1.0\r\nExpect: foo\r\n\r\n']);
  assert.match(old, /^HTTP\/1\.1 200 /);
  const head = 'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n';
  const continued = await rawExchange(
    port,
    [`${head}Expect: 100-Continue\r\nConnection: close\r\n\r\n`, '{"name":"a"}'],
    {
      pauseMs: 50,
    },
  );
  assert.match(continued, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 202 /);
});

test('a client that leaves in the middle of its body costs nothing and logs no error', async (t) => {
  const { server, lines } = serverWith(t, things);
  const port = await listen(server);
  const head =
    'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na';
  await rawExchange(port, [head], { waitMs: 100 });
  await new Promise((done) => setTimeout(done, 100));
  assert.deepEqual(
    lines.filter((line) => line.level === 'error'),
    [],
  );
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
});

test('many requests at once keep their ids and bodies apart', async (t) => {
  const { server } = serverWith(t, things);
  const port = await listen(server);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/things`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ name: `n${i}` }),
      });
      return { i, id: response.headers.get('x-request-id'), body: (await response.json()) as { name: string } };
    }),
  );
  assert.ok(answers.every(({ i, body }) => body.name === `n${i}`));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 200);
});

test('an answer whose header is not sent in time is a problem, what the route says later is dropped, and the connection goes on', async (t) => {
  const thing = slowThing();
  const { server, lines } = serverWith(
    t,
    (api) => {
      thing.routes(api);
      api.get('/fails-late', { config: { public: true } }, async () => {
        await new Promise((resolve) => setTimeout(resolve, 400));
        throw new Error('nobody is there any more');
      });
    },
    { limits: { answerMs: 200 } },
  );
  const port = await listen(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const { status, headers, body } = await get(agent, port, '/api/v1/slow');
  assert.deepEqual([status, JSON.parse(body).code, headers['retry-after']], [503, 'timeout', '5']);
  thing.letGo();
  assert.equal((await get(agent, port, '/api/v1/things')).status, 200);
  assert.equal((await get(agent, port, '/api/v1/fails-late')).status, 503);
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal((await get(agent, port, '/api/v1/things')).status, 200);
  assert.equal(lines.filter((line) => line.code === 'timeout').length, 2);
});

test('what has sent its header, an event stream or a download, is not timed, and neither is a body that comes slowly', async (t) => {
  const { server } = serverWith(
    t,
    (api) => {
      things(api);
      api.get('/stream', { config: { public: true } }, async (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let n = 0; n < 6; n += 1) {
          reply.raw.write(`data: ${n}\n\n`);
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        reply.raw.end();
      });
      api.get('/file', { config: { public: true } }, (_request, reply) => {
        async function* chunks() {
          for (let n = 0; n < 6; n += 1) {
            yield Buffer.from(String(n));
            await new Promise((resolve) => setTimeout(resolve, 100));
          }
        }
        return reply.type('application/octet-stream').send(ReadableStream.from(chunks()));
      });
    },
    { limits: { answerMs: 200 } },
  );
  const port = await listen(server);
  const text = async (path: string) => (await fetch(`http://127.0.0.1:${port}/api/v1${path}`)).text();
  const [stream, file] = await Promise.all([text('/stream'), text('/file')]);
  assert.match(stream, /data: 5\n\n$/);
  assert.equal(file, '012345');
  const head =
    'POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 12\r\n\r\n';
  const slowly = await rawExchange(port, [head, ...'{"name":"a"}'], { pauseMs: 50 });
  assert.match(slowly, /^HTTP\/1\.1 202 /);
});

test('a server that drains answers on the connections it has, ends each with its answer, leaves idle ones alone, and takes no other', async (t) => {
  const { server } = serverWith(t, things);
  const port = await listen(server);
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const idle = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => {
    kept.destroy();
    idle.destroy();
  });
  for (const agent of [kept, idle])
    assert.equal((await get(agent, port, '/api/v1/things')).headers.connection, 'keep-alive');
  let over = false;
  const drained = server.drain(60_000).then(() => {
    over = true;
  });
  await assert.rejects(get(new Agent(), port, '/api/v1/things'), { code: 'ECONNREFUSED' });
  const last = await get(kept, port, '/api/v1/things');
  assert.deepEqual([last.status, last.headers.connection], [200, 'close']);
  assert.equal(over, false, 'a client has not said anything yet');
  assert.equal((await get(idle, port, '/api/v1/things')).status, 200);
  await drained;
});

test('a connection that rests puts the end of draining off for no longer than the time that was set', async (t) => {
  const { server } = serverWith(t, things);
  const port = await listen(server);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  await get(agent, port, '/api/v1/things');
  const startedAt = performance.now();
  await server.drain(200);
  assert.ok(performance.now() - startedAt < 3000);
  await server.close();
});
