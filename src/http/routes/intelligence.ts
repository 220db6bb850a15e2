import type { FastifyInstance } from 'fastify';
import type { IntelligenceStatsUseCase, ModelStanding } from '#app/insight/intelligence-stats.ts';
import { may } from '#domain/actor.ts';
import type { IntelligenceStats, PartStats, TierStats } from '#domain/intelligence-stats.ts';
import { guard } from '../auth.ts';
import { intelligenceStatsQuery, intelligenceStatsSchema } from '../schemas/intelligence.ts';
import { maybeTime } from '../views.ts';

type Deps = {
  stats: IntelligenceStatsUseCase;
  /** Whether the language model is asked by this process; else only the process that asks it knows how it does. */
  runsModel: boolean;
};

/** What the tiers and their models did. */
export function intelligenceRoutes(api: FastifyInstance, { stats, runsModel }: Deps): void {
  api.get<{ Querystring: { form?: string; from?: string; limit: number } }>(
    '/intelligence/stats',
    {
      config: { ...guard('analytics:read'), problems: ['form-not-found'] },
      schema: {
        tags: ['analytics'],
        summary: 'What each tier and model did for the newest responses: answers, times, tokens, what people changed',
        querystring: intelligenceStatsQuery,
        response: { 200: intelligenceStatsSchema },
      },
    },
    async ({ query: { form, from, limit }, actor }) => {
      const found = await stats.stats({
        limit,
        ...(form !== undefined && { form }),
        ...(from !== undefined && { from: Date.parse(from) }),
      });
      // A problem may name a file of the machine.
      const model = runsModel ? modelView(stats.model(), may(actor, 'operations:read')) : null;
      return { ...statsView(found), model };
    },
  );
}

function statsView(stats: IntelligenceStats): object {
  const { classify, extract, respond } = stats.parts;
  return {
    responses: stats.responses,
    from: maybeTime(stats.from),
    to: maybeTime(stats.to),
    parts: { classify: partView(classify), extract: partView(extract), respond: partView(respond) },
    dropped_values: stats.droppedValues,
    abstained_share: stats.abstainedShare ?? null,
    model_milliseconds: stats.modelMilliseconds ?? null,
  };
}

const partView = ({ results, tiers, outcomes }: PartStats): object => ({
  results,
  tiers: tiers.map(tierView),
  outcomes,
});

function tierView(tier: TierStats): object {
  return {
    tier: tier.tier,
    model: tier.model,
    model_sha256: tier.modelSha256 ?? null,
    answered: tier.answered,
    share: tier.share,
    needs_review: tier.needsReview,
    reviewed: tier.reviewed,
    agreed: tier.agreed,
    milliseconds: tier.milliseconds ?? null,
    queue_ms: tier.queueMs ?? null,
    first_token_ms: tier.firstTokenMs ?? null,
    tokens: tier.tokens ?? null,
    cached: tier.cached,
  };
}

export function modelView(model: ModelStanding, withProblem: boolean): object {
  return {
    status: model.status,
    name: model.model?.name ?? null,
    sha256: model.model?.sha256 ?? null,
    memory_bytes: model.memoryBytes,
    running: model.running,
    waiting: model.waiting,
    places: model.places,
    threads: model.threads,
    restarts: model.restarts,
    breaker: model.breaker,
    problem: (withProblem && model.problem) || null,
  };
}
