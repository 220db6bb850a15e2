import { writeFileSync } from 'node:fs';

/*
 * A language model of random weights, about 110 kB: enough to load, to batch, to hold to a grammar and to stop; what it writes means nothing. Format: GGUF 3,
 * architecture llama, tensors of float32, a tokenizer with a token for each byte and each printable ASCII character.
 */

const width = 32;
const inner = 64;

type Value = { type: number; bytes: Buffer };

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const f32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

const uint = (value: number): Value => ({ type: 4, bytes: u32(value) });
const float = (value: number): Value => ({ type: 6, bytes: f32(value) });
const string = (value: string): Value => ({ type: 8, bytes: text(value) });
const list = (type: number, items: Buffer[]): Value => ({
  type: 9,
  bytes: Buffer.concat([u32(type), u64(items.length), ...items]),
});

/** Kinds of tokens in GGUF: 1 normal, 2 unknown, 3 control, 6 byte. */
function vocabulary(): { token: string; kind: number }[] {
  const bytes = Array.from({ length: 256 }, (_, i) => ({
    token: `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`,
    kind: 6,
  }));
  const printable = Array.from({ length: 94 }, (_, i) => ({ token: String.fromCharCode(33 + i), kind: 1 }));
  return [
    { token: '<unk>', kind: 2 },
    { token: '<s>', kind: 3 },
    { token: '</s>', kind: 3 },
    ...bytes,
    // How a space is spelt.
    { token: '▁', kind: 1 },
    ...printable,
  ];
}

/** Numbers that look random and are the same each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The bytes of a model; another seed gives another model. `contextTokens`: what it claims to have been trained with. */
export function tinyGguf({ seed = 1, contextTokens = 2048 }: { seed?: number; contextTokens?: number } = {}): Buffer {
  const tokens = vocabulary();
  const metadata: Record<string, Value> = {
    'general.architecture': string('llama'),
    'general.name': string(`tiny random ${seed}`),
    'llama.context_length': uint(contextTokens),
    'llama.embedding_length': uint(width),
    'llama.block_count': uint(1),
    'llama.feed_forward_length': uint(inner),
    'llama.attention.head_count': uint(2),
    'llama.attention.head_count_kv': uint(2),
    'llama.attention.layer_norm_rms_epsilon': float(1e-5),
    'llama.rope.dimension_count': uint(width / 2),
    'tokenizer.ggml.model': string('llama'),
    'tokenizer.ggml.tokens': list(
      8,
      tokens.map(({ token }) => text(token)),
    ),
    'tokenizer.ggml.scores': list(
      6,
      tokens.map(() => f32(0)),
    ),
    'tokenizer.ggml.token_type': list(
      5,
      tokens.map(({ kind }) => u32(kind)),
    ),
    'tokenizer.ggml.bos_token_id': uint(1),
    'tokenizer.ggml.eos_token_id': uint(2),
    'tokenizer.ggml.unknown_token_id': uint(0),
  };
  const shapes: [string, number[]][] = [
    ['token_embd.weight', [width, tokens.length]],
    ['output_norm.weight', [width]],
    ['output.weight', [width, tokens.length]],
    ['blk.0.attn_norm.weight', [width]],
    ['blk.0.attn_q.weight', [width, width]],
    ['blk.0.attn_k.weight', [width, width]],
    ['blk.0.attn_v.weight', [width, width]],
    ['blk.0.attn_output.weight', [width, width]],
    ['blk.0.ffn_norm.weight', [width]],
    ['blk.0.ffn_gate.weight', [width, inner]],
    ['blk.0.ffn_up.weight', [width, inner]],
    ['blk.0.ffn_down.weight', [inner, width]],
  ];
  const draw = random(seed);
  const infos: Buffer[] = [];
  const data: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of shapes) {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Float32Array.from({ length: count }, () => (shape.length === 1 ? 1 : (draw() - 0.5) * 0.8));
    infos.push(Buffer.concat([text(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset)]));
    data.push(Buffer.from(values.buffer));
    // Every shape here is a multiple of 32 bytes, as the format wants its tensors.
    offset += values.byteLength;
  }
  const entries = Object.entries(metadata).map(([key, { type, bytes }]) =>
    Buffer.concat([text(key), u32(type), bytes]),
  );
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(shapes.length),
    u64(entries.length),
    ...entries,
    ...infos,
  ]);
  const padding = Buffer.alloc((32 - (head.length % 32)) % 32);
  return Buffer.concat([head, padding, ...data]);
}

/** Writes one and returns its path. */
export function writeTinyGguf(file: string, options?: Parameters<typeof tinyGguf>[0]): string {
  writeFileSync(file, tinyGguf(options));
  return file;
}
