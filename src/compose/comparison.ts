import type { ModelReader } from '#app/model/compare.ts';
import { createRehearsal } from '#app/model/rehearsal.ts';
import type { Config } from '#config.ts';
import type { Adapters } from './adapters.ts';
import { openLanguageModel } from './models.ts';
import { createUseCases } from './use-cases.ts';

/** A model may take as long as it needs: how long that was is what is asked. */
const budgetMs = 300_000;

/**
 * Reads responses by one language model as a server would: the same use cases on the same store, which keeps nothing of it. Errors: those of
 * `openLanguageModel`.
 */
export async function openComparison(
  adapters: Adapters,
  config: Config,
  reference: string,
): Promise<ModelReader & { close(): Promise<void> }> {
  const textModel = await openLanguageModel(config, reference, adapters);
  const rehearsal = createRehearsal(adapters.storage);
  const answers = new Map<string, string>();
  const cache: Adapters['cache'] = {
    ...adapters.cache,
    get: async (key) => answers.get(key),
    set: async (key, value) => void answers.set(key, value),
  };
  const useCases = createUseCases(
    { ...adapters, storage: rehearsal.storage, textModel, cache },
    { ...config, modelBudgetMs: budgetMs },
  );
  const { catalog, understanding, modelParts, modelCalls: calls } = useCases;
  return { rehearsal, catalog, understanding, modelParts, calls, textModel, close: () => textModel.close() };
}
