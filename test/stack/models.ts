import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/program.ts';
import { writeTinyGguf } from '../support/tiny-gguf.ts';
import { tinyEmbeddingModel } from '../support/tiny-onnx.ts';
import type { Installation } from './installation.ts';

/* Models in the containers: nobody there has rights, a root that can be written or a way out, and all the same they load and answer. */
const root = join(import.meta.dirname, '../..');

/** The command of the service `models`, in a container of its own as the operator runs it; a folder of this machine is `/from`. */
const models = ({ compose }: Installation, from: string, ...command: string[]) =>
  compose('run', '--rm', '--no-deps', '--volume', `${from}:/from:ro`, 'models', ...command);

/** Runs a module in a container of the service, its entry point replaced. */
const node = ({ compose }: Installation, from: string, code: string) =>
  compose(
    ...['run', '--rm', '--no-deps', '--volume', `${from}:/from:ro`, '--entrypoint', 'node', 'models'],
    ...['--input-type=module', '-e', code],
  );

/** Registers the tests; they run when `stack` is there. */
export function modelsInTheStack(stack: () => Installation): void {
  test('a language model that is imported and chosen reads what comes in, and its results name it', async (t) => {
    const place = readableFolder(t);
    const file = writeTinyGguf(join(place, 'tiny.gguf'));
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    await models(stack(), place, 'import', '/from/tiny.gguf', '--name', 'tiny@1', '--licence', 'MIT');
    assert.match(await models(stack(), place, 'use', 'tiny'), /^tiny@1 is the model for text\./m);
    const classify = await labelOf(stack(), 'The parcel came late.');
    assert.equal(classify.tier, 'llm');
    assert.ok(['praise', 'complaint'].includes(classify.label));
    const { model, model_sha256, milliseconds } = classify.provenance;
    assert.deepEqual([model, model_sha256], ['tiny', sha256]);
    assert.ok(milliseconds > 0);
  });

  test('the containers that run models can read them and not change them', async () => {
    const code = `
      import { readFileSync, writeFileSync } from 'node:fs';
      const said = [];
      try { said.push(Object.keys(JSON.parse(readFileSync('/data/models/active.json', 'utf8'))).length > 0); } catch (err) { said.push(err.code); }
      try { writeFileSync('/data/models/x', ''); } catch (err) { said.push(err.code); }
      console.log(JSON.stringify(said));`;
    for (const name of ['api', 'worker-ai'])
      assert.equal(await stack().inside(name, 'node', '--input-type=module', '-e', code), '[true,"EROFS"]', name);
  });

  test('an embedding model answers in a container without rights', async (t) => {
    const { files, ...model } = await tinyEmbeddingModel(t);
    const place = dirname(files.model!);
    openForReading(place, Object.values(files));
    const inside = { ...model, files: mapped(files) };
    const said = await node(
      stack(),
      place,
      `import { createOnnxEmbedder } from '/app/src/adapters/embedder-onnx/onnx-embedder.ts';
       const embedder = createOnnxEmbedder({ active: async () => (${JSON.stringify(inside)}), memoryBytes: 2 ** 30, cores: 1 });
       const { embeddings } = await embedder.embed(['parcel', 'package', 'invoice']);
       const near = (a, b) => a.reduce((sum, one, i) => sum + one * b[i], 0);
       console.log(near(embeddings[0], embeddings[1]) > 0.9, near(embeddings[0], embeddings[2]) < 0.2);
       await embedder.close();`,
    );
    assert.equal(said, 'true true');
  });
}

/** Registers the test of the image that is built with AI=none: another build, of about a minute. */
export function imageWithoutModels(stack: () => Installation): void {
  test('an image that was built without models is smaller, and says so to who wants one', async (t) => {
    const { docker } = stack();
    const image = 'formstead:formstead-test-none';
    await docker('build', '--quiet', '--tag', image, '--build-arg', 'AI=none', '--build-arg', 'VERSION=none', root);
    const [{ Size }] = JSON.parse(await docker('image', 'inspect', image));
    assert.ok(Size < 220e6, `${Size} bytes`);
    for (const [engine, name] of [
      ['text-llama/llama-child.ts', 'node-llama-cpp'],
      ['embedder-onnx/embed-child.ts', '@huggingface/tokenizers'],
    ] as const) {
      const said = await docker(
        ...['run', '--rm', '--network', 'none', '--read-only', '--entrypoint', 'node', image],
        ...['--input-type=module', '-e', start(engine)],
      );
      const why = `${name} is not installed here: an image that was built with AI=none runs no model`;
      assert.deepEqual(JSON.parse(said), ['model-unavailable', `The model's process ended: ${why}.`]);
    }
    const place = readableFolder(t);
    writeTinyGguf(join(place, 'tiny.gguf'));
    const doctor = await docker(
      ...['run', '--rm', '--network', 'none', '--read-only', '--tmpfs', '/data:mode=0700,uid=10001,gid=10001'],
      ...['--volume', `${place}:/from:ro`, '--env', 'FORMSTEAD_MODEL=/from/tiny.gguf', image, 'doctor'],
    );
    assert.match(doctor, /^warning +language model: node-llama-cpp is not installed here: .+ runs no model\.$/m);
  });
}

const start = (engine: string) => `
  import { startWatchedChild } from '/app/src/adapters/child-process/watched-child.ts';
  const entry = new URL('file:///app/src/adapters/${engine}');
  await startWatchedChild({ entry, start: {}, memoryBytes: 2 ** 30, startMs: 30_000 }).then(
    () => console.log('it runs'), ({ fault, message }) => console.log(JSON.stringify([fault, message])));
  process.exit();`;

/** What the model says to one response of a form that has no examples. */
// biome-ignore lint/suspicious/noExplicitAny: a body is looked into, and a wrong guess fails the test.
async function labelOf({ ask, token: login }: Installation, message: string): Promise<any> {
  const token = await login();
  const form = await ask('POST', '/api/v1/forms', {
    token,
    body: {
      title: 'Words',
      slug: 'words',
      definition: { elements: [{ type: 'comment', name: 'message', isRequired: true }] },
      intelligence: { classify: { labels: [{ name: 'praise' }, { name: 'complaint' }] } },
    },
  });
  assert.equal(form.status, 201, JSON.stringify(form.body));
  const { id } = form.body;
  assert.equal((await ask('POST', `/api/v1/forms/${id}/publish`, { token })).status, 201);
  // The worker that looked a moment ago knows of no model yet.
  return eventually(async () => {
    const sent = await ask('POST', '/api/v1/forms/words/responses', { body: { answers: { message } } });
    assert.equal(sent.status, 202, JSON.stringify(sent.body));
    await eventually(async () => (await ask('GET', `/api/v1/tasks/${sent.body.task_id}`)).body.status === 'succeeded');
    const { body } = await ask('GET', `/api/v1/forms/${id}/responses`, { token });
    // biome-ignore lint/suspicious/noExplicitAny: see above.
    return body.items.map((one: any) => one.intelligence?.classify).find((one: any) => one?.tier === 'llm');
  });
}

function readableFolder(t: { after(done: () => void): void }): string {
  const place = mkdtempSync(join(tmpdir(), 'formstead-models-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  chmodSync(place, 0o755);
  return place;
}

function openForReading(place: string, files: string[]): void {
  chmodSync(place, 0o755);
  for (const file of files) chmodSync(file, 0o644);
}

const mapped = (files: Partial<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([role, file]) => [role, `/from/${basename(file!)}`]));
