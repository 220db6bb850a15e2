import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import type { Tuning } from './protocol.ts';

export function openContext(
  model: LlamaModel,
  { threads, places, batchTokens }: Pick<Tuning, 'threads' | 'places' | 'batchTokens'>,
  contextTokens: number,
): Promise<LlamaContext> {
  return model.createContext({
    sequences: places,
    contextSize: contextTokens,
    batchSize: batchTokens,
    threads,
    ignoreMemorySafetyChecks: true,
  });
}
