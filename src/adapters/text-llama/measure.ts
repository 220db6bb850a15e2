import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { openContext } from './context.ts';
import type { Tuning } from './protocol.ts';

/* A short measurement of how a model runs best here: 2 to 4 seconds with a small model, once for a model and a machine. */

const promptTokens = 192;
const answerTokens = 12;
/** More places, or more threads, must be so much better to be worth what they take from others. */
const worthIt = 1.1;

/** Errors: those of llama.cpp when there is no memory for a context. */
export async function measure(
  model: LlamaModel,
  { mostThreads, mostPlaces }: { mostThreads: number; mostPlaces: number },
): Promise<Tuning> {
  let best: Tuning | undefined;
  for (const threads of threadCounts(mostThreads)) {
    const tuning = await withThreads(model, threads, mostPlaces);
    if (!best || workRate(tuning) > workRate(best) * worthIt) best = tuning;
  }
  return best!;
}

/** 1, 2, 4 … and the most. */
export function threadCounts(most: number): number[] {
  const counts = [];
  for (let threads = 1; threads < most; threads *= 2) counts.push(threads);
  return [...counts, most];
}

/** A typical call reads 100 tokens that nobody has read before and writes 40. */
const workRate = ({ readRate, writeRateTogether }: Tuning): number => 1 / (100 / readRate + 40 / writeRateTogether);

async function withThreads(model: LlamaModel, threads: number, mostPlaces: number): Promise<Tuning> {
  const text = 'People write what they want to say into a form, and the answer is read by somebody who wants to help. ';
  const tokens = model.tokenize(text.repeat(10)).slice(0, promptTokens);
  let tuning: Tuning | undefined;
  for (const batchTokens of [512, 128]) {
    const context = await openContext(model, { threads, places: mostPlaces, batchTokens }, promptTokens + 64);
    try {
      const sequences = Array.from({ length: mostPlaces }, () => context.getSequence());
      // The first pass pays for what is made once.
      await read(sequences[0]!, tokens.slice(0, 32));
      const readRate = await read(sequences[0]!, tokens);
      if (tuning) {
        if (readRate > tuning.readRate * worthIt) tuning = { ...tuning, readRate, batchTokens };
        continue;
      }
      const one = await writeTogether([sequences[0]!], tokens);
      tuning = { threads, places: 1, batchTokens, readRate, writeRate: one, writeRateTogether: one };
      for (let places = 2; places <= mostPlaces; places *= 2) {
        const together = await writeTogether(sequences.slice(0, places), tokens);
        if (together > tuning.writeRateTogether * worthIt) tuning = { ...tuning, places, writeRateTogether: together };
      }
    } finally {
      await context.dispose();
    }
  }
  return tuning!;
}

/** Tokens a second. */
async function read(sequence: LlamaContextSequence, tokens: Token[]): Promise<number> {
  await sequence.clearHistory();
  const from = performance.now();
  await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  return (tokens.length / (performance.now() - from)) * 1000;
}

/** Tokens a second of all sequences together. */
async function writeTogether(sequences: LlamaContextSequence[], tokens: Token[]): Promise<number> {
  await Promise.all(
    sequences.map(async (sequence) => {
      await sequence.clearHistory();
      await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(0, 24));
    }),
  );
  const from = performance.now();
  let written = 0;
  await Promise.all(
    sequences.map(async (sequence) => {
      let mine = 0;
      // The model may want to end; what counts is the work.
      for await (const _ of sequence.evaluate(tokens.slice(24, 25), { temperature: 0, yieldEogToken: true })) {
        written++;
        if (++mine >= answerTokens) break;
      }
    }),
  );
  return (written / (performance.now() - from)) * 1000;
}
