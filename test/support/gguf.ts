/* Writes GGUF files: a head as real ones have it, and some bytes for tensors. */

type Value = string | number | string[];

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function typed(value: Value): Buffer {
  if (typeof value === 'string') return Buffer.concat([u32(8), text(value)]);
  if (typeof value === 'number') return Buffer.concat([u32(4), u32(value)]);
  return Buffer.concat([u32(9), u32(8), u64(value.length), ...value.map(text)]);
}

export function ggufOf(
  keys: Record<string, Value>,
  { version = 3, dims = [[64, 4]], tail = 1024 }: { version?: number; dims?: number[][]; tail?: number } = {},
): Buffer {
  const entries = Object.entries(keys);
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(dims.length),
    u64(entries.length),
    ...entries.flatMap(([key, value]) => [text(key), typed(value)]),
    ...dims.flatMap((each, i) => [text(`tensor.${i}`), u32(each.length), ...each.map(u64), u32(2), u64(0)]),
    Buffer.alloc(tail, 7),
  ]);
}

export const chatml = "{% for message in messages %}{{'<|im_start|>' + message['role']}}{% endfor %}";

/** What a small chat model says of itself. `seed` makes another file of the same kind. */
export const smallModel = (seed = 0): Buffer =>
  ggufOf({
    'general.architecture': 'llama',
    'general.name': `Small ${seed}`,
    'general.license': 'mit',
    'llama.context_length': 4096,
    'tokenizer.ggml.tokens': ['a', 'b', 'c'],
    'tokenizer.chat_template': chatml,
  });
