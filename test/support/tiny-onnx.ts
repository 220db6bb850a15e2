import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { writeRecord } from '#adapters/models-fs/record.ts';
import type { InstalledModel } from '#ports/model-store.ts';

/**
 * A sentence model of a few kB, written from code: `last_hidden_state` is a row of a table for each token (Gather). What a text means is then the mean of its
 * words' rows, so that a test can say which texts lie close. The runtime and the tokenizer that read it are the real ones.
 */
export const tinyDimensions = 8;

/** A word and the axis (0 … 7) it points along; words of one axis mean the same. */
const words: Record<string, number> = {
  parcel: 0,
  package: 0,
  courier: 0,
  late: 0,
  invoice: 1,
  bill: 1,
  charged: 1,
  refund: 1,
  password: 2,
  login: 2,
  locked: 2,
  joke: 3,
  weather: 3,
  song: 3,
  my: 4,
  the: 4,
  is: 4,
  a: 4,
};
const specials = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const number = (field: number, value: number): Buffer => Buffer.from([...varint(field << 3), ...varint(value)]);
const bytes = (field: number, value: Buffer | string): Buffer => {
  const data = Buffer.from(value);
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(data.length)]), data]);
};

// Numbers of fields and types: onnx.proto3 (ONNX is a protocol buffer).
const float32 = 1;
const int64 = 7;

function valueInfo(name: string, type: number, dimensions: (string | number)[]): Buffer {
  const shape = dimensions.map((dim) => bytes(1, typeof dim === 'string' ? bytes(2, dim) : number(1, dim)));
  const tensor = Buffer.concat([number(1, type), bytes(2, Buffer.concat(shape))]);
  return Buffer.concat([bytes(1, name), bytes(2, bytes(1, tensor))]);
}

function node(operation: string, inputs: string[], output: string): Buffer {
  return Buffer.concat([...inputs.map((name) => bytes(1, name)), bytes(2, output), bytes(4, operation)]);
}

/** `turn` moves every word to another axis: another model, whose vectors say something else. */
function onnxModel(turn: number): Buffer {
  const names = [...specials, ...Object.keys(words)];
  const table = new Float32Array(names.length * tinyDimensions);
  for (const [row, name] of names.entries()) {
    const axis = words[name];
    if (axis !== undefined) table[row * tinyDimensions + ((axis + turn) % tinyDimensions)] = 1;
    // What the tokenizer adds weighs little, padding very much: a vector that took it in would be seen to be wrong.
    else table[row * tinyDimensions + 7] = name === '[PAD]' ? 100 : 0.1;
  }
  const weights = Buffer.concat([
    number(1, names.length),
    number(1, tinyDimensions),
    number(2, float32),
    bytes(8, 'table'),
    bytes(9, Buffer.from(table.buffer)),
  ]);
  const graph = Buffer.concat([
    bytes(1, node('Gather', ['table', 'input_ids'], 'last_hidden_state')),
    // An input that no node uses is refused: the mask goes through to an output of its own.
    bytes(1, node('Identity', ['attention_mask'], 'mask_seen')),
    bytes(2, 'tiny'),
    bytes(5, weights),
    bytes(11, valueInfo('input_ids', int64, ['batch', 'tokens'])),
    bytes(11, valueInfo('attention_mask', int64, ['batch', 'tokens'])),
    bytes(12, valueInfo('last_hidden_state', float32, ['batch', 'tokens', tinyDimensions])),
    bytes(12, valueInfo('mask_seen', int64, ['batch', 'tokens'])),
  ]);
  const opset = Buffer.concat([bytes(1, ''), number(2, 13)]);
  return Buffer.concat([number(1, 8), bytes(7, graph), bytes(8, opset)]);
}

function tokenizerDefinition(): object {
  const vocab = Object.fromEntries([...specials, ...Object.keys(words)].map((name, id) => [name, id]));
  const special = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const known = (id: string) => ({ id, ids: [vocab[id]], tokens: [id] });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      pair: [special('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, special('[SEP]')],
      special_tokens: { '[CLS]': known('[CLS]'), '[SEP]': known('[SEP]') },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

/** The files of a tiny model in a folder of the test's own, as the model store gives them. */
export async function tinyEmbeddingModel(t: TestContext, { turn = 0 } = {}): Promise<InstalledModel> {
  const folder = await mkdtemp(join(tmpdir(), 'formstead-tiny-model-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const contents = { model: onnxModel(turn), tokenizer: Buffer.from(JSON.stringify(tokenizerDefinition())) };
  const names = { model: 'model.onnx', tokenizer: 'tokenizer.json' };
  for (const role of ['model', 'tokenizer'] as const) await writeFile(join(folder, names[role]), contents[role]);
  return installedModel(join(folder, names.model), join(folder, names.tokenizer), contents.model, tinyDimensions);
}

/** Installs it in a data directory as `tiny@<version>` and puts it in use, as `formstead models` does; a running server takes it within two seconds. */
export async function useTinyModel(dataDir: string, { entry, files }: InstalledModel, version = '1'): Promise<string> {
  const root = join(dataDir, 'models');
  const folder = join(root, `tiny@${version}`);
  await mkdir(folder, { recursive: true });
  const both = [entry.files[0]!, { ...entry.files[0]!, role: 'tokenizer', name: 'tokenizer.json' }];
  for (const { role, name } of both) await copyFile(files[role]!, join(folder, name));
  await writeRecord(folder, { ...entry, version, files: both }, 0);
  await writeFile(join(root, 'active.new'), JSON.stringify({ embedding: { name: 'tiny', version, since: 0 } }));
  await rename(join(root, 'active.new'), join(root, 'active.json'));
  return folder;
}

/** A model's two files as the model store gives them. */
export function installedModel(model: string, tokenizer: string, content: Buffer, dimensions: number): InstalledModel {
  const file = (role: string, name: string, data: Buffer) => ({
    role,
    name,
    bytes: data.length,
    sha256: createHash('sha256').update(data).digest('hex'),
    source: { kind: 'file' as const },
  });
  return {
    entry: {
      name: 'tiny',
      version: '1',
      purpose: 'embedding',
      licence: 'MIT',
      about: 'For tests.',
      parameters: 0,
      files: [file('model', 'model.onnx', content)],
      dimensions,
      requires: { memoryBytes: 1e8, cores: 1 },
    },
    files: { model, tokenizer },
    bytes: content.length,
    installedAt: 0,
  };
}
