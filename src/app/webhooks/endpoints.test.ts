import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WebhookEndpoint } from '#domain/webhook/model.ts';
import type { Page, Stored } from '#ports/storage.ts';
import { createWebhookEndpoints } from './endpoints.ts';

test('what another process changed is seen within a second, also when the clock was set back meanwhile', async () => {
  let now = 86_400_000;
  const kept: Stored<'endpoint'>[] = [];
  const endpoints = createWebhookEndpoints({
    storage: { list: (async () => ({ items: [...kept], next: undefined })) as never } as never,
    clock: { now: () => now },
  } as never);
  assert.equal(await endpoints.wants('response.accepted'), false);
  kept.push({ revision: 1, doc: { id: 'whe_1', events: [], formIds: [], status: 'active' } as never });
  assert.equal(await endpoints.wants('response.accepted'), false, 'not asked again yet');
  now = 3_600_000;
  assert.equal(await endpoints.wants('response.accepted'), true);
});

test('a read that began before an endpoint was made does not hide it from what happens next', async () => {
  const kept: Stored<'endpoint'>[] = [];
  const slow = Promise.withResolvers<Page<'endpoint'>>();
  let reads = 0;
  const endpoints = createWebhookEndpoints({
    storage: {
      // The first read sees the store as it was, and is answered late.
      list: (() => (reads++ === 0 ? slow.promise : Promise.resolve({ items: [...kept], next: undefined }))) as never,
      get: () => assert.fail('not asked for'),
      async commit({ change }) {
        if (change.op === 'insert') kept.push({ revision: 1, doc: change.doc as WebhookEndpoint });
        return { outcome: 'committed', revision: 1 };
      },
    },
    transport: { checkUrl: async (url) => ({ ok: true, url }) as never },
    keyRing: { seal: (_purpose, text) => String(text), open: () => undefined },
    clock: { now: () => 1_000 },
    ids: { next: () => 'whe_1', randomBytes: (size: number) => new Uint8Array(size), chance: () => 0.5 } as never,
    audit: () => ({}) as never,
    offer() {},
  });
  const early = endpoints.wants('response.accepted');
  await endpoints.create({ actor: { kind: 'system', id: 'test' } }, { url: 'https://example.org/' });
  slow.resolve({ items: [], next: undefined });
  assert.equal(await early, false);
  assert.equal(await endpoints.wants('response.accepted'), true);
});
