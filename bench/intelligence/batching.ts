import { getLlama, LlamaLogLevel, type Token } from 'node-llama-cpp';
import { renderChat } from '#adapters/text-llama/chat-template.ts';
import { classifyText, optionsOf } from '#domain/prompt/classify.ts';
import type { InstalledModel } from '#ports/model-store.ts';
import type { LabelledText } from '#ports/text-classifier.ts';
import { quantile, sideBySide, withTextModel } from './model.ts';

export type BatchingReport = {
  texts: number;
  options: number;
  /** Milliseconds a text. */
  together: number;
  oneByOne: number;
  /** How many times faster. */
  ratio: number;
  p95: number;
  reusedShare: number;
  accuracy: number;
};

/** So many of one prompt after another are timed: each costs the same. */
const mostOneByOne = 60;

/** Texts of the 12 labels with most of them, classified as the server does it, and one prompt after another with nothing kept between them. */
export async function measureBatching(
  model: InstalledModel,
  rows: readonly LabelledText[],
  describe: (label: string) => string | undefined,
): Promise<BatchingReport> {
  const counts = Map.groupBy(rows, ({ label }) => label);
  const labels = [...counts.keys()].sort((a, b) => counts.get(b)!.length - counts.get(a)!.length).slice(0, 12);
  const texts = rows.filter(({ label }) => labels.includes(label)).slice(0, 500);
  const options = optionsOf(labels, false);
  const descriptions = new Map(labels.map((label) => [label, describe(label)]));
  const prompts = texts.map(({ text }) => classifyText(options, descriptions, text));
  const letters = options.map(({ letter }) => letter);
  const { together, p95, reusedShare, accuracy } = await withTextModel(model, async (textModel) => {
    const from = performance.now();
    const answers = await sideBySide(prompts, textModel.state().places, (prompt) =>
      textModel.score({ ...prompt, options: letters }, { timeMs: 60_000 }),
    );
    const spent = performance.now() - from;
    const right = answers.filter(
      ({ probabilities }, i) => options[probabilities.indexOf(Math.max(...probabilities))]!.label === texts[i]!.label,
    );
    const sum = (pick: 'promptTokens' | 'reusedTokens') => answers.reduce((total, { usage }) => total + usage[pick], 0);
    return {
      together: spent / texts.length,
      p95: quantile(
        answers.map(({ usage }) => usage.totalMs),
        0.95,
      ),
      reusedShare: sum('reusedTokens') / sum('promptTokens'),
      accuracy: right.length / texts.length,
    };
  });
  const oneByOne = await alone(model, prompts.slice(0, mostOneByOne));
  return {
    texts: texts.length,
    options: options.length,
    together,
    oneByOne,
    ratio: oneByOne / together,
    p95,
    reusedShare,
    accuracy,
  };
}

/** Milliseconds a prompt. */
async function alone(model: InstalledModel, prompts: ReturnType<typeof classifyText>[]): Promise<number> {
  const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.disabled, maxThreads: 1 });
  const loaded = await llama.loadModel({ modelPath: model.files.model! });
  const context = await loaded.createContext({ sequences: 1, contextSize: 2048, batchSize: 512, threads: 1 });
  const sequence = context.getSequence();
  const tokensOf = (prompt: ReturnType<typeof classifyText>): Token[] =>
    renderChat(model.entry.template!, prompt).flatMap(({ text, control }) => loaded.tokenize(text, control));
  const from = performance.now();
  for (const prompt of prompts) {
    await sequence.clearHistory();
    const tokens = tokensOf(prompt);
    const last = tokens.pop()!;
    await sequence.controlledEvaluate([
      ...tokens,
      [last, { generateNext: { probabilities: true, options: { temperature: 1 } } }],
    ]);
  }
  const spent = performance.now() - from;
  await llama.dispose();
  return spent / prompts.length;
}
