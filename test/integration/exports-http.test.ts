import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createDuckdbEngine } from '#adapters/analytics-duckdb/engine/analytics-engine.ts';
import { createAnalytics } from '#app/analytics.ts';
import { createOperationsStats } from '#app/insight/operations-stats.ts';
import { createAnswerCache } from '#app/queries/answer-cache.ts';
import { createAnswerFiles } from '#app/queries/answer-files.ts';
import { createCountFiles } from '#app/queries/count-files.ts';
import { createRefusals } from '#app/refusals.ts';
import type { Actor } from '#domain/actor.ts';
import type { Understanding } from '#domain/response.ts';
import { createPaging } from '#http/paging.ts';
import { analyticsRoutes } from '#http/routes/analytics.ts';
import { exportRoutes } from '#http/routes/exports.ts';
import { createMemoryCache } from '../../src/adapters/cache-memory/cache.ts';
import { createKeyRing } from '../../src/adapters/keyring-node/key-ring.ts';
import { openExportWorld } from '../support/export-world.ts';
import { serverWith } from '../support/http-server.ts';
import { until } from '../support/task-world.ts';

const definition = {
  elements: [
    { type: 'comment', name: 'message' },
    { type: 'rating', name: 'stars' },
    { type: 'checkbox', name: 'topics', choices: ['a', 'b'] },
    { type: 'boolean', name: 'member' },
  ],
};
const user = (role: 'admin' | 'analyst' | 'viewer' | 'editor'): Actor => ({
  kind: 'user',
  id: role,
  role,
  sessionId: 's',
});
const actors: Record<string, Actor> = {
  analyst: user('analyst'),
  viewer: user('viewer'),
  editor: user('editor'),
  reader: { kind: 'token', id: 'tok', scopes: ['exports:read'] },
};

async function openApi(t: TestContext) {
  const world = await openExportWorld(t);
  const cache = createMemoryCache({ clock: world.clock });
  const answers = createAnswerCache({ ...world, cache, release: '1' });
  const analytics = createAnalytics({ ...world, answers, leastGroup: 1 });
  const refusals = createRefusals({ ...world, timeZone: 'UTC', leastGroup: 1 });
  const engine = createDuckdbEngine({ folder: join(world.dir, 'engine') });
  t.after(() => engine.close());
  const paging = createPaging({ keyRing: createKeyRing({ current: 'a-secret-for-tests-a-secret-for-tests' }) });
  const { server } = serverWith(
    t,
    (api) => {
      exportRoutes(api, { exports: world.exports, paging });
      const answerFiles = createAnswerFiles(world);
      const countFiles = createCountFiles({ engine, answerFiles, limits: { timeMs: 10_000, rows: 1000 } });
      const operationsStats = createOperationsStats(world);
      analyticsRoutes(api, { analytics, operationsStats, refusals, countFiles });
    },
    { authenticate: async (token) => actors[token] },
  );
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  const ask = (path: string, { as = 'analyst', ...init }: RequestInit & { as?: string } = {}) =>
    fetch(`${address}/api/v1${path}`, { ...init, headers: { authorization: `Bearer ${as}`, ...init.headers } });
  const post = (body: unknown, as?: string) =>
    ask('/exports', {
      as,
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    });
  const form = await world.form([{ definition }]);
  return { ...world, form, ask, post };
}

// biome-ignore lint/suspicious/noExplicitAny: an answer is looked into, and a wrong guess fails the test.
const json = async (answer: Response): Promise<any> => answer.json();

test('an export is asked for with 202, followed by its task, read and listed a page at a time', async (t) => {
  const api = await openApi(t);
  await api.respond(api.form.id, { message: 'hello' });
  const from = '2020-01-01T01:00:00+01:00';
  const asked = await api.post({ form_id: api.form.id, format: 'jsonl', from });
  assert.equal(asked.status, 202);
  const { export_id: id, task_id: taskId } = await json(asked);
  assert.equal(asked.headers.get('location'), `/api/v1/tasks/${taskId}`);
  const pending = await json(await api.ask(`/exports/${id}`));
  assert.deepEqual(
    [pending.status, pending.rows, pending.from, pending.to, pending.form_id, pending.format],
    ['pending', null, '2020-01-01T00:00:00.000Z', null, api.form.id, 'jsonl'],
  );
  assert.equal((await json(await api.ask(`/exports/${id}/download`))).code, 'conflict');

  const masked = { format: 'csv', mask: 'personal' };
  const others = [await json(await api.post(masked)), await json(await api.post({ format: 'parquet' }))];
  const page = await json(await api.ask('/exports?limit=2'));
  assert.deepEqual(
    page.items.map((item: { id: string }) => item.id),
    [others[1].export_id, others[0].export_id],
  );
  assert.deepEqual(
    page.items.map((item: { mask: string }) => item.mask),
    ['none', 'personal'],
  );
  const last = await json(await api.ask(`/exports?limit=2&cursor=${encodeURIComponent(page.next_cursor)}`));
  assert.deepEqual([last.items[0].id, last.next_cursor], [id, null]);
  const audit = await api.storage.audit.list({ limit: 10, action: 'export.create' });
  assert.equal(audit.items.length, 3);
});

test('a wish that cannot be is refused with its reason', async (t) => {
  const { post, ask, form } = await openApi(t);
  const codes = async (answer: Response) => [answer.status, (await json(answer)).code];
  assert.deepEqual(await codes(await post({ format: 'xlsx' })), [400, 'malformed-body']);
  assert.deepEqual(await codes(await post({ format: 'csv', form: 1 })), [400, 'malformed-body']);
  assert.deepEqual(await codes(await post({ format: 'csv', mask: 'all' })), [400, 'malformed-body']);
  assert.deepEqual(await codes(await post({ format: 'csv', from: 'yesterday' })), [400, 'malformed-body']);
  assert.deepEqual(await codes(await post({ format: 'csv', form_id: 'frm_none' })), [404, 'form-not-found']);
  const range = { from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z' };
  assert.deepEqual(await codes(await post({ format: 'csv', form_id: form.id, ...range })), [422, 'value-refused']);
  assert.deepEqual(await codes(await ask('/exports/exp_none')), [404, 'not-found']);
  assert.deepEqual(await codes(await ask('/exports/exp_none/download')), [404, 'not-found']);
  assert.deepEqual(await codes(await ask('/exports?cursor=x')), [400, 'bad-cursor']);
});

test('who may not read responses may not export them', async (t) => {
  const { post, ask } = await openApi(t);
  for (const as of ['viewer', 'editor']) {
    assert.equal((await post({ format: 'csv' }, as)).status, 403);
    for (const path of ['/exports', '/exports/exp_1', '/exports/exp_1/download'])
      assert.equal((await ask(path, { as })).status, 403);
  }
  assert.equal((await post({ format: 'csv' }, 'reader')).status, 403);
  assert.equal((await ask('/exports', { as: 'reader' })).status, 200);
  assert.equal((await ask('/exports', { as: 'nobody' })).status, 401);
});

test('a file is downloaded whole or in parts, and the parts make the whole', async (t) => {
  const api = await openApi(t);
  for (let i = 0; i < 300; i++) await api.respond(api.form.id, { message: `${i}` });
  api.clock.advance(10);
  const types = {
    csv: 'text/csv; charset=utf-8; header=present',
    jsonl: 'application/gzip',
    parquet: 'application/vnd.apache.parquet',
  };
  for (const format of ['csv', 'jsonl', 'parquet'] as const) {
    const { exportId } = await api.make({ formId: api.form.id, format });
    const path = `/exports/${exportId}/download`;
    const { bytes, sha256 } = await api.exports.get(exportId);
    const whole = await api.ask(path);
    const body = Buffer.from(await whole.arrayBuffer());
    assert.equal(whole.status, 200);
    assert.equal(createHash('sha256').update(body).digest('hex'), sha256);
    assert.equal(Number(whole.headers.get('content-length')), bytes);
    assert.equal(whole.headers.get('content-type'), types[format]);
    assert.equal(whole.headers.get('etag'), `"${sha256}"`);
    assert.equal(whole.headers.get('content-encoding'), null);
    assert.match(
      whole.headers.get('content-disposition')!,
      /^attachment; filename="exp_[0-9a-f-]+\.(csv|jsonl\.gz|parquet)"$/,
    );

    const part = async (range: string, headers = {}) => {
      const answer = await api.ask(path, { headers: { range, ...headers } });
      return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
    };
    const begin = await part('bytes=0-99');
    const rest = await part('bytes=100-');
    assert.equal(begin.answer.status, 206);
    assert.equal(begin.answer.headers.get('content-range'), `bytes 0-99/${bytes}`);
    assert.deepEqual(Buffer.concat([begin.bytes, rest.bytes]), body);
    assert.deepEqual((await part('bytes=-7')).bytes, body.subarray(-7));
    const beyond = await part(`bytes=${bytes}-`);
    assert.equal(beyond.answer.status, 416);
    assert.equal(beyond.answer.headers.get('content-range'), `bytes */${bytes}`);
    assert.equal(JSON.parse(beyond.bytes.toString()).code, 'range-not-satisfiable');
    assert.equal((await part('bytes=0-99', { 'if-range': `"${sha256}"` })).answer.status, 206);
    assert.deepEqual((await part('bytes=0-99', { 'if-range': '"another"' })).bytes, body);
    const known = await api.ask(path, { headers: { 'if-none-match': `"${sha256}"` } });
    assert.equal(known.status, 304);
    const head = await api.ask(path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(bytes)]);
  }
});

test('a file that somebody removed is gone, not half an answer', async (t) => {
  const api = await openApi(t);
  const { exportId, path } = await api.make({ formId: api.form.id, format: 'csv' });
  await rm(path);
  const answer = await api.ask(`/exports/${exportId}/download`);
  assert.deepEqual([answer.status, (await json(answer)).code], [410, 'gone']);
});

test('a file that was cut off on the disk is gone, and one that is cut off on the way ends the connection', {
  timeout: 30_000,
}, async (t) => {
  const api = await openApi(t);
  const { exportId, path } = await api.make({ formId: api.form.id, format: 'csv' });
  const { size } = await stat(path);
  await truncate(path, size - 1);
  for (const headers of [{}, { range: 'bytes=0-1' }, { range: `bytes=${size - 1}-` }] as Record<string, string>[]) {
    const answer = await api.ask(`/exports/${exportId}/download`, { headers });
    assert.deepEqual([answer.status, (await json(answer)).code], [410, 'gone']);
  }
  await writeFile(path, Buffer.alloc(50_000_000, 97));
  const stored = (await api.storage.get('export', exportId))!;
  const doc = { ...stored.doc, bytes: 50_000_000 };
  await api.storage.commit({ change: { op: 'update', kind: 'export', doc, expect: stored.revision } });
  const answer = await api.ask(`/exports/${exportId}/download`);
  assert.deepEqual([answer.status, answer.headers.get('content-length')], [200, '50000000']);
  await truncate(path, 10_000);
  await assert.rejects(answer.arrayBuffer(), TypeError);
});

test('a client that goes away in the middle, or asks for the head only, leaves no file open', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const api = await openApi(t);
  const { exportId, path } = await api.make({ formId: api.form.id, format: 'csv' });
  await writeFile(path, Buffer.alloc(50_000_000, 97));
  const stored = (await api.storage.get('export', exportId))!;
  const doc = { ...stored.doc, bytes: 50_000_000 };
  await api.storage.commit({ change: { op: 'update', kind: 'export', doc, expect: stored.revision } });
  const isOpen = () => readdirSync('/proc/self/fd').some((fd) => linkOf(`/proc/self/fd/${fd}`) === path);

  const controller = new AbortController();
  const answer = await api.ask(`/exports/${exportId}/download`, { signal: controller.signal });
  await answer.body!.getReader().read();
  assert.ok(isOpen());
  controller.abort();
  await until(() => !isOpen());

  const head = await api.ask(`/exports/${exportId}/download`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), '50000000');
  await until(() => !isOpen());
});

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

test('analytics count by day, label and answer, exactly and from the cache only while nothing changes', async (t) => {
  const { form, respond, ask } = await openApi(t);
  const provenance = { tier: 'head', model: 'm', inputSha256: '', milliseconds: 1, at: 0 } as const;
  const labelled = (label: string | null, needsReview = false): Understanding => ({
    classify: { label, confidence: 1, tier: 'head', needsReview, alternatives: [], provenance },
  });
  const noon = Date.parse('2026-11-02T12:00:00Z');
  await respond(
    form.id,
    { stars: 5, topics: ['a', 'b'], member: true },
    { at: noon, understanding: labelled('praise') },
  );
  await respond(
    form.id,
    { stars: 5, topics: ['a'], member: false },
    { at: noon + 86_400_000, understanding: labelled(null) },
  );
  await respond(form.id, { message: 'x' }, { at: noon + 1, understanding: labelled('praise', true) });

  const path = `/forms/${form.id}/analytics`;
  const first = await ask(path, { as: 'viewer' });
  assert.equal(first.headers.get('x-cache'), 'MISS');
  const { as_of: asOf, ...counts } = await json(first);
  assert.deepEqual(counts, {
    form_id: form.id,
    total_responses: 3,
    last_hour: 0,
    per_day: [
      { day: '2026-11-02', count: 2 },
      { day: '2026-11-03', count: 1 },
    ],
    by_label: [
      { label: null, count: 1 },
      { label: 'praise', count: 1 },
    ],
    unlabelled: 1,
    by_field: {
      stars: [{ value: 5, count: 2 }],
      topics: [
        { value: 'a', count: 2 },
        { value: 'b', count: 1 },
      ],
      member: [
        { value: false, count: 1 },
        { value: true, count: 1 },
      ],
    },
    suppressed: 0,
  });
  assert.match(asOf, /^2\d{3}-.*Z$/);
  const again = await ask(path);
  assert.equal(again.headers.get('x-cache'), 'HIT');
  assert.deepEqual(await json(again), { ...counts, as_of: asOf });

  await respond(form.id, { stars: 1 });
  const changed = await ask(path);
  assert.equal(changed.headers.get('x-cache'), 'MISS');
  const { total_responses: total, last_hour: lastHour } = await json(changed);
  assert.deepEqual([total, lastHour], [4, 1]);
  const ranged = await ask(`${path}?from=2026-11-02T12:00:00Z&to=2026-11-02T12:00:00.001Z`);
  assert.equal((await json(ranged)).total_responses, 1);
  assert.equal((await ask('/forms/frm_none/analytics')).status, 404);
  assert.equal((await ask(`${path}?from=2026-11-02T12:00:00Z&to=2026-11-02T12:00:00Z`)).status, 400);
  assert.equal((await ask(`${path}?since=2026`)).status, 400);
  assert.equal((await ask(path, { as: 'reader' })).status, 403);
});
