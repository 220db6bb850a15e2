import type { FastifyInstance } from 'fastify';
import type { Analytics, FormAnalytics } from '#app/analytics.ts';
import type { OperationsStats, OperationsStatsUseCase } from '#app/insight/operations-stats.ts';
import type { RefusalCounts, RefusalStats } from '#app/refusals.ts';
import { guard } from '../auth.ts';
import {
  analyticsQuery,
  analyticsSchema,
  operationsQuery,
  operationsSchema,
  refusalsQuery,
  refusalsSchema,
} from '../schemas/analytics.ts';
import { formParams } from '../schemas/forms.ts';
import { time } from '../views.ts';

type Deps = { analytics: Analytics; operationsStats: OperationsStatsUseCase; refusals: Pick<RefusalCounts, 'ofForm'> };

export function analyticsRoutes(api: FastifyInstance, { analytics, operationsStats, refusals }: Deps): void {
  api.get<{ Querystring: { hours: number; limit: number } }>(
    '/analytics/operations',
    {
      config: guard('tasks:read'),
      schema: {
        tags: ['analytics'],
        summary: 'How tasks and deliveries of the last hours went: ends, retries, times',
        querystring: operationsQuery,
        response: { 200: operationsSchema },
      },
    },
    async ({ query }) => operationsView(await operationsStats.stats(query)),
  );

  api.get<{ Querystring: { form_id: string; from?: string; to?: string } }>(
    '/analytics/refusals',
    {
      config: { ...guard('analytics:read'), problems: ['form-not-found'] },
      schema: {
        tags: ['analytics'],
        summary: 'Count the responses that a form refused, by question and by what was wrong, beside those it accepted',
        querystring: refusalsQuery,
        response: { 200: refusalsSchema },
      },
    },
    async ({ query: { form_id: formId, from, to } }) => refusalsView(await refusals.ofForm({ formId, from, to })),
  );

  api.get<{ Params: { id: string }; Querystring: { from?: string; to?: string } }>(
    '/forms/:id/analytics',
    {
      config: { ...guard('analytics:read'), problems: ['form-not-found'] },
      schema: {
        tags: ['analytics'],
        summary: 'Count the responses of a form by day, by label and by answer; exact at the moment of the question',
        params: formParams,
        querystring: analyticsQuery,
        response: { 200: analyticsSchema },
      },
    },
    async ({ params, query }, reply) => {
      const answer = await analytics.ofForm({
        formId: params.id,
        from: query.from === undefined ? undefined : Date.parse(query.from),
        to: query.to === undefined ? undefined : Date.parse(query.to),
      });
      reply.header('x-cache', answer.cached ? 'HIT' : 'MISS');
      return analyticsView(answer.analytics, answer.lastHour);
    },
  );
}

function analyticsView(analytics: FormAnalytics, lastHour: number | null): object {
  return {
    form_id: analytics.formId,
    total_responses: analytics.total,
    last_hour: lastHour,
    per_day: analytics.perDay,
    by_label: analytics.byLabel,
    unlabelled: analytics.unlabelled,
    by_field: analytics.byField,
    suppressed: analytics.suppressed + (lastHour === null ? 1 : 0),
    as_of: time(analytics.asOf),
  };
}

function refusalsView({ formId, from, to, refused, accepted, byQuestion, byDay, asOf }: RefusalStats): object {
  const all = refused + accepted;
  return {
    form_id: formId,
    from,
    to,
    refused,
    accepted,
    share_refused: all === 0 ? null : refused / all,
    by_question: byQuestion,
    per_day: byDay,
    as_of: time(asOf),
  };
}

function operationsView({ from, tasks, deliveries }: OperationsStats): object {
  return {
    from: time(from),
    tasks: {
      complete: tasks.complete,
      kinds: tasks.kinds.map(({ kind, count, byStatus, retried, waited, ran }) => ({
        kind,
        count,
        by_status: byStatus,
        retried,
        waited_seconds: waited ?? null,
        ran_seconds: ran ?? null,
      })),
    },
    deliveries: {
      complete: deliveries.complete,
      endpoints: deliveries.endpoints.map(({ endpointId, attempts, succeeded, retries, outcomes, took }) => ({
        endpoint_id: endpointId,
        attempts,
        succeeded,
        retries,
        outcomes,
        milliseconds: took ?? null,
      })),
    },
  };
}
