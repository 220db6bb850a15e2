import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readGgufHead } from '#adapters/models-fs/gguf.ts';
import { AppError } from '#domain/errors.ts';
import { chatml, ggufOf, smallModel } from '../support/gguf.ts';

function reader(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-gguf-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, 'model.gguf');
  return (bytes: Uint8Array) => {
    writeFileSync(path, bytes);
    return readGgufHead(path);
  };
}

const refusal = (pattern: RegExp) => (err: unknown) => {
  assert.ok(err instanceof AppError, String(err));
  assert.equal(err.code, 'value-refused');
  assert.match(err.detail, pattern);
  return true;
};

test('the head says name, kind, context, template and how many parameters there are', async (t) => {
  const read = reader(t);
  assert.deepEqual(await read(smallModel(3)), {
    name: 'Small 3',
    architecture: 'llama',
    licence: 'mit',
    contextTokens: 4096,
    chatTemplate: chatml,
    parameters: 256,
  });
});

test('a vocabulary larger than what is read at once is stepped over, and a long template is read whole', async (t) => {
  const read = reader(t);
  const words = Array.from({ length: 60_000 }, (_, i) => `word number ${i}`);
  const template = chatml + ' '.repeat(400_000);
  const head = await read(
    ggufOf({ 'general.architecture': 'x', 'tokenizer.ggml.tokens': words, 'tokenizer.chat_template': template }),
  );
  assert.equal(head.chatTemplate, template);
});

test('what a head does not say is left out', async (t) => {
  const head = await reader(t)(ggufOf({ 'general.name': 'bare' }, { dims: [], version: 2 }));
  assert.deepEqual(head, {
    name: 'bare',
    architecture: undefined,
    licence: undefined,
    contextTokens: undefined,
    chatTemplate: undefined,
    parameters: 0,
  });
});

test('control characters of a name are not passed on to a terminal', async (t) => {
  const head = await reader(t)(ggufOf({ 'general.name': 'a\u001b[31mb\nc' }));
  assert.equal(head.name, 'a [31mb c');
});

test('another file, another version and an empty one are refused', async (t) => {
  const read = reader(t);
  await assert.rejects(read(Buffer.from('PK\x03\x04 and so on, long enough')), refusal(/does not begin with GGUF/));
  await assert.rejects(read(ggufOf({}, { version: 1 })), refusal(/version 1/));
  await assert.rejects(read(ggufOf({}, { version: 9 })), refusal(/version 9/));
  await assert.rejects(read(Buffer.alloc(0)), refusal(/does not begin/));
});

test('lengths and counts beyond all bounds are refused before anything is read for them', async (t) => {
  const read = reader(t);
  const huge = (at: number) => {
    const bytes = Buffer.from(smallModel());
    bytes.writeBigUInt64LE(0xffff_ffff_ffff_fff0n, at);
    return read(bytes);
  };
  await assert.rejects(huge(8), refusal(/tensors/));
  await assert.rejects(huge(16), refusal(/keys/));
  await assert.rejects(huge(24), refusal(/bytes of a text/));
});

test('a head that is cut off anywhere is refused', { timeout: 60_000 }, async (t) => {
  const read = reader(t);
  const whole = ggufOf({ 'general.architecture': 'llama', 'tokenizer.ggml.tokens': ['a', 'b'] }, { tail: 0 });
  for (let bytes = 0; bytes < whole.length; bytes += 1)
    await assert.rejects(read(whole.subarray(0, bytes)), refusal(/cut off|does not begin/), `${bytes} bytes`);
  await read(whole);
});

test('random bytes after the magic, and random changes of a good file, are read or refused, and nothing else', async (t) => {
  const read = reader(t);
  const outcome = async (bytes: Uint8Array) => {
    try {
      await read(bytes);
      return 'read';
    } catch (err) {
      assert.ok(err instanceof AppError && err.code === 'value-refused', `${(err as Error).stack}`);
      return 'refused';
    }
  };
  const seen = { read: 0, refused: 0 };
  const good = smallModel();
  for (let round = 0; round < 300; round += 1) {
    const random = Buffer.concat([Buffer.from('GGUF'), Buffer.from([3, 0, 0, 0]), randomBytes(4096)]);
    seen[await outcome(random)] += 1;
    const changed = Buffer.from(good);
    for (let i = 0; i < 3; i += 1) changed[Math.floor(Math.random() * (good.length - 1024))] = randomBytes(1)[0]!;
    seen[await outcome(changed)] += 1;
  }
  assert.ok(seen.read > 0 && seen.refused > 300, JSON.stringify(seen));
});
