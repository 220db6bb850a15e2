import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { formstead } from '../support/command-line.ts';
import { listening } from '../support/listening.ts';
import { certificate } from '../support/tls-files.ts';

/** Answers every request with the status that the path names, such as `/503`. */
async function answering(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    const status = request.url === '/health/ready' ? 200 : Number(request.url?.slice(1));
    response.writeHead(status).end('{"status":"as asked"}\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('health ends with 0 when the process at the metrics port is ready', async (t) => {
  const port = await answering(t);
  const { code, stdout } = await formstead(['health'], { FORMSTEAD_METRICS_PORT: String(port) });
  assert.deepEqual([code, stdout], [0, '{"status":"as asked"}\n']);
});

test('health ends with 1 and says what was answered when it is not', async (t) => {
  const port = await answering(t);
  const { code, stderr } = await formstead(['health', '--url', `http://127.0.0.1:${port}/503`]);
  assert.equal(code, 1);
  assert.match(stderr, /503 \{"status":"as asked"\}/);
});

test('over HTTPS health takes whatever certificate this machine shows, and no other machine’s but a good one', async (t) => {
  const { key, cert } = certificate();
  const server = createSecureServer({ key, cert }, (_request, response) => response.end('{"status":"ready"}\n'));
  const port = await listening(t, server, '0.0.0.0');
  const here = await formstead(['health', '--url', `https://127.0.0.1:${port}/`]);
  assert.deepEqual([here.code, here.stdout], [0, '{"status":"ready"}\n']);
  // It leads here as well, and is not known to.
  const there = await formstead(['health', '--url', `https://0.0.0.0:${port}/`]);
  assert.equal(there.code, 1);
  assert.match(there.stderr, /self-signed certificate/);
});

test('health ends with 1 when nobody listens, and when the address is none', async () => {
  const [nobody, nonsense] = await Promise.all([
    formstead(['health', '--url', 'http://127.0.0.1:9/']),
    formstead(['health', '--url', 'nonsense']),
  ]);
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /ECONNREFUSED/);
  assert.equal(nonsense.code, 1);
  assert.match(nonsense.stderr, /Invalid URL/);
});
