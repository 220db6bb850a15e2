import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RegisteredModel } from '#domain/model.ts';
import { builtInModels } from './built-in.ts';
import { findModel, mergeRegistries, parseRegistry } from './registry.ts';

type Tree = { [key: string]: unknown };
// biome-ignore lint/suspicious/noExplicitAny: taken apart by the tests
const copy = (): any => ({ models: structuredClone(builtInModels) });

const issuesOf = (json: unknown): [string, string][] => {
  const parsed = parseRegistry(json);
  assert.ok('issues' in parsed, 'it was accepted');
  return parsed.issues.map(({ pointer, detail }) => [pointer, detail]);
};

test('the built-in models pass the rules of an operator’s registry', () => {
  assert.deepEqual(parseRegistry(copy()), { models: builtInModels });
});

test('a model without a checksum is taken as it is', () => {
  const json = copy();
  delete json.models[1].files[0].sha256;
  const parsed = parseRegistry(json);
  assert.ok('models' in parsed);
  assert.equal(parsed.models[1]!.files[0]!.sha256, undefined);
});

test('every mistake is told at once, with its place', () => {
  const json = copy();
  const [first, , , , embedding] = json.models;
  first.name = '../up';
  first.files[0].name = 'a/b.gguf';
  first.files[0].sha256 = 'ABC';
  first.requires.cores = 0;
  first.colour = 'red';
  embedding.files.pop();
  json.models[1].template = 'alpaca';
  json.models.push(structuredClone(json.models[2]));
  assert.deepEqual(
    issuesOf(json).map(([pointer]) => pointer),
    [
      '/models/0/colour',
      '/models/0/name',
      '/models/0/files/0/sha256',
      '/models/0/files/0/name',
      '/models/0/requires/cores',
      '/models/1/template',
      '/models/4/files',
      '/models/5/name',
    ],
  );
});

test('what is no registry at all is refused in one sentence', () => {
  assert.deepEqual(issuesOf([]), [
    ['', 'must be an object'],
    ['/models', 'must be a list of at most 1000'],
  ]);
  assert.deepEqual(issuesOf({ models: [1] })[0], ['/models/0', 'must be an object']);
  assert.deepEqual(issuesOf({ models: [], more: 1 }), [['/more', 'is not a key here; models are']]);
});

test('a source leads to https, to this machine, or into a package; never out of an archive', () => {
  const withSource = (source: Tree) => {
    const json = copy();
    json.models[0].files[0].source = source;
    return parseRegistry(json);
  };
  const pypi = (member: string) => ({ kind: 'pypi', package: 'a', version: '1', member });
  for (const source of [
    { kind: 'https', url: 'https://example.org/a.gguf' },
    { kind: 'https', url: 'http://127.0.0.1:8000/a.gguf' },
    { kind: 'file' },
    pypi('a/b.zip!/c.json'),
    pypi('a..b/c'),
  ])
    assert.ok('models' in withSource(source), JSON.stringify(source));
  for (const source of [
    { kind: 'https', url: 'http://example.org/a.gguf' },
    { kind: 'https', url: 'file:///etc/passwd' },
    { kind: 'ftp', url: 'ftp://example.org/a' },
    { kind: 'file', url: 'https://example.org' },
    pypi('../a'),
    pypi('/etc/passwd'),
    pypi('a/../../b'),
    pypi('a/..'),
    pypi('a.zip!/../b'),
    pypi('a.zip!/b.zip!/c'),
    pypi('a\\b'),
  ])
    assert.ok('issues' in withSource(source), JSON.stringify(source));
});

test('the operator’s models take the place of built-in ones of the same name', () => {
  const mine: RegisteredModel = { ...builtInModels[0]!, version: '7' };
  const merged = mergeRegistries([mine], builtInModels);
  assert.equal(merged.length, builtInModels.length);
  assert.equal(findModel(merged, mine.name), mine);
  assert.equal(findModel(merged, `${mine.name}@1`), undefined);
  assert.equal(findModel(merged, `${mine.name}@7`), mine);
  assert.equal(findModel(merged, 'none'), undefined);
});
