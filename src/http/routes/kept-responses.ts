import type { FastifyInstance } from 'fastify';
import type { Correction, Reviews } from '#app/reviews.ts';
import { responseView } from '#domain/response-view.ts';
import { guard } from '../auth.ts';
import type { Paging } from '../paging.ts';
import { pageOf, pageQuery, startedTaskSchema, timeSchema } from '../schemas/common.ts';
import { formParams } from '../schemas/forms.ts';
import { responseSchema, reviewSchema } from '../schemas/responses.ts';
import { callerOf } from './forms.ts';

type Id = { Params: { id: string } };
type ListQuery = {
  limit: number;
  cursor?: string;
  label?: string;
  status?: 'accepted' | 'completed';
  from?: string;
  to?: string;
  q?: string;
};

const idParams = {
  type: 'object',
  required: ['id'],
  additionalProperties: false,
  properties: { id: { type: 'string', minLength: 1, maxLength: 100 } },
} as const;

/** Reading responses and correcting what was understood. */
export function keptResponseRoutes(
  api: FastifyInstance,
  { reviews, paging }: { reviews: Reviews; paging: Paging },
): void {
  const read = guard('responses:read');
  const correct = guard('responses:review');
  const tags = ['responses'];

  api.get<Id & { Querystring: ListQuery }>(
    '/forms/:id/responses',
    {
      config: { ...read, problems: ['form-not-found', 'bad-cursor'] },
      schema: {
        tags,
        summary: 'List the responses of a form, newest first',
        params: formParams,
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            ...pageQuery,
            label: {
              type: 'string',
              maxLength: 64,
              description: 'The label that counts; empty for those that belong to none.',
            },
            status: { enum: ['accepted', 'completed'] },
            from: { ...timeSchema, description: 'Submitted at or after.' },
            to: { ...timeSchema, description: 'Submitted before.' },
            q: {
              type: 'string',
              minLength: 1,
              maxLength: 200,
              description: 'Part of an answer; the case of ASCII letters is ignored.',
            },
          },
        },
        response: { 200: pageOf(responseSchema) },
      },
    },
    async ({ params, query }) => {
      const { limit, cursor, label, status, from, to, q } = query;
      const list = JSON.stringify(['responses', params.id, label, status, from, to, q]);
      const page = await reviews.list(params.id, {
        ...paging.read({ limit, cursor }, list),
        label,
        status,
        from: from === undefined ? undefined : Date.parse(from),
        to: to === undefined ? undefined : Date.parse(to),
        text: q,
        newestFirst: true,
      });
      return paging.body(
        page.items.map(({ doc }) => responseView(doc)),
        page.next,
        list,
      );
    },
  );

  api.get<Id>(
    '/responses/:id',
    {
      config: { ...read, problems: ['response-not-found'] },
      schema: {
        tags,
        summary: 'Read a response with what was understood and how',
        params: idParams,
        response: { 200: responseSchema },
      },
    },
    async ({ params }) => responseView((await reviews.get(params.id)).doc),
  );

  api.post<Id & { Body: Correction }>(
    '/responses/:id/review',
    {
      config: { ...correct, problems: ['response-not-found', 'value-refused', 'conflict'] },
      schema: {
        tags,
        summary: "Keep a person's correction beside the machine's result, and learn from it",
        params: idParams,
        body: reviewSchema,
        response: { 200: responseSchema },
      },
    },
    async (request) => responseView(await reviews.review(callerOf(request), request.params.id, request.body)),
  );

  api.post<Id>(
    '/responses/:id/reprocess',
    {
      config: { ...correct, problems: ['response-not-found', 'conflict'] },
      schema: {
        tags,
        summary: 'Read a response again with what is known now',
        params: idParams,
        response: { 202: startedTaskSchema },
      },
    },
    async (request, reply) => {
      const taskId = await reviews.reprocess(callerOf(request), request.params.id);
      reply.code(202).header('location', `/api/v1/tasks/${taskId}`);
      return { task_id: taskId };
    },
  );
}
