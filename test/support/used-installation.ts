import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { createUseCases, openAdapters, openLog } from '../../src/compose.ts';
import { permissions } from '../../src/domain/actor.ts';
import { served } from './command-line.ts';
import { admin, configOf, eventually, request, testEnvironment, tokenOf } from './program.ts';
import { startReceiver } from './receiver.ts';

export type UsedInstallation = {
  dir: string;
  env: Record<string, string>;
  form: string;
  /** An API token that may do everything. */
  token: string;
  refreshToken: string;
  /** What was sent with this key, and the answer. */
  keyed: { key: string; body: object; answer: object };
  /** Kept, but its key is forgotten. */
  forgottenKey: { key: string; body: object; responseId: string };
  /** The running task's id, and the dead letter's. */
  running: string;
  dead: string;
  /** Lets the receiver that has kept silent answer from now on. */
  answerAll(): void;
};

const examples = new URL('../../examples/support-request/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, examples), 'utf8');

/**
 * An embedded installation, stopped by SIGKILL, that holds documents of every kind and tasks in every state: forms, `count` responses with and without keys,
 * labelled and reviewed, deliveries that are made, refused, cancelled and tried again, a dead letter, a running task, exports, users, tokens, a sealed audit log.
 */
export async function usedInstallation(t: TestContext, dir: string, count: number): Promise<UsedInstallation> {
  const env = testEnvironment(dir, { FORMSTEAD_WEBHOOK_ALLOW: '127.0.0.0/8' });
  const server = await served(t, env);
  const token = await tokenOf(server.url, admin);
  const call = async (method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const answer = await request(server.url, method, path, { token, body, headers });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    return answer.body;
  };
  const form = await publishForms(call);
  const people = await makePeople(call, server.url);
  const hooks = await makeEndpoints(t, call);

  const submit = (body: object, key?: string) =>
    call('POST', `/forms/${form}/responses`, body, key === undefined ? {} : { 'idempotency-key': key });
  const forgotten = { answers: { message: 'The key of this one is forgotten' } };
  const { response_id: responseId } = await submit(forgotten, 'forgotten');
  const keyedBody = { answers: { message: 'Please refund 12,50 € to ada@example.org' }, metadata: { source: 'test' } };
  const answer = await submit(keyedBody, 'kept');
  for (let from = 0; from < count - 2; from += 50) {
    const batch = Array.from({ length: Math.min(50, count - 2 - from) }, (_, i) => from + i);
    await Promise.all(
      batch.map((n) =>
        submit(
          { answers: { message: `Message ${n}: where is my invoice?`, size: n % 2 === 0 ? 'small' : 'large' } },
          n % 3 === 0 ? `k${n}` : undefined,
        ),
      ),
    );
  }
  await call('POST', `/responses/${responseId}/review`, { label: 'billing', reply: 'As a person sees it' });
  const waitFor = async (path: string, is: (body: { items: { status: string }[] }) => boolean) =>
    eventually(async () => is(await call('GET', path)), 60_000);
  await waitFor(`/forms/${form}/responses?status=accepted`, ({ items }) => items.length === 0);
  await makeExports(call, form);
  // Deliveries in every state, the last of them under way.
  await waitFor(`/webhook-endpoints/${hooks.failing}/deliveries`, ({ items }) => items.length > 1);
  await waitFor(`/webhook-endpoints/${hooks.gone}/deliveries`, ({ items }) =>
    items.some((one) => one.status !== 'pending'),
  );
  const delivering = async (): Promise<string[]> => {
    const { items } = await call('GET', '/tasks?status=running');
    return items.flatMap(({ id, kind }: { id: string; kind: string }) => (kind === 'deliver-webhook' ? [id] : []));
  };
  // The one that waits for the silent receiver is there half a second later too; whatever else runs ends by itself.
  const running = await eventually(async () => {
    const before = await delivering();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = new Set(await delivering());
    const waiting = before.filter((id) => after.has(id));
    return waiting[0];
  });
  server.signal('SIGKILL');
  await server.gone;
  const dead = await finishOffline(env, running);
  return {
    dir,
    env,
    form,
    ...people,
    keyed: { key: 'kept', body: keyedBody, answer },
    forgottenKey: { key: 'forgotten', body: forgotten, responseId },
    running,
    dead,
    answerAll: hooks.answerAll,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into, and a wrong guess fails the test.
type Call = (method: string, path: string, body?: unknown) => Promise<any>;

async function publishForms(call: Call): Promise<string> {
  const { intelligence: wanted } = JSON.parse(read('form.json'));
  const labels = wanted.classify.labels.map(({ name }: { name: string }) => ({ name }));
  const definition = {
    elements: [
      { type: 'comment', name: 'message' },
      { type: 'radiogroup', name: 'size', choices: ['small', 'large'] },
    ],
  };
  const intelligence = { text: ['message'], classify: { labels }, respond: { instructions: 'Thank the person.' } };
  const { id } = await call('POST', '/forms', { title: 'Support', slug: 'support', definition, intelligence });
  await call('POST', `/forms/${id}/publish`);
  const lines = read('training.jsonl').trim().split('\n');
  const training = lines.map((line) => JSON.parse(line)).filter(({ label }) => label !== null);
  await call('POST', `/forms/${id}/examples`, training);
  await eventually(async () => (await call('GET', `/forms/${id}/intelligence`)).head, 60_000);
  const draft = await call('POST', '/forms', { title: 'A draft', slug: 'draft', definition });
  await call('POST', `/forms/${draft.id}/archive`);
  return id;
}

async function makePeople(call: Call, url: string) {
  const eve = { email: 'eve@example.org', password: 'lantern-orbit-meadow-42' };
  await call('POST', '/users', { ...eve, role: 'analyst' });
  const { token } = await call('POST', '/tokens', { name: 'everything', scopes: permissions });
  const revoked = await call('POST', '/tokens', { name: 'revoked', scopes: ['forms:read'] });
  await call('DELETE', `/tokens/${revoked.id}`);
  const login = await request(url, 'POST', '/auth/login', { body: eve });
  return { token: token as string, refreshToken: login.body.refresh_token as string };
}

async function makeEndpoints(t: TestContext, call: Call) {
  const add = async (receiver: Awaited<ReturnType<typeof startReceiver>>, more: object = {}): Promise<string> => {
    t.after(() => receiver.close());
    return (await call('POST', '/webhook-endpoints', { url: receiver.url, ...more })).id;
  };
  const accepted = { events: ['response.accepted'] };
  await add(await startReceiver(), { events: ['response.reviewed', 'export.ready'] });
  const failing = await add(await startReceiver(() => 500), { ...accepted, schedule: 'standard' });
  const gone = await add(await startReceiver(() => 410), accepted);
  const silent = await silentReceiver(t);
  await call('POST', '/webhook-endpoints', { url: silent.url, events: ['response.reviewed'] });
  return { failing, gone, answerAll: silent.answerAll };
}

/** A receiver that takes requests and says nothing to them. */
async function silentReceiver(t: TestContext) {
  const { createServer } = await import('node:http');
  let silent = true;
  const server = createServer((incoming, response) => {
    incoming.resume();
    if (!silent) response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}/hook`,
    answerAll: () => {
      silent = false;
      server.closeAllConnections();
    },
  };
}

async function makeExports(call: Call, form: string): Promise<void> {
  for (const format of ['csv', 'jsonl']) await call('POST', '/exports', { form_id: form, format });
  await eventually(async () => {
    const { items } = await call('GET', '/exports');
    return items.length === 2 && items.every(({ status }: { status: string }) => status === 'ready');
  }, 60_000);
}

/** What takes hours: a dead letter, a forgotten key, a sealed and signed audit log. Returns the dead letter's id. */
async function finishOffline(env: Record<string, string>, running: string): Promise<string> {
  const config = configOf(env);
  const adapters = await openAdapters(config, { log: await openLog(config), version: 'test' });
  try {
    const { storage } = adapters;
    const now = Date.now();
    const { items } = await storage.tasks.list({ status: 'retrying', limit: 1 });
    const id = items[0]!.id;
    assert.notEqual(id, running);
    const later = now + 86_400_000;
    await storage.tasks.claim(id, { token: 'lse_1', until: later }, later);
    const settlement = { status: 'failed', error: { code: 'webhook-failed', detail: 'no, 500' } } as const;
    await storage.commit({ change: { op: 'settle', id, lease: 'lse_1', settlement, now } });
    assert.equal(await storage.responses.forgetKeys(now + 1, 1), 1, 'the oldest');
    const useCases = createUseCases(adapters, config);
    await useCases.sealer.seal();
    return id;
  } finally {
    await adapters.close();
  }
}
