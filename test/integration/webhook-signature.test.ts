import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { createWebhookHttp } from '../../src/adapters/webhook-http/webhook-http.ts';
import { eventBody } from '../../src/domain/webhook/model.ts';
import { newSecret, rotationOverlapMs, type SigningSecret } from '../../src/domain/webhook/secret.ts';
import { signedHeaders } from '../../src/domain/webhook/signature.ts';
import { listening } from '../support/listening.ts';

type Headers = Record<string, string>;
type Verifies = (secret: string, body: string, headers: Headers) => boolean;

const throwsOf = (verify: () => unknown) => {
  try {
    verify();
    return false;
  } catch {
    return true;
  }
};

/** What receivers use: the two packages, and the function that our reference page prints. */
const receivers: [name: string, verifies: Verifies][] = [
  ['standardwebhooks', (secret, body, headers) => !throwsOf(() => new StandardWebhook(secret).verify(body, headers))],
  ['svix', (secret, body, headers) => !throwsOf(() => new SvixWebhook(secret).verify(body, headers))],
  ['the reference page', await documentedVerifier()],
];

async function documentedVerifier(): Promise<Verifies> {
  const page = await readFile(new URL('../../docs/reference/webhooks.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```js\n([\s\S]*?)\n```/g)].map(([, block = '']) => block);
  const code = blocks.find((block) => block.includes('export function isGenuine'));
  assert.ok(code, 'the page prints a function isGenuine');
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { isGenuine: Verifies };
  return module.isGenuine;
}

const secret = newSecret(randomBytes(32));
const stranger = newSecret(randomBytes(32));
const id = 'evt_0198c1f2';
const body = eventBody('response.accepted', Date.UTC(2026, 0, 15, 12), {
  text: 'Grüße, 🌲 "quoted" \u2028 1.0',
});
const signed = (now: number, secrets: SigningSecret[] = [{ secret }]) => signedHeaders({ id, body, secrets, now });

for (const [name, verifies] of receivers) {
  test(`${name} accepts our signature, with a key of any permitted length`, () => {
    for (const bytes of [24, 25, 32, 48, 64]) {
      const key = newSecret(randomBytes(bytes));
      assert.equal(verifies(key, body, signed(Date.now(), [{ secret: key }])), true, `${bytes} bytes`);
    }
  });

  test(`${name} accepts a retry: the same id and body, signed at another time`, () => {
    const first = signed(Date.now() - 250_000);
    const later = signed(Date.now());
    assert.equal(first['webhook-id'], later['webhook-id']);
    assert.notEqual(first['webhook-signature'], later['webhook-signature']);
    assert.equal(verifies(secret, body, first), true);
    assert.equal(verifies(secret, body, later), true);
  });

  test(`${name} refuses a body that was changed, be it by one space`, () => {
    const headers = signed(Date.now());
    for (const changed of [`${body} `, body.replace(':', ': '), body.replace('accepted', 'erased'), '', '{}']) {
      assert.equal(verifies(secret, changed, headers), false, changed);
    }
  });

  test(`${name} refuses another id, time, signature or secret`, () => {
    const headers = signed(Date.now());
    const other = signedHeaders({ id, body, secrets: [{ secret: stranger }], now: Date.now() });
    const changes: Partial<Headers>[] = [
      { 'webhook-id': 'evt_0198c1f3' },
      { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) + 1) },
      { 'webhook-signature': other['webhook-signature'] },
      { 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v1a,') },
      { 'webhook-signature': '' },
    ];
    for (const change of changes) {
      assert.equal(verifies(secret, body, { ...headers, ...change } as Headers), false, JSON.stringify(change));
    }
    assert.equal(verifies(stranger, body, headers), false);
  });

  test(`${name} refuses a request from more than five minutes ago or ahead`, () => {
    assert.equal(verifies(secret, body, signed(Date.now() - 310_000)), false);
    assert.equal(verifies(secret, body, signed(Date.now() + 310_000)), false);
  });

  test(`${name} accepts either secret during a rotation and only the new one after it`, () => {
    const now = Date.now();
    const fresh = newSecret(randomBytes(32));
    const rotated = (rotatedAt: number) => [{ secret: fresh }, { secret, validUntil: rotatedAt + rotationOverlapMs }];
    const during = signed(now, rotated(now - 60_000));
    assert.equal(during['webhook-signature'].split(' ').length, 2);
    assert.equal(verifies(fresh, body, during), true);
    assert.equal(verifies(secret, body, during), true);
    assert.equal(verifies(stranger, body, during), false);

    const after = signed(now, rotated(now - rotationOverlapMs));
    assert.equal(verifies(fresh, body, after), true);
    assert.equal(verifies(secret, body, after), false);
  });

  test(`${name} accepts what our transport delivers over a socket`, async (t) => {
    let seen: { body: string; headers: IncomingHttpHeaders } | undefined;
    const server = createServer(async (incoming, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      seen = { body: Buffer.concat(chunks).toString(), headers: incoming.headers };
      response.end();
    });
    const url = `http://127.0.0.1:${await listening(t, server)}/`;
    const outcome = await createWebhookHttp({ allow: ['127.0.0.0/8'] }).send({
      url,
      headers: signed(Date.now()),
      body,
    });
    assert.equal(outcome.kind === 'http-status' && outcome.status, 200);
    assert.ok(seen);
    assert.equal(verifies(secret, seen.body, seen.headers as Headers), true);
  });
}
