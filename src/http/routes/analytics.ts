import type { FastifyInstance } from 'fastify';
import type { Analytics, FormAnalytics } from '#app/analytics.ts';
import type { OperationsStats, OperationsStatsUseCase } from '#app/insight/operations-stats.ts';
import type { CountFiles } from '#app/queries/count-files.ts';
import type { RefusalCounts } from '#app/refusals.ts';
import { type OperationsTable, operationsTable } from '#domain/operations-tables.ts';
import { type RefusalStats, type RefusalTable, refusalTable } from '#domain/refusal-stats.ts';
import { engineProblems, goneSignal, sendAnswerFile } from '../answer-file.ts';
import { guard } from '../auth.ts';
import {
  analyticsQuery,
  analyticsSchema,
  operationsFileHeaders,
  operationsQuery,
  operationsSchema,
  refusalsFileHeaders,
  refusalsQuery,
  refusalsSchema,
} from '../schemas/analytics.ts';
import { formParams } from '../schemas/forms.ts';
import { type AnswerFormat, answerContent } from '../schemas/queries.ts';
import { time } from '../views.ts';

type Deps = {
  analytics: Analytics;
  operationsStats: OperationsStatsUseCase;
  refusals: Pick<RefusalCounts, 'ofForm'>;
  countFiles: CountFiles;
};
type OperationsQuery = { hours: number; limit: number; table: OperationsTable; format: AnswerFormat };
type RefusalsQuery = { form_id: string; from?: string; to?: string; table: RefusalTable; format: AnswerFormat };

export function analyticsRoutes(
  api: FastifyInstance,
  { analytics, operationsStats, refusals, countFiles }: Deps,
): void {
  api.get<{ Querystring: OperationsQuery }>(
    '/analytics/operations',
    {
      config: { ...guard('tasks:read'), problems: engineProblems },
      schema: {
        tags: ['analytics'],
        summary: 'How tasks and deliveries of the last hours went: ends, retries, times',
        querystring: operationsQuery,
        response: { 200: { headers: operationsFileHeaders, content: answerContent(operationsSchema) } },
      },
    },
    async ({ query: { table, format, ...wish } }, reply) => {
      const stats = await operationsStats.stats(wish);
      if (format === 'json') return operationsView(stats);
      const { tasks, deliveries } = stats;
      const rows = operationsTable(table, { ...tasks, ...deliveries });
      const file = await countFiles.sent(format, rows, goneSignal(reply));
      const { complete } = table === 'tasks' ? tasks : deliveries;
      const told = { truncated: file.told.truncated || !complete };
      return sendAnswerFile(reply, table, format, { ...file, told });
    },
  );

  api.get<{ Querystring: RefusalsQuery }>(
    '/analytics/refusals',
    {
      config: { ...guard('analytics:read'), problems: ['form-not-found', ...engineProblems] },
      schema: {
        tags: ['analytics'],
        summary: 'Count the responses that a form refused, by question and by what was wrong, beside those it accepted',
        querystring: refusalsQuery,
        response: { 200: { headers: refusalsFileHeaders, content: answerContent(refusalsSchema) } },
      },
    },
    async ({ query: { form_id: formId, from, to, table, format } }, reply) => {
      const stats = await refusals.ofForm({ formId, from, to });
      if (format === 'json') return refusalsView(stats);
      const file = await countFiles.sent(format, refusalTable(table, stats), goneSignal(reply));
      const told = { ...file.told, suppressed: stats.suppressedIn[table], asOf: stats.asOf };
      return sendAnswerFile(reply, `refusals-${table.replace('_', '-')}`, format, { ...file, told });
    },
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

function refusalsView(stats: RefusalStats): object {
  return {
    form_id: stats.formId,
    from: stats.from,
    to: stats.to,
    refused: stats.refused,
    accepted: stats.accepted,
    share_refused: stats.shareRefused,
    by_question: stats.byQuestion,
    per_day: stats.byDay,
    suppressed: stats.suppressed,
    as_of: time(stats.asOf),
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
