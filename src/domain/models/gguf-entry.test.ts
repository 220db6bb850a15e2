import assert from 'node:assert/strict';
import { test } from 'node:test';
import { customEntry, guessTemplate, modelNameOf } from './gguf-entry.ts';
import { isModelName } from './registry.ts';

test('a template is known by the marks it alone has', () => {
  assert.equal(guessTemplate("{{'<|im_start|>'}}"), 'chatml');
  assert.equal(guessTemplate("{{'<|start_header_id|>'}}"), 'llama3');
  assert.equal(guessTemplate("{{'<start_of_turn>'}}"), 'gemma');
  assert.equal(guessTemplate("{{'[INST] '}}"), 'mistral');
  assert.equal(guessTemplate('{{ content }}'), 'plain');
  assert.equal(guessTemplate(undefined), 'plain');
});

test('whatever a file is called, a name comes out that may be one', () => {
  assert.equal(modelNameOf('My Model Q4_K_M.GGUF'), 'my-model-q4-k-m');
  assert.equal(modelNameOf('../../x.gguf'), 'x');
  assert.equal(modelNameOf('模型.gguf'), 'model');
  for (const name of ['..', '-', '', 'a'.repeat(300), '.gguf', 'Ünï@1.gguf'])
    assert.ok(isModelName(modelNameOf(name)), name);
});

test('an entry says what the head says, flags go before it, and needs are estimated from the size', () => {
  const file = { name: 'x.gguf', bytes: 1e9, sha256: 'ab'.repeat(32) };
  const head = { parameters: 1_712_000_000, contextTokens: 8192, licence: 'mit', name: 'X', architecture: 'llama' };
  const entry = customEntry(file, head);
  assert.deepEqual(
    [entry.name, entry.version, entry.parameters, entry.licence, entry.contextTokens],
    ['x', 'abababab', 1.71, 'mit', 8192],
  );
  assert.deepEqual(entry.requires, { memoryBytes: 1_700_000_000, cores: 4 });
  const flags = { name: 'mine', version: '2', template: 'gemma', contextTokens: 100, licence: 'own' } as const;
  const own = customEntry(file, { parameters: 7e9 }, flags);
  assert.deepEqual([own.name, own.template, own.contextTokens, own.licence], ['mine', 'gemma', 100, 'own']);
  assert.equal(customEntry(file, { parameters: 0 }).licence, 'unknown');
});
