import type { IntelligenceSpec } from '#domain/intelligence.ts';
import { classifyText } from '#domain/prompt/classify.ts';
import { extractText } from '#domain/prompt/extract.ts';
import { respondText, tokensFor, wordsOf } from '#domain/prompt/respond.ts';
import { type Part, parts } from '#domain/response.ts';
import { prepareText } from '#domain/untrusted-text.ts';
import type { TextModel, Usage } from '#ports/text-model.ts';
import { optionsFor } from './classify.ts';
import { schemaOf, tokensForFields } from './extract.ts';

/** Seconds. `together`: while every place is busy. */
export type Spread = { p50: number; p95: number };
export type PartTimes = { alone: Spread; firstToken: Spread; together: Spread };
export type Benchmark = { parts: Record<Part, PartTimes>; response: Omit<PartTimes, 'firstToken'>; perMinute: number };

type Taken = Record<Part, Usage>;
type Run = { signal: AbortSignal; progress: (done: number) => void };

/** Nothing is cut off: how long it takes is what is asked. */
const mostMs = 600_000;

/**
 * Times of the prompts that a server gives a language model for a form, each text read for all three parts: the first half of the texts one after another, the
 * second half at as many places as the model has. No text twice, or its prompt would have been read already. Errors: those of the port.
 */
export async function benchmark(
  textModel: TextModel,
  spec: Required<Pick<IntelligenceSpec, 'classify' | 'extract' | 'respond'>>,
  texts: readonly string[],
  { signal, progress }: Run,
): Promise<Benchmark> {
  const half = Math.ceil(texts.length / 2);
  let done = 0;
  const read = async (text: string) => {
    const taken = await readOne(textModel, spec, text, signal);
    progress(++done);
    return taken;
  };
  const alone: Taken[] = [];
  for (const text of texts.slice(0, half)) alone.push(await read(text));
  const queue = texts.slice(half);
  const wanted = queue.length;
  const together: Taken[] = [];
  const from = performance.now();
  const place = async () => {
    for (let text = queue.shift(); text !== undefined; text = queue.shift()) together.push(await read(text));
  };
  await Promise.all(Array.from({ length: textModel.state().places }, place));
  const minutes = (performance.now() - from) / 60_000;
  const whole = (taken: Taken) => parts.reduce((sum, part) => sum + taken[part].totalMs, 0);
  const of = (part: Part): PartTimes => ({
    alone: spread(alone.map((taken) => taken[part].totalMs)),
    firstToken: spread(alone.map((taken) => taken[part].firstTokenMs)),
    together: spread(together.map((taken) => taken[part].totalMs)),
  });
  return {
    parts: { classify: of('classify'), extract: of('extract'), respond: of('respond') },
    response: { alone: spread(alone.map(whole)), together: spread(together.map(whole)) },
    perMinute: wanted / minutes,
  };
}

async function readOne(
  textModel: TextModel,
  { classify, extract, respond }: Parameters<typeof benchmark>[1],
  text: string,
  signal: AbortSignal,
): Promise<Taken> {
  const budget = { timeMs: mostMs, signal };
  const message = prepareText(text).text;
  const options = optionsFor(classify, undefined);
  const descriptions = new Map(classify.labels.map(({ name, description }) => [name, description]));
  const letters = options.map(({ letter }) => letter);
  const label = await textModel.score({ ...classifyText(options, descriptions, message), options: letters }, budget);
  const { fields } = extract;
  const schema = schemaOf(fields, message);
  const found = await textModel.write(
    { ...extractText(fields, message), schema, maxTokens: tokensForFields(fields.length), seed: 1 },
    budget,
  );
  const maxTokens = tokensFor(wordsOf(respond));
  const draft = await textModel.write({ ...respondText(respond, 'en', message), maxTokens, seed: 1 }, budget);
  return { classify: label.usage, extract: found.usage, respond: draft.usage };
}

function spread(milliseconds: number[]): Spread {
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]! / 1000;
  return { p50: at(0.5), p95: at(0.95) };
}
