import type { ModelParts } from '#app/model/parts.ts';
import type { Clock } from '#ports/clock.ts';
import type { HandlerOutcome } from '../registry.ts';

/** Others go first meanwhile: what the cheap tiers can answer need not wait behind a crowd before the model. */
const laterMs = 2000;

export function partOutcome(outcome: Awaited<ReturnType<ModelParts['run']>>, clock: Clock): HandlerOutcome {
  return outcome === 'busy' ? { release: { until: clock.now() + laterMs } } : { done: { outcome } };
}
