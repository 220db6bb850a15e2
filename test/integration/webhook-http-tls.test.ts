import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { createWebhookHttp } from '../../src/adapters/webhook-http/webhook-http.ts';
import { listening } from '../support/listening.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';

const request = { headers: { 'webhook-id': 'evt_1' }, body: '{"a":1}' };

/** Every name leads to this machine. */
const named = createWebhookHttp({
  allow: ['127.0.0.0/8'],
  resolve: async () => [{ address: '127.0.0.1', family: 4 }],
});

/** A certificate for hook.example, valid between two days counted from now. */
function certificate(days: { fromDay: number; toDay: number }) {
  const at = (day: number) => new Date(Date.now() + day * 86_400_000);
  return selfSignedCertificate({ names: ['hook.example'], notBefore: at(days.fromDay), notAfter: at(days.toDay) });
}

/** Trusts certificates until the test ends. */
function trust(t: TestContext, ...certificates: string[]): void {
  const before = getCACertificates('default');
  t.after(() => setDefaultCACertificates(before));
  setDefaultCACertificates([...before, ...certificates]);
}

test('TLS is verified: trust, name and dates, whatever the environment says', async (t) => {
  const good = certificate({ fromDay: -1, toDay: 1 });
  const expired = certificate({ fromDay: -2, toDay: -1 });
  const serverNames: unknown[] = [];
  let requests = 0;
  const secured = (pair: { key: string; cert: string }) => {
    const server = createSecureServer(pair, (_incoming, response) => {
      requests++;
      response.end('over TLS');
    });
    server.on('secureConnection', (socket) => serverNames.push(socket.servername));
    return listening(t, server);
  };
  const goodPort = await secured(good);
  const expiredPort = await secured(expired);
  const sent = (url: string) => named.send({ ...request, url, timeoutMs: 3000 });

  const environment = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  t.after(() => {
    if (environment === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = environment;
  });
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

  const untrusted = await sent(`https://hook.example:${goodPort}/`);
  assert.equal(untrusted.kind === 'tls' && untrusted.detail, 'DEPTH_ZERO_SELF_SIGNED_CERT in the TLS handshake');

  trust(t, good.cert, expired.cert);
  const otherName = await sent(`https://other.example:${goodPort}/`);
  assert.equal(otherName.kind === 'tls' && otherName.detail, 'ERR_TLS_CERT_ALTNAME_INVALID in the TLS handshake');
  const tooOld = await sent(`https://hook.example:${expiredPort}/`);
  assert.equal(tooOld.kind === 'tls' && tooOld.detail, 'CERT_HAS_EXPIRED in the TLS handshake');
  assert.equal(requests, 0, 'nothing was sent before the certificate was verified');

  const trusted = await sent(`https://hook.example:${goodPort}/`);
  assert.equal(trusted.kind === 'http-status' && trusted.answer, 'over TLS');
  assert.equal(serverNames.at(-1), 'hook.example');
});

test('a receiver that wants a certificate from us is a tls failure, though it complains late', async (t) => {
  const pair = certificate({ fromDay: -1, toDay: 1 });
  const options = { ...pair, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' } as const;
  const port = await listening(
    t,
    createSecureServer(options, (_incoming, response) => response.end()),
  );
  trust(t, pair.cert);
  const outcome = await named.send({ ...request, url: `https://hook.example:${port}/`, timeoutMs: 3000 });
  assert.equal(outcome.kind, 'tls', JSON.stringify(outcome));
});

test('a port that speaks no TLS is a tls failure, one that says nothing a timeout', async (t) => {
  const plain = await listening(
    t,
    createServer((_incoming, response) => response.end()),
  );
  const outcome = await named.send({ ...request, url: `https://hook.example:${plain}/`, timeoutMs: 3000 });
  assert.equal(outcome.kind, 'tls', JSON.stringify(outcome));
  const silent = await listening(t, createTcpServer());
  const waited = await named.send({ ...request, url: `https://hook.example:${silent}/`, timeoutMs: 200 });
  assert.equal(waited.kind === 'timeout' && waited.detail, 'over 200 ms in the TLS handshake');
});
