import type { FastifyInstance } from 'fastify';
import type { Analytics, FormAnalytics } from '#app/analytics.ts';
import { guard } from '../auth.ts';
import { analyticsQuery, analyticsSchema } from '../schemas/analytics.ts';
import { formParams } from '../schemas/forms.ts';
import { time } from '../views.ts';

type Deps = { analytics: Analytics };

export function analyticsRoutes(api: FastifyInstance, { analytics }: Deps): void {
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
      return analyticsView(answer.analytics);
    },
  );
}

function analyticsView(analytics: FormAnalytics): object {
  return {
    form_id: analytics.formId,
    total_responses: analytics.total,
    per_day: analytics.perDay,
    by_label: analytics.byLabel,
    unlabelled: analytics.unlabelled,
    by_field: analytics.byField,
    as_of: time(analytics.asOf),
  };
}
