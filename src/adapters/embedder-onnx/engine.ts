import { readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { Tokenizer } from '@huggingface/tokenizers';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { batchesByLength } from './batches.ts';
import { pool } from './pooling.ts';
import type { ReadyData, StartData } from './protocol.ts';

export type Engine = { ready: ReadyData; embed(texts: readonly string[], signal: AbortSignal): Promise<Float32Array> };

/** A token is a character at least, and what a sentence model reads ends long before; a text of a megabyte would only keep the tokenizer busy. */
const mostCharacters = 8_000;

/**
 * Loads a sentence model: inputs `input_ids`, `attention_mask` and perhaps `token_type_ids`; `last_hidden_state`, else the first output, is
 * `[batch, tokens, dimensions]`.
 * Errors: a file is missing or no such model.
 */
export async function openEngine({ model, tokenizer, dimensions, ...limits }: StartData): Promise<Engine> {
  const { mostTokens, threads, batchTokens } = limits;
  const started = performance.now();
  const encode = createEncoder(JSON.parse(await readFile(tokenizer, 'utf8')), mostTokens);
  // No arena: it keeps what the largest batch took. After 20 texts of 256 tokens the process has 285 MB without it, 352 with it (bench/embed.ts), at the same speed.
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    enableCpuMemArena: false,
    executionProviders: ['cpu'],
  });
  const output = session.outputNames.find((name) => name === 'last_hidden_state') ?? session.outputNames[0]!;
  const withTypes = session.inputNames.includes('token_type_ids');

  /** Rows of one batch, padded to the longest. */
  async function run(rows: readonly number[][]): Promise<Float32Array[]> {
    const length = Math.max(...rows.map((row) => row.length));
    const ids = new BigInt64Array(rows.length * length);
    const mask = new BigInt64Array(rows.length * length);
    for (const [r, row] of rows.entries()) {
      for (const [t, id] of row.entries()) ids[r * length + t] = BigInt(id);
      mask.fill(1n, r * length, r * length + row.length);
    }
    const tensor = (data: BigInt64Array) => new Tensor('int64', data, [rows.length, length]);
    const outputs = await session.run({
      input_ids: tensor(ids),
      attention_mask: tensor(mask),
      ...(withTypes && { token_type_ids: tensor(new BigInt64Array(ids.length)) }),
    });
    const hidden = outputs[output]!;
    if (hidden.type !== 'float32' || hidden.dims.length !== 3)
      throw new Error(
        `the model's output ${output} is ${hidden.type} of ${hidden.dims.length} dimensions, not float32 of 3`,
      );
    return pool(
      hidden.data as Float32Array,
      length,
      hidden.dims[2]!,
      rows.map((row) => row.length),
    );
  }

  // Once through, so that a model that does not fit is found now.
  const [first] = await run([encode('ready')]);
  if (first!.length !== dimensions)
    throw new Error(`the model gives ${first!.length} dimensions where ${dimensions} are said`);
  return {
    ready: { loadMs: Math.round(performance.now() - started) },
    async embed(texts, signal) {
      const result = new Float32Array(texts.length * dimensions);
      const rows = texts.map(encode);
      for (const batch of batchesByLength(
        rows.map((row) => row.length),
        batchTokens,
      )) {
        // The runtime holds this thread while it computes: between two batches is where a beat goes out and a cancel comes in.
        await turn();
        signal.throwIfAborted();
        const vectors = await run(batch.map((at) => rows[at]!));
        for (const [i, at] of batch.entries()) result.set(vectors[i]!, at * dimensions);
      }
      return result;
    },
  };
}

/** Token numbers of a text, special ones included; of a longer one the first `mostTokens`, the last of which stays the closing one. */
function createEncoder(definition: object, mostTokens: number): (text: string) => number[] {
  const tokenizer = new Tokenizer(definition, {});
  return (text) => {
    const { ids } = tokenizer.encode(text.slice(0, mostCharacters).toWellFormed());
    if (ids.length === 0) throw new Error('the tokenizer gives no token for a text');
    return ids.length <= mostTokens ? ids : [...ids.slice(0, mostTokens - 1), ids.at(-1)!];
  };
}
