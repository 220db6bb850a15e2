import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Resolve } from '../../src/adapters/webhook-http/target.ts';
import { createWebhookHttp } from '../../src/adapters/webhook-http/webhook-http.ts';
import { listening } from '../support/listening.ts';
import { until } from '../support/task-world.ts';

const local = createWebhookHttp({ allow: ['127.0.0.0/8'] });
const request = { headers: { 'webhook-id': 'evt_1' }, body: '{"a":1}' };

async function served(t: TestContext, listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${await listening(t, createServer(listener))}/hook`;
}

/** A server that answers every connection with raw bytes and leaves it open. */
async function servedRaw(t: TestContext, onRequest: (socket: Socket) => void): Promise<string> {
  const server = createTcpServer((socket) => socket.once('data', () => onRequest(socket)));
  return `http://127.0.0.1:${await listening(t, server)}/hook`;
}

test('a request arrives byte for byte, with its headers and no others that matter', async (t) => {
  let seen: { method?: string; url?: string; headers: Record<string, unknown>; body: string } | undefined;
  const url = await served(t, async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method, url: path, headers } = incoming;
    seen = { method, url: path, headers, body: Buffer.concat(chunks).toString() };
    response.end('thanks');
  });
  const body = '{ "name" : "Łukasz 🌲",  "a":1.0 }\n';
  const outcome = await local.send({ url: `${url}?key=a%20b`, headers: { 'webhook-id': 'evt_1' }, body });
  assert.equal(seen?.method, 'POST');
  assert.equal(seen?.url, '/hook?key=a%20b');
  assert.equal(seen?.body, body);
  assert.deepEqual(seen?.headers, {
    'content-type': 'application/json',
    'user-agent': 'Formstead',
    'accept-encoding': 'identity',
    'webhook-id': 'evt_1',
    'content-length': String(Buffer.byteLength(body)),
    host: new URL(url).host,
    connection: 'close',
  });
  assert.ok(outcome.durationMs >= 0 && outcome.durationMs < 5000);
  assert.deepEqual(
    { ...outcome, durationMs: 0 },
    {
      kind: 'http-status',
      status: 200,
      answer: 'thanks',
      answerCut: false,
      durationMs: 0,
    },
  );
});

test('bytes are sent as they are, also those that are no UTF-8', async (t) => {
  let seen: Buffer | undefined;
  const url = await served(t, async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    seen = Buffer.concat(chunks);
    response.end();
  });
  const body = Uint8Array.from({ length: 256 }, (_, index) => index);
  await local.send({ ...request, url, body });
  assert.deepEqual([...(seen ?? [])], [...body]);
});

test('every status is an outcome, and Retry-After comes along unless it was a success', async (t) => {
  const url = await served(t, (incoming, response) => {
    response.writeHead(Number(incoming.url?.split('=')[1]), { 'retry-after': '120' }).end('said');
  });
  for (const status of [200, 204, 400, 404, 410, 429, 500, 503]) {
    const outcome = await local.send({ ...request, url: `${url}?status=${status}` });
    assert.equal(outcome.kind === 'http-status' && outcome.status, status);
    const expected = status < 300 ? undefined : '120';
    assert.equal(outcome.kind === 'http-status' && outcome.retryAfter, expected, String(status));
  }
});

test('a redirect is an outcome and is not followed', async (t) => {
  let requests = 0;
  const elsewhere = await served(t, (_incoming, response) => {
    requests++;
    response.end();
  });
  for (const status of [301, 302, 303, 307, 308]) {
    const url = await served(t, (_incoming, response) => {
      response.writeHead(status, { location: elsewhere }).end();
    });
    const outcome = await local.send({ ...request, url });
    assert.equal(outcome.kind === 'http-status' && outcome.status, status);
  }
  assert.equal(requests, 0);
});

test('an answer that keeps dripping is cut at the time limit', async (t) => {
  const url = await served(t, (_incoming, response) => {
    response.writeHead(200);
    const drip = setInterval(() => response.write('.'), 20);
    response.on('close', () => clearInterval(drip));
  });
  const outcome = await local.send({ ...request, url, timeoutMs: 300 });
  assert.equal(outcome.kind, 'timeout');
  assert.equal(outcome.kind === 'timeout' && outcome.detail, 'over 300 ms while reading the answer');
  assert.ok(outcome.durationMs >= 290 && outcome.durationMs < 1500, `${outcome.durationMs} ms`);
});

test('headers that keep dripping are cut at the time limit', async (t) => {
  const url = await servedRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const drip = setInterval(() => socket.write('x-drip: 1\r\n'), 20);
    socket.on('close', () => clearInterval(drip));
  });
  const outcome = await local.send({ ...request, url, timeoutMs: 300 });
  assert.equal(outcome.kind === 'timeout' && outcome.detail, 'over 300 ms while waiting for the answer');
  assert.ok(outcome.durationMs < 1500, `${outcome.durationMs} ms`);
});

test('interim answers without end are cut at the time limit', async (t) => {
  const url = await servedRaw(t, (socket) => {
    const drip = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 20);
    socket.on('close', () => clearInterval(drip));
  });
  assert.equal((await local.send({ ...request, url, timeoutMs: 300 })).kind, 'timeout');
});

test('a server that never answers is cut at the time limit and its connection closed', {
  timeout: 10_000,
}, async (t) => {
  const closed = Promise.withResolvers<void>();
  const url = await servedRaw(t, (socket) => socket.on('close', closed.resolve));
  assert.equal((await local.send({ ...request, url, timeoutMs: 200 })).kind, 'timeout');
  await closed.promise;
});

test('the time limit also holds for a receiver that does not take the body', async (t) => {
  const server = createTcpServer((socket) => socket.pause());
  const url = `http://127.0.0.1:${await listening(t, server)}/`;
  const outcome = await local.send({ ...request, url, body: 'x'.repeat(20_000_000), timeoutMs: 300 });
  assert.equal(outcome.kind, 'timeout');
});

test('of a huge answer 64 kB are read, 1 kB is kept, and the connection is dropped', { timeout: 10_000 }, async (t) => {
  let written = 0;
  let dropped: (() => void) | undefined;
  const whenDropped = new Promise<void>((resolve) => {
    dropped = resolve;
  });
  const url = await served(t, (_incoming, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(16_384, 'x');
    const pour = () => {
      while (!response.destroyed && response.write(chunk)) written += chunk.length;
      written += chunk.length;
    };
    response.on('drain', pour);
    response.on('close', () => dropped?.());
    pour();
  });
  const outcome = await local.send({ ...request, url });
  await whenDropped;
  assert.equal(outcome.kind, 'http-status');
  assert.deepEqual(
    { ...outcome, durationMs: 0 },
    {
      kind: 'http-status',
      status: 200,
      answer: 'x'.repeat(1024),
      answerCut: true,
      durationMs: 0,
    },
  );
  // What the two kernels buffer comes on top of the 64 kB.
  assert.ok(written < 20_000_000, `${written} bytes were poured out`);
});

test('an answer of exactly the limit is whole', async (t) => {
  const transport = createWebhookHttp({ allow: ['127.0.0.0/8'], maxAnswerBytes: 5000, keepBytes: 10 });
  const url = await served(t, (incoming, response) => {
    response.end('y'.repeat(Number(incoming.url?.split('=')[1])));
  });
  const cut = async (bytes: number) => {
    const outcome = await transport.send({ ...request, url: `${url}?bytes=${bytes}` });
    assert.equal(outcome.kind === 'http-status' && outcome.answer, 'y'.repeat(10));
    return outcome.kind === 'http-status' && outcome.answerCut;
  };
  assert.equal(await cut(5000), false);
  assert.equal(await cut(5001), true);
});

test('what is kept of an answer is harmless text, cut between characters', async (t) => {
  const answers: Record<string, string | Buffer> = {
    '/long': 'ä'.repeat(511) + '🌲'.repeat(400),
    '/escape': 'a\u001b[2Jb\u0000c\td\r\ne\u009bf',
    '/gzip': gzipSync('not decoded'),
  };
  const base = await served(t, (incoming, response) => {
    response.end(answers[incoming.url ?? '']);
  });
  const answerTo = async (path: string) => {
    const outcome = await local.send({ ...request, url: new URL(path, base).href });
    return outcome.kind === 'http-status' ? outcome.answer : '';
  };
  assert.equal(await answerTo('/long'), 'ä'.repeat(511));
  assert.equal(await answerTo('/escape'), 'a\ufffd[2Jb\ufffdc\td\r\ne\ufffdf');
  const gzip = await answerTo('/gzip');
  assert.ok(gzip.length > 0 && !gzip.includes('decoded') && !gzip.includes('\u0000'));
});

test('a connection that is refused or reset at any point is a connect failure', async (t) => {
  // Nobody listens on a port that was just given back.
  const refused = await new Promise<string>((resolve) => {
    const server = createTcpServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(`http://127.0.0.1:${port}/`));
    });
  });
  const reset = await servedRaw(t, (socket) => socket.resetAndDestroy());
  const ended = await servedRaw(t, (socket) => socket.end());
  const half = await servedRaw(t, (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'));
  const switching = await servedRaw(t, (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  );
  const badChunk = await servedRaw(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n'),
  );
  for (const url of [refused, reset, ended, half, switching, badChunk]) {
    const outcome = await local.send({ ...request, url, timeoutMs: 3000 });
    assert.equal(outcome.kind, 'connect', JSON.stringify(outcome));
  }
});

test('an answer that is not HTTP is a protocol failure, headers without measure too', async (t) => {
  const nonsense = await servedRaw(t, (socket) => socket.write('220 mail.example ESMTP ready\r\n'));
  const endless = await servedRaw(t, (socket) =>
    socket.write(`HTTP/1.1 200 OK\r\nx-much: ${'x'.repeat(200_000)}\r\n\r\n`),
  );
  for (const url of [nonsense, endless]) {
    const outcome = await local.send({ ...request, url, timeoutMs: 3000 });
    assert.equal(outcome.kind, 'protocol', JSON.stringify(outcome));
  }
});

test('the caller can stop a request, before it begins and while it runs', async (t) => {
  const running = new AbortController();
  const url = await servedRaw(t, () => running.abort());
  const before = await local.send({ ...request, url, signal: AbortSignal.abort() });
  assert.equal(before.kind, 'cancelled');
  const during = await local.send({ ...request, url, signal: running.signal });
  assert.deepEqual(
    { ...during, durationMs: 0 },
    {
      kind: 'cancelled',
      detail: 'stopped while waiting for the answer',
      durationMs: 0,
    },
  );
});

test('headers that HTTP cannot carry are an error of ours, not an outcome', async (t) => {
  const url = await served(t, (_incoming, response) => response.end());
  await assert.rejects(local.send({ ...request, url, headers: { 'webhook-id': 'a\r\nhost: evil' } }), {
    code: 'ERR_INVALID_CHAR',
  });
});

test('without a listed network nothing on this machine receives a byte', async (t) => {
  let connections = 0;
  const server = createTcpServer(() => connections++);
  const port = await listening(t, server);
  const closed = createWebhookHttp({ allow: [] });
  for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', '0', '[::]']) {
    for (const scheme of ['http', 'https']) {
      const outcome = await closed.send({ ...request, url: `${scheme}://${host}:${port}/`, timeoutMs: 2000 });
      assert.equal(outcome.kind, 'refused-by-guard', `${scheme}://${host}`);
    }
  }
  assert.equal(connections, 0);
  // The same server is reached when its network is listed: the guard made the difference.
  await local.send({ ...request, url: `http://127.0.0.1:${port}/`, timeoutMs: 200 });
  assert.equal(connections, 1);
});

test('a name that changes its address between check and connection is connected to where it was checked', async (t) => {
  const hits: string[] = [];
  const answering = (where: string) =>
    createServer((_incoming, response) => {
      hits.push(where);
      response.end(where);
    });
  const port = await listening(t, answering('listed'), '127.0.0.2');
  await listening(t, answering('forbidden'), '127.0.0.1', port);
  let lookups = 0;
  const flipping: Resolve = async () => [{ address: lookups++ % 2 === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }];
  const transport = createWebhookHttp({ allow: ['127.0.0.2/32'], resolve: flipping });
  const url = `http://rebind.example:${port}/`;

  const first = await transport.send({ ...request, url });
  assert.equal(first.kind === 'http-status' && first.answer, 'listed');
  assert.equal(lookups, 1, 'one request looks the name up once');

  const second = await transport.send({ ...request, url });
  assert.equal(second.kind, 'refused-by-guard');
  assert.deepEqual(hits, ['listed']);
});

test('a second address is tried when the first does not answer, and only checked ones are', async (t) => {
  const port = await listening(
    t,
    createServer((_incoming, response) => response.end('reached')),
    '127.0.0.3',
  );
  const resolve: Resolve = async () => [
    { address: '127.0.0.2', family: 4 },
    { address: '127.0.0.3', family: 4 },
  ];
  const url = `http://two.example:${port}/`;
  const both = createWebhookHttp({ allow: ['127.0.0.2', '127.0.0.3'], resolve });
  const outcome = await both.send({ ...request, url });
  assert.equal(outcome.kind === 'http-status' && outcome.answer, 'reached');
  const one = createWebhookHttp({ allow: ['127.0.0.3'], resolve });
  assert.equal((await one.send({ ...request, url })).kind, 'refused-by-guard');
});

test('the Host header keeps the name although the connection goes to the checked address', async (t) => {
  let host: string | undefined;
  const port = await listening(
    t,
    createServer((incoming, response) => {
      host = incoming.headers.host;
      response.end();
    }),
  );
  const resolve: Resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  const transport = createWebhookHttp({ allow: ['127.0.0.0/8'], resolve });
  await transport.send({ ...request, url: `http://hook.example:${port}/` });
  assert.equal(host, `hook.example:${port}`);
});

test('a hundred requests leave no connection and no timer behind', { timeout: 10_000 }, async (t) => {
  let open = 0;
  const server = createServer((_incoming, response) => response.end('ok'));
  server.on('connection', (socket) => {
    open++;
    socket.on('close', () => open--);
  });
  const port = await listening(t, server);
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;
  const timersBefore = timers();
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () => local.send({ ...request, url: `http://127.0.0.1:${port}/` })),
  );
  assert.ok(outcomes.every((outcome) => outcome.kind === 'http-status' && outcome.status === 200));
  await until(() => open === 0);
  assert.ok(timers() <= timersBefore, `${timers()} timers, ${timersBefore} before`);
});
