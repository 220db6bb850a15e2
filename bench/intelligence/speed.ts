import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type Token } from 'node-llama-cpp';
import type { InstalledModel } from '#ports/model-store.ts';
import type { TextModel } from '#ports/text-model.ts';
import { median } from '../baselines.ts';
import { withTextModel } from './model.ts';

/*
 * The language model as the server runs it, beside the bare evaluation loop of the same llama.cpp: its own C++ batch, decode and greedy sampling, called without
 * anything between. Same model, threads and batch; both read the same number of tokens and write the same number; turn by turn.
 */

/** What the binding hides and the loop needs. */
type Bare = {
  initBatch(size: number): void;
  addToBatch(sequence: number, at: number, tokens: Uint32Array, logits: Uint32Array): Uint32Array;
  decodeBatch(): Promise<void>;
  sampleToken(index: number, sampler: object): Promise<number>;
  disposeSequence(sequence: number): void;
};
type BareSampler = { applyConfig(config: { temperature: number }): void };

export type Speed = { read: number; write: number };
export type SpeedReport = {
  bare: Speed;
  ours: Speed;
  /** Of the rates, ours by bare. */
  readRatio: number;
  writeRatio: number;
  /** Writing with a grammar by writing without one. */
  grammarRatio: number;
};

const readTokens = 768;
const writeTokens = 96;

export async function measureSpeed(model: InstalledModel, rounds: number): Promise<SpeedReport> {
  return withTextModel(model, async (textModel) => {
    const { threads } = textModel.state();
    const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.disabled, maxThreads: threads });
    const loaded = await llama.loadModel({ modelPath: model.files.model! });
    const bare = await bareLoop(llama, loaded, threads);
    const rows: { bare: Speed; ours: Speed & { grammar: number } }[] = [];
    for (let round = 0; round < rounds; round++) rows.push({ bare: await bare(), ours: await ours(textModel, round) });
    await llama.dispose();
    const of = (pick: (row: (typeof rows)[number]) => number) => median(rows.map(pick));
    return {
      bare: { read: of(({ bare: b }) => b.read), write: of(({ bare: b }) => b.write) },
      ours: { read: of(({ ours: o }) => o.read), write: of(({ ours: o }) => o.write) },
      readRatio: of(({ bare: b, ours: o }) => o.read / b.read),
      writeRatio: of(({ bare: b, ours: o }) => o.write / b.write),
      grammarRatio: of(({ ours: o }) => o.grammar / o.write),
    };
  });
}

const sentence = 'People write what they want to say into a form, and somebody who wants to help them reads it. ';

async function bareLoop(llama: Llama, model: LlamaModel, threads: number): Promise<() => Promise<Speed>> {
  const context = await model.createContext({ sequences: 1, contextSize: 2048, batchSize: 512, threads });
  const { _ctx: ctx } = context as unknown as { _ctx: Bare };
  const { _bindings: bindings } = llama as unknown as {
    _bindings: { AddonSampler: new (model: object) => BareSampler };
  };
  const sampler = new bindings.AddonSampler((model as unknown as { _model: object })._model);
  sampler.applyConfig({ temperature: 0 });
  const tokens = model.tokenize(sentence.repeat(60)).slice(0, readTokens);

  async function feed(at: number, some: readonly Token[], last: boolean): Promise<number | undefined> {
    ctx.initBatch(some.length);
    const logits = last ? Uint32Array.of(some.length - 1) : new Uint32Array();
    const [index] = ctx.addToBatch(0, at, Uint32Array.from(some), logits);
    await ctx.decodeBatch();
    return last ? ctx.sampleToken(index!, sampler) : undefined;
  }

  return async () => {
    ctx.disposeSequence(0);
    let from = performance.now();
    let next: number | undefined;
    for (let at = 0; at < tokens.length; at += 512)
      next = await feed(at, tokens.slice(at, at + 512), at + 512 >= tokens.length);
    const read = (tokens.length / (performance.now() - from)) * 1000;
    from = performance.now();
    for (let i = 0; i < writeTokens; i++) next = await feed(tokens.length + i, [next! as Token], true);
    return { read, write: (writeTokens / (performance.now() - from)) * 1000 };
  };
}

/** Prompts differ at their beginning from round to round, so that nothing has been read before. */
async function ours(textModel: TextModel, round: number): Promise<Speed & { grammar: number }> {
  const budget = { timeMs: 120_000 };
  const text = `${round}. ${sentence.repeat(60)}`.slice(0, 3600);
  const instructions = `Round ${round}, write on without an end.`;
  const short = await textModel.write({ instructions: `Read ${round}`, data: text, maxTokens: 1 }, budget);
  const read = (short.usage.promptTokens - short.usage.reusedTokens) / (short.usage.firstTokenMs - short.usage.queueMs);
  const long = await textModel.write({ instructions, data: 'Tell a very long story.', maxTokens: writeTokens }, budget);
  const names = Array.from(
    { length: 10 },
    (_, i) => [`field_${i}`, { type: 'string-or-null', maxLength: 80 }] as const,
  );
  const schema = { type: 'object' as const, properties: Object.fromEntries(names) };
  const held = await textModel.write(
    { instructions, data: 'Tell a very long story.', schema, maxTokens: writeTokens },
    budget,
  );
  const rate = ({ usage }: typeof long) => ((usage.answerTokens - 1) / (usage.totalMs - usage.firstTokenMs)) * 1000;
  return { read: read * 1000, write: rate(long), grammar: rate(held) };
}
