import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect as connectPlainly, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import type { Server, ServerLimits } from '#http/server.ts';
import { rawExchange, serverWith } from '../support/http-server.ts';
import { until } from '../support/task-world.ts';
import { slowThing, things } from '../support/thing-routes.ts';
import { askSecurely, certificate } from '../support/tls-files.ts';

/* What http-connections.test.ts asks of a server that speaks plain HTTP, where TLS makes a difference. */

const { key, cert } = certificate();

async function secured(
  t: TestContext,
  { register = things, limits }: { register?: typeof things; limits?: Partial<ServerLimits> } = {},
) {
  const { server } = serverWith(t, register, { tls: { certificate: cert, key }, ...(limits && { limits }) });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return { server, url, port: (server.server.address() as AddressInfo).port };
}

function connected(t: TestContext, port: number, options: tls.ConnectionOptions = {}): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port, ca: cert, servername: 'api', ...options });
  t.after(() => socket.destroy());
  return new Promise((resolve, reject) => socket.once('error', reject).once('secureConnect', () => resolve(socket)));
}

/** A connection whose client says nothing. */
async function silent(t: TestContext, server: Server, port: number): Promise<Socket> {
  const taken = once(server.server, 'connection');
  const socket = connectPlainly(port, '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  await taken;
  return socket;
}

const all = async (socket: Socket): Promise<string> => {
  let received = '';
  socket.setEncoding('latin1').on('data', (part) => {
    received += part;
  });
  await once(socket, 'close');
  return received;
};

test('with a certificate it is HTTPS, HTTP/1.1, and nothing else', async (t) => {
  const { url, port } = await secured(t);
  assert.match(url, /^https:\/\/127\.0\.0\.1:\d+$/);
  assert.equal((await askSecurely(url, cert, '/health')).status, 200);
  const { alpnProtocol } = await connected(t, port, { ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(alpnProtocol, 'http/1.1');
  assert.equal(await rawExchange(port, ['GET /health HTTP/1.1\r\nHost: x\r\n\r\n'], { waitMs: 60_000 }), '');
  assert.equal(await rawExchange(port, ['neither HTTP nor TLS'], { waitMs: 60_000 }), '');
});

test('TLS 1.1 is refused, whatever Node was started with, and 1.2 and 1.3 are spoken', async (t) => {
  const before = [tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] as const;
  t.after(() => ([tls.DEFAULT_MIN_VERSION, tls.DEFAULT_CIPHERS] = before));
  tls.DEFAULT_MIN_VERSION = 'TLSv1';
  tls.DEFAULT_CIPHERS = 'DEFAULT@SECLEVEL=0';
  const { port } = await secured(t);
  await assert.rejects(connected(t, port, { maxVersion: 'TLSv1.1' }), /alert protocol version/);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    assert.equal((await connected(t, port, { minVersion: version, maxVersion: version })).getProtocol(), version);
});

test('a client that never agrees on TLS is cut off as one that never ends its header', async (t) => {
  const { server, port } = await secured(t, { limits: { headersMs: 300 } });
  assert.equal(await all(await silent(t, server, port)), '');
});

test('the limits on slow and idle clients hold below TLS as above it', async (t) => {
  const { port } = await secured(t, { limits: { headersMs: 300 } });
  const slow = await connected(t, port);
  slow.write('GET / HTTP/1.1\r\nX-');
  assert.match(await all(slow), /^HTTP\/1\.1 408 [\s\S]*"code":"request-timeout"/);
  const idle = await connected(t, (await secured(t, { limits: { idleMs: 300 } })).port);
  assert.equal(await all(idle), '');
  const malformed = await connected(t, port);
  malformed.write('nonsense\r\n\r\n');
  assert.match(await all(malformed), /^HTTP\/1\.1 400 [\s\S]*"code":"malformed-http"/);
});

test('a server that closes finishes what it has begun; what has not even agreed on TLS ends when it is cut off', async (t) => {
  const thing = slowThing();
  // A handshake may take a minute: it is not that time which ends it.
  const { server, url, port } = await secured(t, { register: thing.routes, limits: { headersMs: 60_000 } });
  const slow = askSecurely(url, cert, '/api/v1/slow');
  await thing.begun;
  const nothing = await silent(t, server, port);
  let over = false;
  const closed = server.close().then(() => {
    over = true;
  });
  await until(() => !server.server.listening);
  thing.letGo();
  assert.equal((await slow).status, 200);
  await sleep(100);
  assert.equal(over, false);
  server.cutOff();
  await closed;
  assert.equal(nothing.destroyed || (await once(nothing, 'close')) !== undefined, true);
});

test('a server that drains ends connections with their next answer', async (t) => {
  const { server, port } = await secured(t);
  const kept = await connected(t, port);
  const drained = server.drain(60_000);
  kept.write('GET /api/v1/things HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(await all(kept), /^HTTP\/1\.1 200 [\s\S]*connection: close/i);
  await drained;
});

test('another certificate is shown from the next connection on, one that cannot be used is not', async (t) => {
  const { server, url, port } = await secured(t);
  const kept = await connected(t, port);
  const next = certificate();
  server.renew({ certificate: next.cert, key: next.key });
  await assert.rejects(askSecurely(url, cert, '/health'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
  assert.equal((await askSecurely(url, next.cert, '/health')).status, 200);
  assert.throws(() => server.renew({ certificate: cert, key: next.key }));
  assert.equal((await askSecurely(url, next.cert, '/health')).status, 200);
  kept.write('GET /api/v1/things HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  assert.match(await all(kept), /^HTTP\/1\.1 200 /);
});
