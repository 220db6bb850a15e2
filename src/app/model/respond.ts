import { respondPrompt, respondText, tokensFor, wordsOf } from '#domain/prompt/respond.ts';
import type { TextModel } from '#ports/text-model.ts';
import type { Asked, ModelCalls } from './calls.ts';

/** A draft as the model wrote it, unchecked. */
export function askForReply(
  deps: { calls: ModelCalls; textModel: Pick<TextModel, 'write'> },
  spec: { instructions: string; max_words?: number },
  language: string | undefined,
  message: string,
  limits: { timeMs: number; signal: AbortSignal; progress: (fraction: number) => void },
): Promise<Asked<{ text: string; ended: 'stop' | 'length' }>> {
  const prompt = respondText(spec, language, message);
  const maxTokens = tokensFor(wordsOf(spec));
  return deps.calls.ask({
    part: 'respond',
    prompt: respondPrompt,
    input: { ...prompt, maxTokens },
    seed: 1,
    ...limits,
    call: async (budget) => {
      const { text, ended, model, usage } = await deps.textModel.write({ ...prompt, maxTokens, seed: 1 }, budget);
      return { value: { text, ended }, model, usage };
    },
  });
}
