import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Sent, sendAll } from './senders.ts';

const receipt = { chain: 'chn_1', seq: 1, sha256: 'of it' };
const accept = (response: ServerResponse) =>
  response.writeHead(202).end(JSON.stringify({ response_id: 'rsp_1', receipt }));

/** Answers one request after another as the test says; tells of each its key and when it came. */
async function serverThat(t: TestContext, answers: ((response: ServerResponse) => void)[]) {
  const came: { key: unknown; at: number }[] = [];
  const server = createServer((request, response) => {
    came.push({ key: request.headers['idempotency-key'], at: performance.now() });
    request.resume().once('end', () => answers[came.length - 1]!(response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  return { came, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function sendOne(url: string): Promise<Sent[]> {
  const sent: Sent[] = [];
  const jobs = [{ path: '/', body: '{}', key: 'the key', place: 0 }];
  await sendAll({ url: () => url, jobs, clients: 2, onAccepted: (one) => void sent.push(one) });
  return sent;
}

test('who is too quick waits as long as it is told, and sends the same again', async (t) => {
  const { url, came } = await serverThat(t, [
    (response) => response.writeHead(429, { 'retry-after': '1' }).end(),
    (response) => response.destroy(),
    (response) => response.writeHead(503).end(),
    accept,
  ]);
  const [sent] = await sendOne(url);
  assert.deepEqual([sent?.responseId, sent?.receipt, sent?.tries], ['rsp_1', receipt, 4]);
  assert.deepEqual([...new Set(came.map(({ key }) => key))], ['the key']);
  // A timer may come a little early.
  assert.ok(came[1]!.at - came[0]!.at > 990);
});

test('what is refused for good is not sent again', async (t) => {
  const { url, came } = await serverThat(t, [(response) => response.writeHead(422).end('wrong')]);
  await assert.rejects(sendOne(url), /refused the key: 422 wrong/);
  assert.equal(came.length, 1);
});
