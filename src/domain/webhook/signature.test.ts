import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSecret } from './secret.ts';
import { signedHeaders } from './signature.ts';

// That receivers can verify these headers is tested with the packages they use, in test/integration/webhook-signature.test.ts.

const secret = newSecret(new Uint8Array(24).fill(1));
const former = newSecret(new Uint8Array(24).fill(2));
const input = { id: 'evt_1', body: '{"a":1}', secrets: [{ secret }], now: 1_700_000_000_999 };

test('the time of the attempt is signed in whole seconds, rounded down', () => {
  assert.equal(signedHeaders(input)['webhook-timestamp'], '1700000000');
});

test('another id, time, body or secret makes another signature', () => {
  const changes = [
    {},
    { id: 'evt_2' },
    { now: input.now + 1000 },
    { body: '{"a":2}' },
    { body: '{"a": 1}' },
    { secrets: [{ secret: former }] },
  ];
  const signatures = changes.map((change) => signedHeaders({ ...input, ...change })['webhook-signature']);
  assert.equal(new Set(signatures).size, changes.length);
});

test('a text and its UTF-8 bytes are signed alike', () => {
  const body = '{"name":"Łukasz 🌲"}';
  assert.deepEqual(signedHeaders({ ...input, body: Buffer.from(body) }), signedHeaders({ ...input, body }));
});

test('a former secret signs until its end and not from then on', () => {
  const secrets = [{ secret }, { secret: former, validUntil: 5000 }];
  const signatures = (now: number) => signedHeaders({ ...input, secrets, now })['webhook-signature'].split(' ');
  assert.equal(signatures(4999).length, 2);
  assert.equal(signatures(5000).length, 1);
});

test('an id that could be mistaken for id and time is not signed', () => {
  for (const id of ['', 'evt.1', 'evt 1', 'evt_1\n', 'é', 'a'.repeat(129)]) {
    assert.throws(() => signedHeaders({ ...input, id }), RangeError, JSON.stringify(id));
  }
});

test('nothing leaves unsigned: no valid secret or a malformed one is an error', () => {
  assert.throws(() => signedHeaders({ ...input, secrets: [] }), RangeError);
  assert.throws(() => signedHeaders({ ...input, secrets: [{ secret, validUntil: input.now }] }), RangeError);
  assert.throws(() => signedHeaders({ ...input, secrets: [{ secret: 'whsec_short' }] }), RangeError);
});
