import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileBlobs } from '#adapters/blobs-fs/blobs.ts';
import { createIds } from '#adapters/ids-uuid/ids.ts';
import { createAnswerFiles } from '#app/queries/answer-files.ts';

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
