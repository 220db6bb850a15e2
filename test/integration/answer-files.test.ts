import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fastify } from 'fastify';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { createAnswerFiles } from '#app/queries/answer-files.ts';
import { AppError } from '#domain/errors.ts';
import { goneSignal } from '#http/answer-file.ts';

const clock = { now: () => Date.now() };

async function world(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'formstead-answers-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const answers = join(directory, 'answers');
  mkdirSync(answers);
  const blobs = await openFileBlobs({ directory, clock });
  const files = createAnswerFiles({ blobs, ids: createIds({ clock }) });
  /** 300,000 bytes, more than are read at once. */
  const sent = () => files.sent('csv', ({ path }) => writeFile(path, 'x'.repeat(300_000)).then(() => 'told'));
  const left = () => [...readdirSync(answers), ...readdirSync(join(directory, '.staging'))];
  return { files, sent, left };
}

test('the file of an answer goes with its last byte', async (t) => {
  const { sent, left } = await world(t);
  const { told, bytes, chunks } = await sent();
  assert.deepEqual([told, bytes, left().length], ['told', 300_000, 1]);
  assert.equal(await new Response(ReadableStream.from(chunks)).text(), 'x'.repeat(300_000));
  assert.deepEqual(left(), []);
});

test('the file of an answer goes when nobody wants its bytes any more, before the first one as well', async (t) => {
  const { sent, left } = await world(t);
  await ReadableStream.from((await sent()).chunks).cancel();
  assert.deepEqual(left(), []);
  for await (const chunk of (await sent()).chunks) {
    assert.ok(chunk.length < 300_000);
    break;
  }
  assert.deepEqual(left(), []);
});

test('an answer that cannot be written leaves nothing', async (t) => {
  const { files, left } = await world(t);
  const write = async ({ path }: { path: string }) => {
    await writeFile(path, 'half');
    throw new Error('the engine died');
  };
  await assert.rejects(files.sent('csv', write), /died/);
  assert.deepEqual(left(), []);
});

test('a client that goes aborts its question, whether before or after the question can be aborted; one that has its answer does not', async (t) => {
  const app = fastify({ forceCloseConnections: true });
  t.after(() => app.close());
  const asked = Promise.withResolvers<void>();
  const signals = { early: Promise.withResolvers<AbortSignal>(), late: Promise.withResolvers<AbortSignal>() };
  app.get('/early', async (_, reply) => {
    signals.early.resolve(goneSignal(reply));
    await once(reply.raw, 'close');
  });
  app.get('/late', async (_, reply) => {
    asked.resolve();
    await once(reply.raw, 'close');
    signals.late.resolve(goneSignal(reply));
  });
  const ended = Promise.withResolvers<AbortSignal>();
  app.get('/answered', async (_, reply) => {
    const signal = goneSignal(reply);
    reply.raw.once('close', () => ended.resolve(signal));
    return 'answer';
  });
  const base = await app.listen({ port: 0, host: '127.0.0.1' });
  for (const [path, begun] of [
    ['early', signals.early.promise],
    ['late', asked.promise],
  ] as const) {
    const client = new AbortController();
    const answer = fetch(`${base}/${path}`, { signal: client.signal });
    await begun;
    client.abort();
    await assert.rejects(answer, { name: 'AbortError' });
    const signal = await signals[path].promise;
    if (!signal.aborted) await once(signal, 'abort', { signal: AbortSignal.timeout(5000) });
    assert.ok(signal.reason instanceof AppError && signal.reason.code === 'timeout', path);
  }
  assert.equal(await (await fetch(`${base}/answered`)).text(), 'answer');
  assert.equal((await ended.promise).aborted, false);
});
