import {
  getLlama,
  type Llama,
  type LlamaContext,
  type LlamaContextSequence,
  type LlamaGrammar,
  LlamaGrammarEvaluationState,
  LlamaLogLevel,
  type LlamaModel,
  type Token,
  TokenBias,
} from 'node-llama-cpp';
import { CallError } from '#adapters/child-process/child-side.ts';
import { renderChat } from './chat-template.ts';
import { openContext } from './context.ts';
import { grammarOf } from './grammar.ts';
import { measure } from './measure.ts';
import { createPlaces } from './places.ts';
import type { AnswerData, CallData, CallUsage, ReadyData, StartData, Tuning } from './protocol.ts';

export type Engine = {
  ready: ReadyData;
  answer(call: CallData, served: { signal: AbortSignal; progress: (tokens: number) => void }): Promise<AnswerData>;
};

// Node, the binding and the buffers of the graph, beside model and context: 150 MB were measured with a model of 100 MB.
const overheadBytes = 200 * 2 ** 20;
const fewestTokens = 512;

/** Loads a model and makes it warm. Errors: an `Error` with a sentence for the operator when the file is no model or needs more memory than it may have. */
export async function openEngine(start: StartData): Promise<Engine> {
  const from = performance.now();
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    logLevel: LlamaLogLevel.disabled,
    maxThreads: start.mostThreads,
  });
  const model = await llama.loadModel({ modelPath: start.file });
  const contextTokens = Math.min(start.contextTokens, model.trainContextSize);
  const measured = start.tuning === undefined;
  const limits = await fitting(model, { ...start, contextTokens });
  const tuning = start.tuning ?? (await measure(model, { mostThreads: start.mostThreads, mostPlaces: limits.places }));
  const places = Math.min(tuning.places, limits.places);
  const context = await openContext(model, { ...tuning, places }, limits.contextTokens);
  const engine = serve(llama, model, context, start, { ...tuning, places });
  return {
    ready: {
      tuning: { ...tuning, places },
      measured,
      contextTokens: limits.contextTokens,
      loadMs: Math.round(performance.now() - from),
    },
    answer: engine,
  };
}

/** The most places and tokens for which there is memory. */
async function fitting(
  model: LlamaModel,
  { contextTokens, memoryBytes }: Pick<StartData, 'contextTokens' | 'memoryBytes'>,
): Promise<{ places: number; contextTokens: number }> {
  const own = model.fileInsights.estimateModelResourceRequirements({ gpuLayers: 0 }).cpuRam + overheadBytes;
  let need = 0;
  for (let tokens = contextTokens; tokens >= fewestTokens; tokens = Math.floor(tokens / 2)) {
    for (const places of [8, 4, 2, 1]) {
      const { cpuRam } = model.fileInsights.estimateContextResourceRequirements({
        contextSize: tokens,
        modelGpuLayers: 0,
        sequences: places,
        batchSize: 512,
      });
      need = own + cpuRam;
      // A context of less than 2,048 tokens is for those who have no memory for one such place.
      if (need <= memoryBytes) return { places, contextTokens: tokens };
    }
  }
  const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new Error(
    `it needs about ${megabytes(need)} MB of memory, and FORMSTEAD_MODEL_MEMORY allows ${megabytes(memoryBytes)} MB: allow more, or use a smaller model`,
  );
}

function serve(
  llama: Llama,
  model: LlamaModel,
  context: LlamaContext,
  { template }: Pick<StartData, 'template'>,
  tuning: Tuning,
): Engine['answer'] {
  const sequences = createPlaces(Array.from({ length: tuning.places }, () => context.getSequence()));
  const grammars = new Map<string, LlamaGrammar>();
  // A call can be stopped between two chunks: each takes a second at most.
  const chunk = Math.max(16, Math.min(tuning.batchTokens, Math.floor(tuning.readRate)));

  function tokensOf(call: CallData): Token[] {
    const tokens: Token[] = model.tokens.shouldPrependBosToken && model.tokens.bos !== null ? [model.tokens.bos] : [];
    for (const { text, control } of renderChat(template, call))
      tokens.push(...model.tokenize(text, control, tokens.length > 1 ? 'trimLeadingSpace' : undefined));
    const most = context.contextSize - (call.kind === 'write' ? call.maxTokens : 1) - 8;
    if (tokens.length > most)
      throw new CallError('prompt-too-long', `the prompt has ${tokens.length} tokens, ${most} fit into the context`);
    return tokens;
  }

  async function grammarFor(schema: (CallData & { kind: 'write' })['schema']): Promise<LlamaGrammar | undefined> {
    if (!schema) return undefined;
    const text = grammarOf(schema);
    let grammar = grammars.get(text);
    if (!grammar) {
      grammar = await llama.createGrammar({ grammar: text });
      // One for each form that extracts; a few kB each.
      if (grammars.size >= 100) grammars.clear();
      grammars.set(text, grammar);
    }
    return grammar;
  }

  return async (call, { signal, progress }) => {
    const from = performance.now();
    const tokens = tokensOf(call);
    const sequence = await sequences.take(tokens, signal);
    try {
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      const reusedTokens = sequence.nextTokenIndex;
      const rest = await read(sequence, tokens.slice(reusedTokens), chunk, signal);
      const usage: CallUsage = { promptTokens: tokens.length, reusedTokens, answerTokens: 0, firstTokenMs: 0 };
      if (call.kind === 'score') {
        const probabilities = await score(model, sequence, rest, call);
        return {
          kind: 'score',
          probabilities,
          usage: { ...usage, answerTokens: 1, firstTokenMs: performance.now() - from },
        };
      }
      const written = await write(model, sequence, rest, call, {
        signal,
        progress,
        grammar: await grammarFor(call.schema),
        from,
      });
      return { kind: 'write', ...written, usage: { ...usage, ...written.usage } };
    } finally {
      sequences.giveBack(sequence);
    }
  };
}

/** Reads a long prompt piece by piece, so that the call can be stopped, and returns the last piece unread. Errors: the reason of `signal`. */
async function read(
  sequence: LlamaContextSequence,
  tokens: Token[],
  chunk: number,
  signal: AbortSignal,
): Promise<Token[]> {
  let at = 0;
  for (; tokens.length - at > chunk; at += chunk) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(at, at + chunk));
  }
  signal.throwIfAborted();
  return tokens.slice(at);
}

/** The probabilities of the options, from those of the next token; an option counts by its first token, with and without a space before it. */
async function score(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  rest: Token[],
  { options }: CallData & { kind: 'score' },
): Promise<number[]> {
  const firsts = options.map((option) => firstTokens(model, option));
  const all = firsts.flat();
  if (new Set(all).size < all.length) throw new Error('two options begin with the same token');
  // The same amount for each option, so that their shares stay what they are, and no other token is among the likeliest: to be told of all 49,152 tokens of
  // a vocabulary takes longer than to read a short text.
  const bias = new TokenBias(model.tokenizer);
  for (const token of all) bias.set(token, { logit: 100 });
  const answers = await sequence.controlledEvaluate([
    ...rest.slice(0, -1),
    [
      rest.at(-1)!,
      {
        generateNext: {
          probabilities: true,
          options: { temperature: 1, topK: all.length, topP: 1, minP: 0, tokenBias: bias },
        },
      },
    ],
  ]);
  const next = answers.at(-1)?.next.probabilities;
  if (!next) throw new Error('the model gave no probabilities');
  const raw = firsts.map((tokens) => tokens.reduce((sum, token) => sum + (next.get(token) ?? 0), 0));
  const total = raw.reduce((sum, p) => sum + p, 0);
  return total > 0 ? raw.map((p) => p / total) : raw.map(() => 1 / options.length);
}

function firstTokens(model: LlamaModel, option: string): Token[] {
  const bare = model.tokenize(option, false, 'trimLeadingSpace')[0]!;
  const spaced = model.tokenize(` ${option}`, false)[0]!;
  // A model that writes the space as a token of its own would give every option the same one.
  return model.detokenize([spaced]).trim() === '' || spaced === bare ? [bare] : [bare, spaced];
}

async function write(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  rest: Token[],
  call: CallData & { kind: 'write' },
  with_: { signal: AbortSignal; progress: (tokens: number) => void; grammar: LlamaGrammar | undefined; from: number },
): Promise<{ text: string; ended: 'stop' | 'length'; usage: Pick<CallUsage, 'answerTokens' | 'firstTokenMs'> }> {
  const answer: Token[] = [];
  let firstTokenMs = 0;
  let ended: 'stop' | 'length' = 'stop';
  const tokens = sequence.evaluate(rest, {
    temperature: call.temperature,
    seed: call.seed,
    // Small models fall into loops in free text; in JSON of a grammar the same word may be right twice.
    ...(!with_.grammar && { repeatPenalty: { punishTokens: () => answer.slice(-64), penalty: 1.15 } }),
    ...(with_.grammar && {
      grammarEvaluationState: new LlamaGrammarEvaluationState({ model, grammar: with_.grammar }),
    }),
  });
  for await (const token of tokens) {
    if (answer.length === 0) firstTokenMs = performance.now() - with_.from;
    with_.signal.throwIfAborted();
    answer.push(token);
    with_.progress(answer.length);
    if (answer.length >= call.maxTokens) {
      ended = 'length';
      break;
    }
  }
  return { text: model.detokenize(answer), ended, usage: { answerTokens: answer.length, firstTokenMs } };
}
