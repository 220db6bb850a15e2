import { AppError } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { ResponseCounts, Storage } from '#ports/storage.ts';

/** `from` inclusive, `to` exclusive, epoch milliseconds, by the time of submission. */
export type AnalyticsQuery = { formId: string; from?: number; to?: number };
/** `asOf`: when it was counted, epoch ms; nothing has changed since. */
export type FormAnalytics = ResponseCounts & { formId: string; asOf: number };
/** `cached`: nothing was counted for this query; another one had it counted. */
export type AnalyticsAnswer = { analytics: FormAnalytics; cached: boolean };

type Deps = {
  storage: Pick<Storage, 'get' | 'responses' | 'sequence'>;
  cache: Pick<Cache, 'get' | 'set'>;
  clock: Clock;
  metrics: Pick<Metrics, 'count' | 'observe'>;
};

/** An entry is exact for ever, as its key names the state it was counted from; this only bounds what lies about. */
const keptMs = 600_000;
const counted = new Set(['dropdown', 'radiogroup', 'checkbox', 'boolean', 'rating']);

/**
 * Counts of one form: exact, and never behind. The key holds the store's sequence as it was before counting: a change that was acknowledged before a query
 * began has raised the sequence, so the query cannot meet an answer from before it. Equal queries at the same time count once.
 */
export function createAnalytics(deps: Deps) {
  const { storage, cache, metrics } = deps;
  const running = new Map<string, Promise<FormAnalytics>>();

  /** Errors: `form-not-found`, `malformed-query` when the range is empty. */
  async function ofForm(query: AnalyticsQuery): Promise<AnalyticsAnswer> {
    if (query.from !== undefined && query.to !== undefined && query.from >= query.to)
      throw new AppError('malformed-query', { detail: 'The range is empty: to must be later than from.' });
    const form = (await storage.get('form', query.formId))?.doc;
    if (!form) throw new AppError('form-not-found', { detail: `There is no form ${query.formId}.` });
    const sequence = await storage.sequence();
    const key = `analytics:${JSON.stringify([form.id, form.version, query.from ?? null, query.to ?? null, sequence])}`;
    const answer = await cachedOrCounted(key, form, query);
    metrics.count('formstead_analytics_queries_total', { outcome: answer.cached ? 'hit' : 'miss' });
    return answer;
  }

  async function cachedOrCounted(key: string, form: Form, query: AnalyticsQuery): Promise<AnalyticsAnswer> {
    const same = running.get(key);
    if (same !== undefined) return { analytics: await same, cached: true };
    const lookup = Promise.withResolvers<FormAnalytics>();
    // A failure is told to each who waits for it, and to nobody when none does.
    lookup.promise.catch(() => {});
    running.set(key, lookup.promise);
    try {
      // A cache that is away costs a count, not the answer.
      const kept = await cache.get(key).catch(() => undefined);
      const analytics = kept === undefined ? await count(form, query) : (JSON.parse(kept) as FormAnalytics);
      if (kept === undefined) await cache.set(key, JSON.stringify(analytics), keptMs).catch(() => {});
      lookup.resolve(analytics);
      return { analytics, cached: kept !== undefined };
    } catch (err) {
      metrics.count('formstead_analytics_queries_total', { outcome: 'failed' });
      lookup.reject(err);
      throw err;
    } finally {
      running.delete(key);
    }
  }

  async function count(form: Form, { from, to }: AnalyticsQuery): Promise<FormAnalytics> {
    const startedAt = performance.now();
    const asOf = deps.clock.now();
    const version =
      form.version === 0 ? undefined : await storage.get('form-version', versionId(form.id, form.version));
    const fields = version ? countedQuestions(version.doc.compiled) : [];
    const counts = await storage.responses.analytics({ formId: form.id, fields, from, to });
    metrics.observe('formstead_analytics_query_seconds', {}, (performance.now() - startedAt) / 1000);
    return { ...counts, formId: form.id, asOf };
  }

  return { ofForm };
}
export type Analytics = ReturnType<typeof createAnalytics>;

/** Names of the questions whose answers come from a short list. */
function countedQuestions(compiled: CompiledForm): string[] {
  return compiled.questions.filter(({ type }) => counted.has(type)).map(({ name }) => name);
}
