import { type IntelligenceStats, statsOf } from '#domain/intelligence-stats.ts';
import { mayTry } from '#domain/webhook/breaker.ts';
import type { Clock } from '#ports/clock.ts';
import type { Storage } from '#ports/storage.ts';
import type { TextModel, TextModelState } from '#ports/text-model.ts';
import { pages } from '../every.ts';
import type { FormCatalog } from '../form-catalog.ts';
import type { ModelCalls } from '../model/calls.ts';

type Deps = {
  storage: Pick<Storage, 'list'>;
  catalog: Pick<FormCatalog, 'form'>;
  textModel: Pick<TextModel, 'state'>;
  calls: Pick<ModelCalls, 'breaker'>;
  clock: Clock;
};

export type StatsQuery = { form?: string; from?: number; limit: number };

/** How the language model of this process does. `breaker`: `open` while it is not asked, since it failed several times in a row. */
export type ModelStanding = TextModelState & { breaker: 'closed' | 'open' };

/** Read at once: a response with all its answers is parsed on the thread that answers requests. */
const pageSize = 200;

export function createIntelligenceStats(deps: Deps) {
  /** Of the newest responses, at most `limit`; `form`: id or slug. Errors: `form-not-found`. */
  async function stats({ form, from, limit }: StatsQuery): Promise<IntelligenceStats> {
    const formId = form === undefined ? undefined : (await deps.catalog.form(form)).id;
    const counted = statsOf();
    const query = { where: { formId }, ...(from !== undefined && { from }), newestFirst: true };
    let left = limit;
    const found = pages((after) => deps.storage.list('response', { ...query, after, limit: Math.min(pageSize, left) }));
    for await (const { items } of found) {
      for (const { doc } of items) counted.add(doc);
      left -= items.length;
      if (left === 0) break;
    }
    return counted.result();
  }

  function model(): ModelStanding {
    const breaker = mayTry(deps.calls.breaker(), deps.clock.now()).yes ? 'closed' : 'open';
    return { ...deps.textModel.state(), breaker };
  }

  return { stats, model };
}
export type IntelligenceStatsUseCase = ReturnType<typeof createIntelligenceStats>;
