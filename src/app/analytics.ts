import { AppError } from '#domain/errors.ts';
import type { CompiledForm } from '#domain/form/compiled.ts';
import { type Form, versionId } from '#domain/form/form.ts';
import { isLargeGroup } from '#domain/queries/least-group.ts';
import type { Clock } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { ResponseCounts, Storage } from '#ports/storage.ts';
import { formOf } from './form-versions.ts';
import type { AnswerCache } from './queries/answer-cache.ts';
import { countedAs } from './queries/outcomes.ts';

/** `from` inclusive, `to` exclusive, epoch milliseconds, by the time of submission. */
export type AnalyticsQuery = { formId: string; from?: number; to?: number };
/** `null`: of some responses, but of fewer than the least group. `suppressed`: how many counts are null so, or left out of the lists. */
type ShownCounts = Omit<ResponseCounts, 'total' | 'unlabelled'> & {
  total: number | null;
  unlabelled: number | null;
  suppressed: number;
};
/** `asOf`: when it was counted, epoch ms; nothing has changed since. */
export type FormAnalytics = ShownCounts & { formId: string; asOf: number };
/**
 * `cached`: nothing was counted for this query; another one had it counted. `lastHour`: responses of the hour before the question, whatever the range; always counted, and
 * `null` as the others are.
 */
export type AnalyticsAnswer = { analytics: FormAnalytics; cached: boolean; lastHour: number | null };

type Deps = {
  storage: Pick<Storage, 'get' | 'responses' | 'sequence'>;
  answers: AnswerCache;
  clock: Clock;
  metrics: Pick<Metrics, 'observe' | 'count'>;
  /** Counts of fewer responses are not shown. 1: all are. */
  leastGroup: number;
};

const hourMs = 3_600_000;
const counted = new Set(['dropdown', 'radiogroup', 'checkbox', 'boolean', 'rating']);

/**
 * Counts of one form: exact, and never behind. The key holds the store's sequence as it was before counting: a change that was acknowledged before a query
 * began has raised the sequence, so the query cannot meet an answer from before it. Equal queries at the same time count once. While the store cannot tell its
 * sequence each counts for itself.
 */
export function createAnalytics(deps: Deps) {
  const { storage, metrics, leastGroup } = deps;
  /** Errors: `form-not-found`, `malformed-query` when the range is empty. */
  async function ofForm(query: AnalyticsQuery): Promise<AnalyticsAnswer> {
    if (query.from !== undefined && query.to !== undefined && query.from >= query.to)
      throw new AppError('malformed-query', { detail: 'The range is empty: to must be later than from.' });
    const form = await formOf(storage, query.formId);
    const [{ value, cached }, hour] = await Promise.all([
      answer(form, query),
      storage.responses.days({ formId: form.id, from: deps.clock.now() - hourMs }),
    ]);
    const lastHour = hour.reduce((sum, day) => sum + day.count, 0);
    return { analytics: value, cached, lastHour: isLargeGroup(lastHour, leastGroup) ? lastHour : null };
  }

  async function answer(form: Form, query: AnalyticsQuery): Promise<{ value: FormAnalytics; cached: boolean }> {
    const sequence = await storage.sequence();
    if (sequence === undefined) return { value: await countedAs(metrics, () => count(form, query)), cached: false };
    const key = `analytics:${JSON.stringify([form.id, form.version, query.from ?? null, query.to ?? null, sequence, leastGroup])}`;
    return deps.answers.answer(key, () => count(form, query));
  }

  async function count(form: Form, { from, to }: AnalyticsQuery): Promise<FormAnalytics> {
    const startedAt = performance.now();
    const asOf = deps.clock.now();
    const version =
      form.version === 0 ? undefined : await storage.get('form-version', versionId(form.id, form.version));
    const fields = version ? countedQuestions(version.doc.compiled) : [];
    const counts = await storage.responses.analytics({ formId: form.id, fields, from, to });
    metrics.observe('formstead_analytics_query_seconds', {}, (performance.now() - startedAt) / 1000);
    return { ...ofLargeGroups(counts, leastGroup), formId: form.id, asOf };
  }

  return { ofForm };
}
export type Analytics = ReturnType<typeof createAnalytics>;

/** Names of the questions whose answers come from a short list. */
function countedQuestions(compiled: CompiledForm): string[] {
  return compiled.questions.filter(({ type }) => counted.has(type)).map(({ name }) => name);
}

function ofLargeGroups(counts: ResponseCounts, leastGroup: number): ShownCounts {
  let suppressed = 0;
  const shown = ({ count }: { count: number }): boolean => {
    const enough = isLargeGroup(count, leastGroup);
    if (!enough) suppressed += 1;
    return enough;
  };
  const orNull = (count: number): number | null => (shown({ count }) ? count : null);
  const byField = Object.entries(counts.byField).map(([field, values]) => [field, values.filter(shown)] as const);
  return {
    total: orNull(counts.total),
    perDay: counts.perDay.filter(shown),
    byLabel: counts.byLabel.filter(shown),
    unlabelled: orNull(counts.unlabelled),
    byField: Object.fromEntries(byField),
    suppressed,
  };
}
