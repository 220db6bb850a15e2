import { canonicalJson } from '#domain/canonical-json.ts';
import { sha256Hex } from '#domain/hash.ts';
import type { Json } from '#domain/json.ts';
import { ModelError, type ModelFault } from '#domain/model-error.ts';
import type { Part, Provenance } from '#domain/response.ts';
import { afterEvent, type BreakerState, closedBreaker, mayTry } from '#domain/webhook/breaker.ts';
import type { Cache } from '#ports/cache.ts';
import type { Clock, Pause } from '#ports/clock.ts';
import type { Metrics } from '#ports/metrics.ts';
import type { Budget, TextModel, TextModelInfo, Usage } from '#ports/text-model.ts';

type Deps = {
  textModel: Pick<TextModel, 'model' | 'score' | 'write'>;
  cache: Pick<Cache, 'get' | 'set'>;
  clock: Clock;
  pause: Pause;
  metrics: Pick<Metrics, 'observe' | 'count'>;
};

/** An answer of the model, or why there is none: a fault of the model, `breaker-open`, `no-model`, `budget-spent` or `failed`. */
export type Asked<T> = { value: T; ms: number; provenance: ModelProvenance } | { fault: string; ms: number };
type ModelProvenance = Pick<Provenance, 'model' | 'modelSha256' | 'prompt' | 'seed' | 'tokens' | 'times' | 'cached'>;

export type Question<T extends Json> = {
  part: Part;
  /** Name and version of the prompt. */
  prompt: string;
  /** All that the answer follows from, beside the model: the same twice is asked once. */
  input: Json;
  timeMs: number;
  signal: AbortSignal;
  progress?: (fraction: number) => void;
  seed?: number;
  call: (budget: Budget) => Promise<{ value: T; model: TextModelInfo; usage: Usage }>;
};

const cacheMs = 86_400_000;
const againMs = 1000;
/** For a place beside other responses, in a task's slot; then the task is given back. It costs nothing of a response's budget. */
const waitMs = 45_000;

/**
 * Asks the language model, with all that keeps a bad model from harming: the cache, a breaker, a budget of time, and one more try after another for as long as
 * the budget lasts where its process has died and is started again.
 */
export function createModelCalls(deps: Deps) {
  const { clock, metrics } = deps;
  // Of this process, as the model's own process is: another worker's model may be well.
  let breaker: BreakerState = closedBreaker;

  async function ask<T extends Json>(question: Question<T>): Promise<Asked<T>> {
    const from = performance.now();
    const spent = () => performance.now() - from;
    const model = await deps.textModel.model().catch(faultOf);
    if (model === undefined || 'fault' in model) return { fault: model?.fault ?? 'no-model', ms: 0 };
    const key = keyOf(model, question);
    const kept = await deps.cache.get(key).catch(() => undefined);
    if (kept !== undefined) {
      const { value, tokens } = JSON.parse(kept) as { value: T; tokens: Provenance['tokens'] };
      return { value, ms: spent(), provenance: { ...provenanceOf(model, question), tokens, cached: true } };
    }
    if (question.timeMs <= 0) return { fault: 'budget-spent', ms: 0 };
    const asked = await tryUntil(question);
    if ('fault' in asked) {
      metrics.count('formstead_inference_total', { kind: question.part, tier: 'llm', outcome: 'failed' });
      return { fault: asked.fault, ms: Math.min(spent(), question.timeMs) };
    }
    const { value, usage } = asked;
    told(question.part, usage);
    const tokens = { prompt: usage.promptTokens, reused: usage.reusedTokens, answer: usage.answerTokens };
    // The model may have been changed between the two questions; what answered is what counts.
    const answeredBy = asked.model;
    await deps.cache.set(keyOf(answeredBy, question), JSON.stringify({ value, tokens }), cacheMs).catch(() => {});
    const times = { queue: rounded(usage.queueMs), firstToken: rounded(usage.firstTokenMs) };
    return {
      value,
      ms: usage.totalMs - usage.queueMs,
      provenance: { ...provenanceOf(answeredBy, question), tokens, times },
    };
  }

  async function tryUntil<T extends Json>({
    signal,
    progress,
    call,
    timeMs,
  }: Question<T>): Promise<{ value: T; model: TextModelInfo; usage: Usage } | { fault: string }> {
    const from = performance.now();
    const left = () => timeMs - (performance.now() - from);
    for (;;) {
      signal.throwIfAborted();
      if (!mayTry(breaker, clock.now()).yes) return { fault: 'breaker-open' };
      breaker = afterEvent(breaker, 'try', clock.now());
      try {
        const budget = {
          timeMs: left(),
          waitMs,
          signal,
          progress: (tokens: number, most: number) => progress?.(tokens / most),
        };
        const answer = await call(budget);
        breaker = afterEvent(breaker, 'success', clock.now());
        return answer;
      } catch (err) {
        signal.throwIfAborted();
        const { fault } = faultOf(err);
        // A crowd before the model and a text that is too long are no faults of the model.
        if (fault !== 'model-busy' && fault !== 'prompt-too-long')
          breaker = afterEvent(breaker, 'failure', clock.now());
        if (fault !== 'model-unavailable' || left() < 2 * againMs) return { fault };
        await deps.pause(againMs, signal);
      }
    }
  }

  function told(part: Part, usage: Usage): void {
    metrics.observe('formstead_inference_seconds', { kind: part, tier: 'llm' }, usage.totalMs / 1000);
    metrics.observe('formstead_model_queue_seconds', { kind: part }, usage.queueMs / 1000);
    metrics.observe('formstead_model_first_token_seconds', { kind: part }, usage.firstTokenMs / 1000);
    metrics.count(
      'formstead_model_tokens_total',
      { kind: part, direction: 'read' },
      usage.promptTokens - usage.reusedTokens,
    );
    metrics.count('formstead_model_tokens_total', { kind: part, direction: 'reused' }, usage.reusedTokens);
    metrics.count('formstead_model_tokens_total', { kind: part, direction: 'written' }, usage.answerTokens);
  }

  return { ask, breaker: (): BreakerState => breaker };
}
export type ModelCalls = ReturnType<typeof createModelCalls>;

const faultOf = (err: unknown): { fault: ModelFault | 'failed' } => ({
  fault: err instanceof ModelError ? err.fault : 'failed',
});

const keyOf = ({ sha256 }: TextModelInfo, { prompt, input, seed }: Question<Json>): string =>
  `llm:${sha256Hex(canonicalJson({ sha256, prompt, input, seed: seed ?? null }))}`;

function provenanceOf({ name, sha256 }: TextModelInfo, { prompt, seed }: Question<Json>): ModelProvenance {
  return { model: name, modelSha256: sha256, prompt, ...(seed !== undefined && { seed }) };
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 10) / 10;
